//! One attempt of a job: the model program is given all parts that wait, and each is stored as soon as it is finished.

use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value, json};
use tagger_store::{AttemptOutcome, Change, Commit, Fingerprint, JobId, Part, StoreError, StreamName};
use tagger_wire::{Line, ModelKind};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::task::spawn_blocking;
use tokio::time::{Duration, Instant};

use super::engine::{Context, Message};
use super::error::told;
use crate::Model;
use crate::align::place;
use crate::attempt::{Listener, Order, Over, Patience, attempt};
use crate::executor::{Bounds, LogFile};
use crate::handover::hand_over;
use crate::input::find_inputs;
use crate::jobs::{Ending, Event, How, PartNumber};
use crate::ledger::{Ledger, Notice};
use crate::sources::{Listed, check};
use crate::starting::{Start, arguments};

/// How often the model's own word on how far it is is stored.
const RATIO_EVERY: Duration = Duration::from_secs(1);

/// An attempt that is about to begin.
pub(super) struct Work {
    pub job: JobId,
    pub attempt: u32,
    pub model: Arc<Model>,
    pub params: Map<String, Value>,
    pub stream: StreamName,
    /// The parts it is given, with the paths of their files.
    pub parts: Vec<(Part, PathBuf)>,
    /// The media themselves and how they looked when they were submitted, if parts lie in them.
    pub source: Option<(PathBuf, Fingerprint)>,
    /// The content's name.
    pub content: String,
    /// Variables for the program: which devices it has.
    pub env: Vec<(OsString, OsString)>,
    /// The same for a container, by their CDI names.
    pub devices: Vec<String>,
    /// What a container may have.
    pub limits: Bounds,
    /// A folder for its output, which is removed afterwards.
    pub folder: PathBuf,
    pub log: LogFile,
    pub patience: Patience,
    pub max_tags: u64,
    pub context: Arc<Context>,
    pub engine: UnboundedSender<Message>,
}

impl Work {
    /// Carries it out. What comes of it is told to the engine, last of all that it is over.
    pub async fn carry_out(self, mut orders: UnboundedReceiver<Order>) {
        let ending = match self.begin().await {
            Ok(paths) => self.run(&paths, &mut orders).await,
            Err(trouble) => trouble,
        };
        // What cannot be removed now is removed at the next start.
        let _ = fs::remove_dir_all(&self.folder);
        let (engine, job, attempt) = (self.engine.clone(), self.job.clone(), self.attempt);
        // Nothing of ours is in use any more when the engine hears of it.
        drop(self);
        let _ = engine.send(Message::Event(job, Event::AttemptEnded { attempt, ending }));
    }

    /// Makes the folders and finds the paths to hand over.
    async fn begin(&self) -> Result<Vec<String>, Ending> {
        let (folder, log, parts, source) =
            (self.folder.clone(), self.log.path.clone(), self.parts.clone(), self.source.clone());
        // Media are opened in there. A panic is ours: pass it on.
        let begun = spawn_blocking(move || begin(&folder, &log, &parts, source.as_ref())).await;
        begun.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
    }

    async fn run(&self, paths: &[String], orders: &mut UnboundedReceiver<Order>) -> Ending {
        let start = Start {
            model: &self.model,
            arguments: &arguments(&self.params),
            folder: &self.folder,
            name: "output",
            paths,
            content: Some(&self.content),
            job: Some(self.job.as_ref()),
            env: self.env.clone(),
            log: Some(self.log.clone()),
            limits: self.limits,
            devices: self.devices.clone(),
            containers: &self.context.containers,
        };
        let (mut launch, mut output) = match start.launch() {
            Ok(launch) => launch,
            Err(error) => {
                let cause = format!("cannot make folders in `{}`: {error}", self.folder.display());
                return Ending { how: How::CutShort, at: None, cause };
            }
        };
        let mut ledger = Ledger::giving(paths);
        let taken_over = self.context.containers.take_over(&mut launch, paths).await;
        if let Some(program) = &taken_over {
            ledger.pass_over(&program.others);
            output.clone_from(&program.output);
        }
        let mut keeping = Keeping { work: self, ledger, news: News::default(), told_ratio: None };
        let executor = self.context.executor.as_ref();
        let over = attempt(executor, &launch, &output, paths, self.patience, orders, &mut keeping).await;
        keeping.tell_untold().await;
        if let Some(program) = &taken_over {
            // What cannot be removed now is removed at the next start.
            let _ = fs::remove_dir_all(&program.folder);
        }
        let part = |nth: usize| self.parts[nth].0.number;
        let was_at = keeping.ledger.is_at();
        let is_at = was_at.or_else(|| keeping.ledger.unfinished().next());
        // The input of a program that was taken over may have been cut off together with the service that fed it.
        let is_cut_off = taken_over.is_some() && is_at.is_some();
        let (error, blamed) = keeping.ledger.errors();
        for (nth, cause) in blamed {
            self.tell(Event::PartFailed { attempt: self.attempt, part: part(nth), cause });
        }
        let at = was_at.map(part);
        let misbehaved = |outcome, at: Option<usize>, cause: String| {
            let at = at.map(part);
            let _ = self.engine.send(Message::Misbehaved(self.job.clone(), outcome));
            self.tell(Event::Misbehaved { attempt: self.attempt, at, cause: cause.clone() });
            Ending { how: How::Failed, at, cause }
        };
        match over {
            Ok(Over::Ended(ending)) if ending.is_clean && error.is_none() && is_cut_off => {
                Ending { how: How::CutShort, at, cause: "its input ended with the server before this one".into() }
            }
            Ok(Over::Ended(ending)) => {
                let how = if ending.is_clean && error.is_none() { How::Clean } else { How::Failed };
                Ending { how, at, cause: error.unwrap_or(ending.told) }
            }
            Ok(Over::Stopped) => Ending { how: How::CutShort, at, cause: "it was stopped".into() },
            Ok(Over::NeverRead(cause)) => misbehaved(AttemptOutcome::Stalled, None, cause),
            Ok(Over::Stalled(cause)) => misbehaved(AttemptOutcome::Stalled, is_at, cause),
            Ok(Over::Flooded(cause)) => misbehaved(AttemptOutcome::Flooded, is_at, cause),
            Ok(Over::Unreadable(error)) => misbehaved(AttemptOutcome::Failed, was_at, error.to_string()),
            Ok(Over::Unkept(error)) => Ending { how: How::CutShort, at, cause: error.to_string() },
            Err(error) => Ending { how: How::Failed, at, cause: error.to_string() },
        }
    }

