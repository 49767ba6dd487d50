//! Starts the program under test again and again, and writes down what comes of it.
//!
//! What has to be waited for has no time of its own: a model may load weights for a minute. So the first start, over
//! plain files, shows how long this program takes, and from then on patience is a multiple of that.

use std::cell::Cell;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value};
use tagger_wire::ModelKind;

use super::media::{Sample, Samples, Sort};
use super::session::{Arguments, Session, Transcript, Waited};
use crate::{Executors, Model};

/// How many times as long as the first start later ones may take.
const PATIENCE_FACTOR: u32 = 4;
/// No patience is shorter, however quick the first start was: a machine may be busy.
const LEAST_PATIENCE: Duration = Duration::from_secs(5);
/// How long to let a program work whose messages cannot be seen before its input ends.
const BLIND_WAIT: Duration = Duration::from_millis(500);
/// How long a program has to end after it was asked to: what a runtime gives it before it kills.
pub(super) const TERMINATION: Duration = Duration::from_secs(3);

/// Everything that came of a program. What was not tried, because something before it went wrong, is `None`.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    pub kind: Option<ModelKind>,
    /// What it takes; found out by trying where no manifest says it.
    pub takes: Vec<Sort>,
    /// Files that it was given alone to find that out, and did not take.
    pub refused: Vec<Transcript>,
    /// Plain files in one go, the first of them again at the end.
    pub together: Transcript,
    /// Unknown arguments around its own.
    pub arguments: Option<Transcript>,
    /// No `--params`, and an output file that exists.
    pub bare: Option<Transcript>,
    pub invalid_params: Option<Transcript>,
    pub empty: Option<Transcript>,
    pub white_space: Option<Transcript>,
    /// One file after the other, each once the one before was told.
    pub one_by_one: Option<Transcript>,
    /// Whether each of them was told while the input was open.
    pub is_seen: bool,
    pub one_frame: Option<Transcript>,
    pub variable_rate: Option<Transcript>,
    pub audio_only: Option<Transcript>,
    /// Files that cannot be read, its input left open.
    pub unreadable: Option<Transcript>,
    /// Files of kinds it does not take.
    pub unsupported: Vec<Transcript>,
    /// A file that failed before, and a good one, with `continue_on_error`.
    pub continued: Option<Transcript>,
    /// Asked to terminate, its input open; and whether it did.
    pub terminated: Option<(Transcript, bool)>,
}

impl Evidence {
    /// Everything that came, in the order it was tried.
    pub fn all(&self) -> impl Iterator<Item = &Transcript> {
        let singles = [
            &self.arguments,
            &self.bare,
            &self.white_space,
            &self.one_by_one,
            &self.one_frame,
            &self.variable_rate,
            &self.audio_only,
            &self.unreadable,
            &self.continued,
        ];
        let several = self.refused.iter().chain(&self.unsupported);
        std::iter::once(&self.together).chain(singles.into_iter().flatten()).chain(several)
    }

    /// The unreadable file that the program did not tell as finished.
    pub fn failed(&self) -> Option<&Sample> {
        let transcript = self.unreadable.as_ref()?;
        transcript.sent.iter().find(|sample| transcript.progress_of(sample) == 0)
    }
}

/// The program under test, and where it is tested.
pub(super) struct Bench<'a> {
    pub model: &'a Model,
    pub executors: &'a Executors,
    pub params: &'a Map<String, Value>,
    pub samples: &'a Samples,
    /// The folder for outputs.
    pub folder: &'a Path,
    /// The longest to wait for anything.
    pub patience: Duration,
    pub observe: &'a dyn Fn(&str),
    pub starts: Cell<usize>,
}

