//! Carries out a run: every model over every input that suits it, side by side, until all is accounted for.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value};
use tagger_media::OnDamage;
use tagger_wire::{Line, ModelKind};
use tempfile::TempDir;
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::align::{align, content_millis};
use crate::attempt::{Listener, Order, Over, Patience, attempt};
use crate::damage::{Found, look_through};
use crate::excerpt::{Excerpt, cut_all, stream_needed};
use crate::executor::Bounds;
use crate::handover::hand_over;
use crate::ledger::{Ledger, Notice, Verdict};
use crate::starting::{Start, arguments};
use crate::{Executors, Input, Model, StreamName, TagRow, Warning};

/// Models, their parameters, and what they are run over.
pub struct Run {
    /// The models, each with its checked parameters. Names differ.
    pub models: Vec<(Model, Map<String, Value>)>,
    /// The inputs, in the order of the results.
    pub inputs: Vec<Input>,
    /// How patient to be.
    pub settings: Settings,
    /// What starts the programs.
    pub executors: Executors,
}

/// How a run treats its programs.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Give up on a program that has not begun to read its input after this long. Default: 10 minutes.
    pub input_timeout: Duration,
    /// Whether damage inside an input is a failure. What a model makes of the rest is kept all the same. Default: it is
    /// a warning.
    pub on_damage: OnDamage,
}

impl Default for Settings {
    fn default() -> Self {
        Self { input_timeout: Duration::from_secs(600), on_damage: OnDamage::Skip }
    }
}

/// What happens during a run, as it happens. Models and inputs are told by their places in the run's lists.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A model's program starts, with this many inputs.
    Started {
        /// The model.
        model: usize,
        /// How many inputs it is given in all.
        inputs: usize,
    },
    /// A tag came in.
    Tagged {
        /// The model.
        model: usize,
        /// The input.
        input: usize,
        /// Where on the content's timeline it ends, in ms.
        end_time_ms: i64,
    },
    /// An input is finished.
    Finished {
        /// The model.
        model: usize,
        /// The input.
        input: usize,
    },
    /// The model's own word on how far it is, 0 to 1.
    Ratio {
        /// The model.
        model: usize,
        /// 0 to 1.
        progress: f64,
    },
    /// Something to tell that stops nothing.
    Warning {
        /// The model; `None` when it is about the file itself.
        model: Option<usize>,
        /// What it is.
        warning: Warning,
    },
    /// A program has ended before its inputs were done; another one goes on with the rest.
    StartedAgain {
        /// The model.
        model: usize,
        /// How many inputs are left.
        left: usize,
    },
    /// A model is through with all of its inputs.
    Ended {
        /// The model.
        model: usize,
    },
}

/// Something that went wrong for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The model; `None` when it is the file itself that is broken.
    pub model: Option<usize>,
    /// The inputs it is about; none when a model failed after it was through with all of them.
    pub inputs: Vec<usize>,
    /// What happened.
    pub message: String,
}

/// What a run came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The tags of finished inputs that reach into their windows, by content, then time, then model.
    pub rows: Vec<TagRow>,
    /// How many tags of finished inputs do not.
    pub num_outside: usize,
    /// What failed, by input, and last the failures of models that were through.
    pub failures: Vec<Failure>,
    /// How many (model, input) pairs are finished.
    pub finished: usize,
    /// How many there are.
    pub total: usize,
    /// Whether the run was stopped before its end.
    pub is_interrupted: bool,
}

/// Why a run could not be carried out at all.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No place for output files and links.
    #[error("cannot use the temporary folder")]
    TemporaryFolder(#[source] io::Error),
}

