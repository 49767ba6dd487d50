//! Tests a program against the contract: starts it, sends it files as a runtime would and as none should, and holds
//! what comes against each rule.
//!
//! - [`media`]: what is sent. [`session`]: one start of the program. [`evidence`]: which starts, and what came of them.
//! - [`rule`]: what the contract says. [`judge`]: what of that was kept. [`advice`]: what else is worth knowing.

mod advice;
mod evidence;
mod judge;
mod media;
mod rule;
mod session;
mod transcript;

use std::cell::Cell;
use std::fs;
use std::io;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};
use tempfile::TempDir;

pub use advice::Advice;
pub use media::Sort;
pub use rule::Rule;

use crate::{Executors, Model};
use evidence::Bench;
use media::Samples;

/// A test of one model.
#[derive(Clone)]
pub struct Conformance {
    /// The model.
    pub model: Model,
    /// Parameters that it is given at every start, apart from those that a rule is about.
    pub params: Map<String, Value>,
    /// The longest to wait for anything. Default: a minute.
    pub patience: Duration,
    /// What starts the program.
    pub executors: Executors,
}

/// What a test came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The model's name.
    pub model: String,
    /// What it takes, by its manifest or as it was found out.
    pub takes: Vec<Sort>,
    /// A verdict on every rule, in their order.
    pub findings: Vec<Finding>,
    /// What breaks no rule.
    pub advice: Vec<Advice>,
}

/// The verdict on a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// Whether it was kept.
    pub verdict: Verdict,
    /// What the program was sent; empty for what was not judged.
    pub sent: String,
    /// What came of it, or why that was not judged.
    pub came: String,
}

/// Whether a rule was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As the contract says.
    Kept,
    /// Otherwise.
    Broken,
    /// It does not concern this model, or another fault hides it.
    NotJudged,
}

/// Why a program could not be tested.
#[derive(Debug, thiserror::Error)]
pub enum ConformanceError {
    /// No place for media and outputs.
    #[error("cannot use the temporary folder")]
    TemporaryFolder(#[source] io::Error),
    /// It cannot be started, or its output not be read.
    #[error("cannot test model `{model}`")]
    Program {
        /// The model.
        model: String,
        /// The system's reason.
        source: io::Error,
    },
}

impl Report {
    /// How many rules came to this verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.findings.iter().filter(|finding| finding.verdict == verdict).count()
    }
}

impl Conformance {
    /// Starts the program about fifteen times, one after the other, and says before each what it is about to `observe`.
    ///
    /// When this is dropped, what was started is killed.
    ///
    /// # Errors
    /// [`ConformanceError`], if nothing can be said of the program. A program that does everything wrong is a report.
    pub async fn examine(&self, observe: impl Fn(&str)) -> Result<Report, ConformanceError> {
        let folder = TempDir::new().map_err(ConformanceError::TemporaryFolder)?;
        let media = folder.path().join("media");
        let samples = fs::create_dir(&media).and_then(|()| Samples::lay_out(&media));
        let samples = samples.map_err(ConformanceError::TemporaryFolder)?;
        let bench = Bench {
            model: &self.model,
            executors: &self.executors,
            params: &self.params,
            samples: &samples,
            folder: folder.path(),
            patience: self.patience,
            observe: &observe,
            starts: Cell::new(0),
        };
        let failed = |source| ConformanceError::Program { model: self.model.name.clone(), source };
        let evidence = bench.gather().await.map_err(failed)?;
        Ok(Report {
            model: self.model.name.clone(),
            findings: judge::judge(&evidence),
            advice: advice::advise(&evidence),
            takes: evidence.takes,
        })
    }
}