impl Bench<'_> {
    /// Tries everything that makes sense.
    pub async fn gather(&self) -> io::Result<Evidence> {
        let mut evidence = Evidence { kind: self.model.kind(), ..Evidence::default() };
        evidence.takes = match evidence.kind {
            Some(ModelKind::Frame) => vec![Sort::Video, Sort::Image],
            Some(ModelKind::Video) => vec![Sort::Video],
            Some(ModelKind::Audio) => vec![Sort::Video, Sort::Audio],
            Some(ModelKind::Processor) => vec![Sort::Ranges],
            None => self.find_out(&mut evidence.refused).await?,
        };
        let [first, second] = self.pair(&evidence);
        let mut files = vec![first, second];
        if evidence.takes.contains(&Sort::Image) && first != &self.samples.still {
            files.push(&self.samples.still);
        }
        files.push(first);
        evidence.together = self.once("plain files", &self.usual(), &files, self.patience).await?;
        if !evidence.together.is_clean() {
            return Ok(evidence); // nothing else can be told of a program that does not get through these
        }
        let patience = (evidence.together.took * PATIENCE_FACTOR).max(LEAST_PATIENCE).min(self.patience);
        self.starting(&mut evidence, first, patience).await?;
        self.feeding(&mut evidence, [first, second], patience).await?;
        self.media(&mut evidence, patience).await?;
        self.failing(&mut evidence, first, patience).await?;
        Ok(evidence)
    }

    fn pair(&self, evidence: &Evidence) -> [&Sample; 2] {
        // A model that seems to take nothing fails over a video, and that tells why.
        self.samples.pair(evidence.takes.first().copied().unwrap_or(Sort::Video))
    }

    /// What a model takes that does not say.
    async fn find_out(&self, refused: &mut Vec<Transcript>) -> io::Result<Vec<Sort>> {
        let mut takes = Vec::new();
        for sort in [Sort::Video, Sort::Image, Sort::Audio] {
            let [sample, _] = self.samples.pair(sort);
            let came = self.once("what it takes", &self.usual(), &[sample], self.patience).await?;
            let has_ended = came.status.is_some();
            if came.progress_of(sample) > 0 || came.tags_of(sample).next().is_some() {
                takes.push(sort);
            } else {
                refused.push(came);
            }
            if !has_ended {
                break; // nor will it over the others
            }
        }
        Ok(takes)
    }

    async fn starting(&self, evidence: &mut Evidence, first: &Sample, patience: Duration) -> io::Result<()> {
        let unknown = Arguments { unknown: true, ..self.usual() };
        evidence.arguments = Some(self.once("unknown arguments", &unknown, &[first], patience).await?);
        if self.params.is_empty() {
            let bare = Arguments { earlier_output: true, ..Arguments::default() };
            evidence.bare = Some(self.once("no parameters", &bare, &[first], patience).await?);
        } else {
            // What the user chose may be what the model cannot do without.
            let existing = Arguments { earlier_output: true, ..self.usual() };
            evidence.bare = Some(self.once("an existing output file", &existing, &[first], patience).await?);
        }
        let invalid = Arguments { params: Some("{\"fps\": ".into()), ..Arguments::default() };
        evidence.invalid_params = Some(self.once("invalid parameters", &invalid, &[first], patience).await?);
        Ok(())
    }

    async fn feeding(&self, evidence: &mut Evidence, pair: [&Sample; 2], patience: Duration) -> io::Result<()> {
        evidence.empty = Some(self.once("empty input", &self.usual(), &[], patience).await?);
        let mut session = self.start("white space", &self.usual()).await?;
        session.send_spaced(pair[0]);
        evidence.white_space = Some(session.finish(patience).await?);

        let mut session = self.start("files that come late", &self.usual()).await?;
        evidence.is_seen = true;
        for sample in pair {
            session.send(&[sample]);
            // Where nothing was to be seen of the first one, there is no need to wait as long for the second.
            let patience = if evidence.is_seen { patience } else { BLIND_WAIT };
            let told = |seen: &Transcript| seen.progress_of(sample) > 0 || seen.has_error_about(sample);
            evidence.is_seen &= session.until(patience, told).await == Waited::Came;
        }
        evidence.one_by_one = Some(session.finish(patience).await?);
        Ok(())
    }

    async fn media(&self, evidence: &mut Evidence, patience: Duration) -> io::Result<()> {
        let samples = self.samples;
        if evidence.takes.contains(&Sort::Video) && evidence.kind != Some(ModelKind::Audio) {
            evidence.one_frame = Some(self.once("one frame", &self.usual(), &[&samples.one_frame], patience).await?);
            let variable = self.once("a variable rate", &self.usual(), &[&samples.variable], patience).await?;
            evidence.variable_rate = Some(variable);
        }
        if evidence.takes.contains(&Sort::Audio) {
            evidence.audio_only = Some(self.once("sound alone", &self.usual(), &[&samples.tone], patience).await?);
        }
        let unsupported: &[&Sample] = match evidence.kind {
            Some(ModelKind::Processor) => &[],
            Some(ModelKind::Frame) => &[&samples.notes, &samples.tone],
            _ => &[&samples.notes],
        };
        for sample in unsupported {
            evidence.unsupported.push(self.once("an unsupported file", &self.usual(), &[sample], patience).await?);
        }
        Ok(())
    }

    async fn failing(&self, evidence: &mut Evidence, first: &Sample, patience: Duration) -> io::Result<()> {
        let mut session = self.start("an unreadable file", &self.usual()).await?;
        for sample in [self.samples.broken_like(first), &self.samples.missing] {
            session.send(&[sample]);
            // One that does not look inside finishes it all the same; the next one is not even there.
            if session.until(patience, |seen| seen.progress_of(sample) > 0).await != Waited::Came {
                break;
            }
        }
        evidence.unreadable = Some(session.finish(patience).await?);

        if let Some(failed) = evidence.failed().cloned() {
            let going_on = Arguments { params: Some(self.params_with("continue_on_error")), ..Arguments::default() };
            let mut session = self.start("going on after an error", &going_on).await?;
            let patience_seen = if evidence.is_seen { patience } else { BLIND_WAIT };
            session.send(&[&failed]);
            // In a batch of its own: what else is in the batch of a failed file may be lost with it.
            session.until(patience_seen, |seen| seen.has_error()).await;
            session.send(&[first]);
            session.until(patience_seen, |seen| seen.progress_of(first) > 0).await;
            evidence.continued = Some(session.finish(patience).await?);
        }

        let mut session = self.start("termination", &self.usual()).await?;
        session.send(&[first]);
        let patience_seen = if evidence.is_seen { patience } else { BLIND_WAIT };
        if session.until(patience_seen, |seen| seen.progress_of(first) > 0).await != Waited::Ended {
            session.terminate();
            let has_ended = session.until(TERMINATION, |_| false).await == Waited::Ended;
            evidence.terminated = Some((session.finish(patience).await?, has_ended));
        }
        Ok(())
    }

    /// One start over files that are all there at once.
    async fn once(&self, what: &str, how: &Arguments, files: &[&Sample], patience: Duration) -> io::Result<Transcript> {
        let mut session = self.start(what, how).await?;
        if !files.is_empty() {
            session.send(files);
        }
        session.close();
        session.finish(patience).await
    }

    async fn start(&self, what: &str, how: &Arguments) -> io::Result<Session> {
        (self.observe)(what);
        let folder = self.folder.join(self.starts.get().to_string());
        self.starts.set(self.starts.get() + 1);
        fs::create_dir(&folder)?;
        Session::start(self.executors, self.model, &folder, how).await
    }

    fn usual(&self) -> Arguments {
        Arguments { params: Some(Value::Object(self.params.clone()).to_string()), ..Arguments::default() }
    }

    /// The usual parameters with a flag set.
    fn params_with(&self, flag: &str) -> String {
        let mut params = self.params.clone();
        params.insert(flag.to_owned(), true.into());
        Value::Object(params).to_string()
    }
}