impl Run {
    /// Runs every model over every input that suits it.
    ///
    /// Programs run side by side, one a model. `observe` is told what happens; `stop` ends the programs in order, within
    /// 5 s.
    ///
    /// # Errors
    /// [`RunError`]. What goes wrong with a model or an input is in [`Outcome::failures`].
    pub async fn carry_out(
        self,
        observe: impl Fn(Event) + Clone + Send + Sync + 'static,
        stop: CancellationToken,
    ) -> Result<Outcome, RunError> {
        let folder = TempDir::with_prefix("tagger-run-").map_err(RunError::TemporaryFolder)?;
        let found = self.look_through_inputs(observe.clone(), &stop);
        let mut outcome = Outcome::default();
        let files = tokio::select! {
            files = self.excerpts(folder.path(), &stop, &observe, &mut outcome.failures) => files,
            () = stop.cancelled() => Files::default(),
        };
        let paths = hand_over(files.all.iter().map(|excerpt| &excerpt.file), folder.path())
            .map_err(RunError::TemporaryFolder)?;
        let mut works = JoinSet::new();
        for (index, (model, params)) in self.models.iter().enumerate() {
            let suiting: Vec<usize> =
                (0..self.inputs.len()).filter(|input| self.inputs[*input].suits(model.kind())).collect();
            outcome.total += suiting.len();
            let (given, excerpts): (Vec<usize>, Vec<usize>) =
                suiting.into_iter().filter_map(|input| Some((input, files.given(input, model, &self.inputs)?))).unzip();
            if given.is_empty() {
                continue;
            }
            let own_folder = folder.path().join(index.to_string());
            std::fs::create_dir(&own_folder).map_err(RunError::TemporaryFolder)?;
            let work = Work {
                index,
                model: model.clone(),
                params: params.clone(),
                executors: self.executors.clone(),
                paths: excerpts.iter().map(|excerpt| paths[*excerpt].clone()).collect(),
                excerpts: excerpts.iter().map(|excerpt| files.all[*excerpt].clone()).collect(),
                given,
                settings: self.settings,
                stop: stop.clone(),
            };
            let observe = observe.clone();
            works.spawn(async move {
                let ledger = work.carry_out(&own_folder, &observe).await;
                observe(Event::Ended { model: work.index });
                (work, ledger)
            });
        }
        let mut rows = Vec::new();
        let mut tagged = HashSet::new();
        while let Some(done) = works.join_next().await {
            // A panic in one model's task is ours, not the model's: pass it on.
            let (work, ledger) = done.unwrap_or_else(|e| std::panic::resume_unwind(e.into_panic()));
            let (tags, losses) = ledger.close();
            outcome.finished += tags.len();
            let model = &self.models[work.index].0;
            for (nth, tags) in tags {
                let place = work.given[nth];
                tagged.insert(place);
                let (input, num_all, num_before) = (&self.inputs[place], tags.len(), rows.len());
                let inside = align(tags, model, input, &work.excerpts[nth]).filter(|row| input.window.holds(row));
                rows.extend(inside.map(|row| (place, work.index, row)));
                outcome.num_outside += num_all - (rows.len() - num_before);
            }
            outcome.failures.extend(losses.into_iter().map(|loss| Failure {
                model: Some(work.index),
                inputs: loss.inputs.into_iter().map(|nth| work.given[nth]).collect(),
                message: loss.message,
            }));
        }
        let found = tokio::select! {
            found = found => found.unwrap_or_default(),
            () = stop.cancelled() => Found::default(),
        };
        outcome.failures.extend(found.failed.into_iter().map(|(place, what)| {
            let advice = match tagged.contains(&place) {
                true => "the tags cover what is there",
                false => "copy or record it again",
            };
            Failure { model: None, inputs: vec![place], message: format!("{what}; {advice}") }
        }));
        outcome.failures.sort_by(|a, b| {
            let place = |failure: &Failure| (failure.inputs.is_empty(), failure.inputs.clone(), failure.model);
            place(a).cmp(&place(b))
        });
        outcome.is_interrupted = stop.is_cancelled();
        // Stable, so that tags of one model at one time keep the model's order.
        rows.sort_by_key(|(place, model, row)| (*place, row.start_time, row.end_time, *model));
        outcome.rows = rows.into_iter().map(|(_, _, row)| row).collect();
        Ok(outcome)
    }