    fn tell(&self, event: Event) {
        // An engine that has gone needs no news; what matters is stored.
        let _ = self.engine.send(Message::Event(self.job.clone(), event));
    }
}

fn begin(
    folder: &Path,
    log: &Path,
    parts: &[(Part, PathBuf)],
    source: Option<&(PathBuf, Fingerprint)>,
) -> Result<Vec<String>, Ending> {
    let ours = |doing: &str, path: &Path, error: &io::Error| Ending {
        how: How::CutShort,
        at: None,
        cause: format!("cannot {doing} `{}`: {error}", path.display()),
    };
    let failed = |at, error: &(dyn Error + 'static)| Ending { how: How::Failed, at, cause: told(error) };
    for folder in [Some(folder), log.parent()].into_iter().flatten() {
        fs::create_dir_all(folder).map_err(|error| ours("make", folder, &error))?;
    }
    if let Some((path, fingerprint)) = source {
        check(path, *fingerprint).map_err(|error| failed(None, &error))?;
    }
    // Parts of one stream are all cut, or all as they were submitted.
    let (mut paths, mut inputs) = (Vec::with_capacity(parts.len()), Vec::new());
    for (part, path) in parts {
        if !part.is_source {
            paths.push(path.to_string_lossy().into_owned());
            continue;
        }
        let (found, errors) = find_inputs(std::slice::from_ref(path));
        match errors.first() {
            Some(error) => return Err(failed(Some(part.number), error)),
            None => inputs.extend(found),
        }
    }
    paths.extend(hand_over(inputs.iter(), folder).map_err(|error| ours("link into", folder, &error))?);
    Ok(paths)
}

/// Takes in lines, and stores what is finished.
struct Keeping<'a> {
    work: &'a Work,
    ledger: Ledger,
    news: News,
    told_ratio: Option<Instant>,
}

/// What the lines since the last look ask for.
#[derive(Default)]
struct News {
    finished: Vec<usize>,
    warnings: u64,
    last_warning: Option<String>,
    ratio: Option<f64>,
}

#[async_trait]
impl Listener for Keeping<'_> {
    fn take(&mut self, line: Line) -> io::Result<()> {
        match self.ledger.take(line) {
            None => {}
            Some(Notice::Finished(nth)) => self.news.finished.push(nth),
            Some(Notice::Ratio(ratio)) => self.news.ratio = Some(ratio),
            Some(Notice::Warning(warning)) => {
                self.news.warnings += 1;
                self.news.last_warning = Some(warning.message);
            }
            Some(Notice::Tagged { input, .. }) if self.ledger.num_tags(input) as u64 > self.work.max_tags => {
                let max_tags = self.work.max_tags;
                return Err(io::Error::other(format!("it has written more than {max_tags} tags of one part")));
            }
            Some(Notice::Tagged { .. }) => {}
        }
        Ok(())
    }

    async fn settle(&mut self) -> io::Result<()> {
        for nth in std::mem::take(&mut self.news.finished) {
            let number = self.work.parts[nth].0.number;
            self.keep(nth).await.map_err(|error| {
                io::Error::other(format!("the tags of part {number} cannot be stored: {}", told(&error)))
            })?;
        }
        let mut changes = Vec::new();
        if let Some(last) = self.news.last_warning.take() {
            changes.push(Change::Warned { count: std::mem::take(&mut self.news.warnings), last });
        }
        if let Some(ratio) = self.news.ratio
            && self.told_ratio.is_none_or(|told| told.elapsed() >= RATIO_EVERY)
        {
            (self.news.ratio, self.told_ratio) = (None, Some(Instant::now()));
            changes.push(Change::Ratio(ratio));
        }
        self.apply(changes).await.map_err(|error| io::Error::other(told(&error)))
    }
}

