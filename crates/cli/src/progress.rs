//! Shows how far a run is: a bar a model on a terminal, plain lines elsewhere.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tagger_runtime::Event;

use crate::report;

/// The bar's units for one input: fine enough to see a long file move.
const UNITS_PER_INPUT: u64 = 1000;

/// How many lines tell of a model's finished inputs at most.
const LINES: usize = 20;

/// How much of a model's name stands before its bar at most.
const NAME_COLUMNS: usize = 24;

/// What progress needs to know of a run: names, and how much of each input there is to tag.
pub struct Names {
    /// The models' names.
    pub models: Vec<String>,
    /// The inputs' contents.
    pub contents: Vec<String>,
    /// From where to where on the contents' timelines tags are wanted, in ms, where that is known.
    pub spans_ms: Vec<Option<(i64, i64)>>,
}

/// Takes a run's events and shows them on standard error.
#[derive(Clone)]
pub struct Progress {
    names: Arc<Names>,
    bars: Option<MultiProgress>,
    is_quiet: bool,
    warnings: Arc<AtomicU64>,
    lanes: Arc<Mutex<HashMap<usize, Lane>>>,
}

/// How far one model is.
struct Lane {
    bar: ProgressBar,
    inputs: usize,
    finished: usize,
    tags: u64,
}

impl Lane {
    /// Puts the numbers behind the bar.
    fn tell(&self) {
        self.bar.set_message(format!("{}/{} done, {}", self.finished, self.inputs, report::count(self.tags, "tag")));
    }
}

impl Progress {
    /// Bars where standard error is a terminal, lines elsewhere, nothing but warnings when `is_quiet`.
    pub fn new(names: Arc<Names>, is_quiet: bool) -> Self {
        let bars = (!is_quiet && std::io::stderr().is_terminal())
            .then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr()));
        Self { names, bars, is_quiet, warnings: Arc::default(), lanes: Arc::default() }
    }

    /// Prints a line above the bars.
    pub fn say(&self, line: &str) {
        match &self.bars {
            Some(bars) => bars.suspend(|| report::line(line)),
            None => report::line(line),
        }
    }

    /// How many warnings have been shown.
    pub fn warnings(&self) -> u64 {
        self.warnings.load(Ordering::Relaxed)
    }

    /// Shows an event.
    pub fn on(&self, event: Event) {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Started { model, inputs } => {
                lanes.insert(model, self.lane(model, inputs));
            }
            Event::Tagged { model, input, end_time_ms } => {
                let Some(lane) = lanes.get_mut(&model) else { return };
                lane.tags += 1;
                lane.tell();
                if let Some((from_ms, to_ms)) = self.names.spans_ms[input].filter(|(from, to)| from < to) {
                    let part = (end_time_ms.clamp(from_ms, to_ms) - from_ms) as u64 * UNITS_PER_INPUT
                        / (to_ms - from_ms) as u64;
                    let at = lane.finished as u64 * UNITS_PER_INPUT + part;
                    lane.bar.set_position(at.max(lane.bar.position()));
                }
            }
            Event::Ratio { model, progress } => {
                let Some(lane) = lanes.get_mut(&model) else { return };
                let at = (progress * (lane.inputs as u64 * UNITS_PER_INPUT) as f64) as u64;
                lane.bar.set_position(at.max(lane.bar.position()));
            }
            Event::Finished { model, input } => {
                let Some(lane) = lanes.get_mut(&model) else { return };
                lane.finished += 1;
                lane.bar.set_position((lane.finished as u64 * UNITS_PER_INPUT).max(lane.bar.position()));
                lane.tell();
                let (done, all) = (lane.finished, lane.inputs);
                // Of many inputs only every twentieth part is told: a log is not read by the thousand lines.
                if all <= LINES || done * LINES / all > (done - 1) * LINES / all {
                    let content = report::name(&self.names.contents[input]);
                    self.line(&format!("{}: {content} done ({done}/{all})", self.names.models[model]));
                }
            }
            Event::StartedAgain { model, left } => {
                let (name, left) = (&self.names.models[model], report::count(left as u64, "input"));
                let text = format!("{name}: its program has ended early; another one goes on with {left}");
                if !self.is_quiet {
                    self.say(&text);
                }
            }
            Event::Warning { model, warning } => {
                self.warnings.fetch_add(1, Ordering::Relaxed);
                let model = model.map(|model| format!("model `{}`", self.names.models[model]));
                let input = warning.input.map(|input| format!("`{}`", report::name(&self.names.contents[input])));
                let whose: Vec<String> = model.into_iter().chain(input).collect();
                self.say(&format!("warning: {}: {}", whose.join(" at "), warning.message));
            }
            Event::Ended { model } => {
                // It stays as it is: how far the model came is worth reading in the end.
                if let Some(lane) = lanes.get(&model) {
                    lane.bar.abandon();
                }
            }
        }
    }

    fn lane(&self, model: usize, inputs: usize) -> Lane {
        let name = self.names.models[model].clone();
        self.line(&format!("{name}: started, {}", report::count(inputs as u64, "input")));
        let bar = ProgressBar::with_draw_target(Some(inputs as u64 * UNITS_PER_INPUT), ProgressDrawTarget::hidden());
        if let Some(bars) = &self.bars {
            bars.add(bar.clone());
            // The template is a constant; if it did not parse, the plain bar would still tell.
            let style = ProgressStyle::with_template("{prefix} {bar:20} {percent:>3}%  {elapsed_precise}  {wide_msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            let columns = self.names.models.iter().map(|name| name.chars().count()).max().unwrap_or(0);
            let short = match name.chars().count() > NAME_COLUMNS {
                true => name.chars().take(NAME_COLUMNS - 1).chain(['…']).collect(),
                false => name,
            };
            bar.set_prefix(format!("{short:<width$}", width = columns.min(NAME_COLUMNS)));
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        let lane = Lane { bar, inputs, finished: 0, tags: 0 };
        lane.tell();
        lane
    }

    /// A line for where there are no bars.
    fn line(&self, text: &str) {
        if self.bars.is_none() && !self.is_quiet {
            report::line(text);
        }
    }
}