    /// What the models are given: inputs as they are, or the parts of them that are wanted. An input that could not be cut
    /// is a failure.
    async fn excerpts(
        &self,
        folder: &Path,
        stop: &CancellationToken,
        observe: &impl Fn(Event),
        failures: &mut Vec<Failure>,
    ) -> Files {
        let mut files = Files::default();
        let mut to_cut = Vec::new();
        for (place, input) in self.inputs.iter().enumerate() {
            let takers = self.models.iter().filter(|(model, _)| input.suits(model.kind()));
            let needed: HashSet<_> = takers.map(|(model, _)| stream_needed(input, model.kind())).collect();
            if needed.contains(&None) {
                files.add(place, None, Excerpt::whole(input));
            }
            let streams = [StreamName::Video, StreamName::Audio].into_iter();
            to_cut.extend(streams.filter(|stream| needed.contains(&Some(*stream))).map(|stream| (place, stream)));
        }
        if to_cut.is_empty() {
            return files;
        }
        let wanted = to_cut.iter().map(|(place, stream)| (self.inputs[*place].clone(), *stream));
        let cut = cut_all(wanted.collect(), folder, stop.clone()).await.unwrap_or_default();
        for ((place, stream), result) in to_cut.into_iter().zip(cut) {
            match result {
                Ok(excerpt) => {
                    let listens = |(model, _): &(Model, _)| model.kind() == Some(ModelKind::Video);
                    if let Some(message) = excerpt.is_silent.clone().filter(|_| self.models.iter().any(listens)) {
                        observe(Event::Warning { model: None, warning: Warning { input: Some(place), message } });
                    }
                    files.add(place, Some(stream), excerpt);
                }
                Err(error) => failures.push(Failure {
                    model: None,
                    inputs: vec![place],
                    message: format!("its part cannot be cut out: {error}"),
                }),
            }
        }
        files
    }

    /// Begins to look for damage in the inputs that any model takes.
    fn look_through_inputs(
        &self,
        observe: impl Fn(Event) + Send + 'static,
        stop: &CancellationToken,
    ) -> oneshot::Receiver<Found> {
        let is_taken = |input: &Input| self.models.iter().any(|(model, _)| input.suits(model.kind()));
        let taken = self.inputs.iter().cloned().enumerate().filter(|(_, input)| is_taken(input)).collect();
        look_through(
            taken,
            self.settings.on_damage,
            move |warning| observe(Event::Warning { model: None, warning }),
            stop.clone(),
        )
    }
}

/// The files that models of a run are given.
#[derive(Default)]
struct Files {
    all: Vec<Excerpt>,
    /// Which of them holds a stream of an input, or all of it.
    of: HashMap<(usize, Option<StreamName>), usize>,
}

impl Files {
    fn add(&mut self, input: usize, stream: Option<StreamName>, excerpt: Excerpt) {
        self.of.insert((input, stream), self.all.len());
        self.all.push(excerpt);
    }

    /// What a model is given of an input. `None` if that could not be cut out.
    fn given(&self, input: usize, model: &Model, inputs: &[Input]) -> Option<usize> {
        self.of.get(&(input, stream_needed(&inputs[input], model.kind()))).copied()
    }
}

/// One model's share of a run.
struct Work {
    index: usize,
    model: Model,
    params: Map<String, Value>,
    executors: Executors,
    /// The run's inputs that this model is given, what of them, and the paths that is handed over as.
    given: Vec<usize>,
    excerpts: Vec<Excerpt>,
    paths: Vec<String>,
    settings: Settings,
    stop: CancellationToken,
}