impl Keeping<'_> {
    /// Stores a part with its tags.
    async fn keep(&mut self, nth: usize) -> Result<(), StoreError> {
        let work = self.work;
        let part = &work.parts[nth].0;
        let default_track = work.model.default_track();
        let tags = self.ledger.give(nth).into_iter().map(|tag| place(tag, part, work.stream, default_track)).collect();
        let commit = Commit {
            job: work.job.clone(),
            part: part.number,
            tags,
            warnings: Vec::new(),
            at_ms: (work.context.clock)(),
        };
        let tags = commit.tags.len() as u64;
        let committed = work.context.store.commit_part(commit).await?;
        if committed.is_new {
            work.context.totals.part(tags);
        }
        // After an engine that has gone, the store knows all the same.
        let _ = work.engine.send(Message::Committed {
            job: work.job.clone(),
            attempt: work.attempt,
            part: part.number,
            counts: committed.counts,
        });
        Ok(())
    }

    /// Stores what is told of at the end only: the kinds of warnings that were too many.
    async fn tell_untold(&mut self) {
        let untold = self.ledger.untold_warnings();
        let Some(last) = untold.last().map(|warning| warning.message.clone()) else { return };
        // A store that refuses has been told of already, or will be with the end of the attempt.
        let _ = self.apply(vec![Change::Warned { count: untold.len() as u64, last }]).await;
    }

    async fn apply(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        if !changes.is_empty() {
            let job = self.work.context.store.apply(&self.work.job, changes).await?;
            let _ = self.work.engine.send(Message::Row(Box::new(job)));
        }
        Ok(())
    }
}

/// The variables that tell a program which devices are its own.
pub(super) fn device_env(gpus: &[&str]) -> Vec<(OsString, OsString)> {
    let list = gpus.join(",");
    // An empty list hides all devices from a program that was given none.
    ["CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"].map(|name| (name.into(), list.clone().into())).to_vec()
}

/// Everything that a batch has to say of where it comes from.
///
/// Of the sampling plan that is which stream, how it was cut, how many frames there are in it, and how many a second a
/// model of frames looks at: each part is sampled as a file of its own, so which ones they are follows from that.
pub(super) fn provenance(
    model: &Model,
    digest: &str,
    params: &Map<String, Value>,
    listed: &Listed,
    part_seconds: f64,
) -> Value {
    let is_cut = listed.parts.iter().any(|part| !part.is_source);
    let facts: BTreeMap<&str, Value> = BTreeMap::from([
        ("model", model.name.clone().into()),
        ("model_digest", digest.into()),
        ("params", Value::Object(params.clone())),
        ("stream", json!(listed.stream.name)),
        ("parts", json!({ "count": listed.parts.len(), "cut_to_seconds": is_cut.then_some(part_seconds) })),
        (
            "sampling",
            json!({ "of": listed.parts.iter().map(|part| part.count).sum::<u64>(), "fps": fps(model, params) }),
        ),
        ("tagger", env!("CARGO_PKG_VERSION").into()),
        ("ffmpeg", tagger_media::ffmpeg_release().into()),
    ]);
    facts.into_iter().collect()
}

/// How many frames a second a model of frames looks at: as chosen, else as it says by default.
fn fps(model: &Model, params: &Map<String, Value>) -> Option<Value> {
    let by_default = || model.parameters()?.get("properties")?.get("fps")?.get("default");
    (model.kind() == Some(ModelKind::Frame)).then(|| params.get("fps").or_else(by_default).cloned())?
}

/// A part's number as the pure machine counts them.
pub(super) fn selected(parts: &[Part], numbers: &[PartNumber]) -> Vec<Part> {
    parts.iter().filter(|part| numbers.binary_search(&part.number).is_ok()).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Interpreter;

    #[test]
    fn what_a_model_of_frames_looks_at_is_what_was_chosen_or_what_it_says_itself() {
        let folder = tempfile::tempdir().unwrap();
        let model = |kind: &str| {
            let manifest = format!(
                "name = 'x'\nkind = '{kind}'\ncommand = ['/bin/true']\n[parameters.properties.fps]\ndefault = 2\n"
            );
            std::fs::write(folder.path().join("tagger.toml"), manifest).unwrap();
            Model::resolve(&folder.path().to_string_lossy(), &Interpreter { chosen: None }).unwrap()
        };
        let chosen = Map::from_iter([("fps".to_owned(), json!(0.5))]);
        assert_eq!(fps(&model("frame"), &chosen), Some(json!(0.5)));
        assert_eq!(fps(&model("frame"), &Map::new()), Some(json!(2)));
        assert_eq!(fps(&model("video"), &chosen), None);
    }
}