impl Work {
    async fn carry_out(&self, folder: &Path, observe: &(impl Fn(Event) + Sync)) -> Ledger {
        let mut ledger = Ledger::new(&self.paths);
        observe(Event::Started { model: self.index, inputs: self.given.len() });
        for attempt in 0.. {
            match self.attempt(attempt, folder, &mut ledger, observe).await {
                Ok(Verdict::Complete) => break,
                Ok(Verdict::StartAgain) if self.stop.is_cancelled() => break,
                Ok(Verdict::StartAgain) => {
                    observe(Event::StartedAgain { model: self.index, left: ledger.unfinished().count() });
                }
                Err(error) => {
                    ledger.give_up(error.to_string());
                    break;
                }
            }
        }
        for warning in ledger.untold_warnings() {
            observe(Event::Warning { model: Some(self.index), warning });
        }
        ledger
    }

    /// Starts the program once with everything unfinished, and enters what comes of it into the ledger.
    async fn attempt(
        &self,
        number: usize,
        folder: &Path,
        ledger: &mut Ledger,
        observe: &(impl Fn(Event) + Sync),
    ) -> io::Result<Verdict> {
        let paths: Vec<String> = ledger.unfinished().map(|nth| self.paths[nth].clone()).collect();
        let start = Start {
            model: &self.model,
            arguments: &arguments(&self.params),
            folder,
            name: &number.to_string(),
            paths: &paths,
            content: None,
            job: None,
            env: Vec::new(),
            log: None,
            limits: Bounds::of(self.model.manifest.as_ref().map(|manifest| &manifest.resources)),
            devices: Vec::new(),
            containers: &self.executors.containers,
        };
        let (launch, output) = start.launch()?;
        let patience = Patience { input: self.settings.input_timeout, progress: None, output_bytes: None };
        let mut entering = Entering { work: self, ledger, observe };
        let (order, mut orders) = unbounded_channel();
        let over = {
            let attempt = attempt(&self.executors, &launch, &output, &paths, patience, &mut orders, &mut entering);
            tokio::pin!(attempt);
            tokio::select! {
                over = &mut attempt => over?,
                () = self.stop.cancelled() => {
                    // The attempt holds the other end.
                    let _ = order.send(Order::Stop);
                    attempt.await?
                }
            }
        };
        Ok(match over {
            Over::Stopped => Verdict::Complete,
            Over::NeverRead(told) | Over::Stalled(told) | Over::Flooded(told) => {
                ledger.give_up(told);
                Verdict::Complete
            }
            Over::Unreadable(error) | Over::Unkept(error) => return Err(error),
            Over::Ended(ending) => ledger.end(ending),
        })
    }

    fn enter(&self, line: Line, ledger: &mut Ledger, observe: &(impl Fn(Event) + Sync)) {
        let model = self.index;
        match ledger.take(line) {
            None => {}
            Some(Notice::Finished(nth)) => observe(Event::Finished { model, input: self.given[nth] }),
            Some(Notice::Tagged { input, end_time_ms }) => {
                let end_time_ms = content_millis(end_time_ms, self.excerpts[input].start);
                observe(Event::Tagged { model, input: self.given[input], end_time_ms });
            }
            Some(Notice::Ratio(progress)) => observe(Event::Ratio { model, progress }),
            Some(Notice::Warning(warning)) => {
                let input = warning.input.map(|nth| self.given[nth]);
                observe(Event::Warning { model: Some(model), warning: Warning { input, ..warning } });
            }
        }
    }
}

/// Enters lines into the ledger.
struct Entering<'a, F> {
    work: &'a Work,
    ledger: &'a mut Ledger,
    observe: &'a F,
}

#[async_trait]
impl<F: Fn(Event) + Sync> Listener for Entering<'_, F> {
    fn take(&mut self, line: Line) -> io::Result<()> {
        self.work.enter(line, self.ledger, self.observe);
        Ok(())
    }

    async fn settle(&mut self) -> io::Result<()> {
        Ok(())
    }
}
