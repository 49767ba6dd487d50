//! Jobs, what became of their parts, and the changes that can be made to them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{ContentId, Fingerprint, JobId, NewContent, Part, Stream, StreamName, VersionId};

/// A job as it is submitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewJob {
    /// Its name. Submitting the same again changes nothing.
    pub id: JobId,
    /// The media.
    pub content: NewContent,
    /// The model's name.
    pub model: String,
    /// What of the model is used: a hash over its files, or the image's id.
    pub model_digest: String,
    /// The parameters in full.
    pub params: Map<String, Value>,
    /// The request in a form that is equal for equal requests: another one under the same name is refused.
    pub body: Value,
    /// Higher goes first.
    pub priority: i32,
    /// What it holds while it runs, by name.
    pub resources: BTreeMap<String, f64>,
    /// The tracks that the model says it writes, its default track among them. A run that finds nothing for one of
    /// them replaces an older one that did.
    pub tracks: Vec<String>,
    /// When it was submitted, in milliseconds since 1970.
    pub created_ms: i64,
}

/// What came of submitting a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Added {
    /// The job as it stands.
    pub job: Job,
    /// Whether it is new. Otherwise the same request came before.
    pub is_new: bool,
}

/// One model over one content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Its name.
    pub id: JobId,
    /// The content.
    pub content: ContentId,
    /// The content's media as they were when it was submitted.
    pub version: VersionId,
    /// The stream it is about, once its parts are listed.
    pub stream: Option<StreamName>,
    /// The model's name.
    pub model: String,
    /// What of the model is used.
    pub model_digest: String,
    /// The parameters in full.
    pub params: Map<String, Value>,
    /// The request.
    pub body: Value,
    /// Higher goes first.
    pub priority: i32,
    /// What it holds while it runs, by name.
    pub resources: BTreeMap<String, f64>,
    /// The tracks that the model says it writes.
    pub tracks: Vec<String>,
    /// Which time it is done from the start, from 1. Only [`Change::Redo`] counts it up.
    pub run: u32,
    /// Where it stands.
    pub state: JobState,
    /// Why it stands there, for the user to read.
    pub cause: Option<String>,
    /// When it was submitted, in milliseconds since 1970.
    pub created_ms: i64,
    /// When it first ran.
    pub started_ms: Option<i64>,
    /// When it ended.
    pub ended_ms: Option<i64>,
    /// How far it is.
    pub counts: Counts,
    /// The last warning.
    pub last_warning: Option<String>,
    /// How far the model says it is, 0 to 1, where it does its work at the end.
    pub ratio: Option<f64>,
    /// How many attempts were made at it.
    pub attempts: u32,
    /// How many attempts in a row that are held against the job itself, as [`Change::Failures`] says.
    pub failures: u32,
}

/// How far a job is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Its parts; 0 until they are listed.
    pub parts: u32,
    /// Parts whose tags are kept.
    pub done: u32,
    /// Parts that were given up.
    pub quarantined: u32,
    /// Tags kept.
    pub tags: u64,
    /// Warnings given.
    pub warnings: u64,
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// It waits.
    Queued,
    /// It holds its resources.
    Running,
    /// It was asked to stop and has not ended yet.
    Stopping,
    /// Every part is done.
    Succeeded,
    /// Every part is done or given up, and some are given up.
    Quarantined,
    /// It was given up as a whole.
    Failed,
    /// It was stopped.
    Stopped,
}

impl JobState {
    /// All of them, in the order of a job's life.
    pub const ALL: [Self; 7] =
        [Self::Queued, Self::Running, Self::Stopping, Self::Succeeded, Self::Quarantined, Self::Failed, Self::Stopped];

    /// Whether nothing more happens by itself.
    pub fn is_ended(self) -> bool {
        match self {
            Self::Queued | Self::Running | Self::Stopping => false,
            Self::Succeeded | Self::Quarantined | Self::Failed | Self::Stopped => true,
        }
    }
}

/// Which jobs are listed. An empty list excludes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobFilter {
    /// In one of these states.
    pub states: Vec<JobState>,
    /// Over this content.
    pub content: Option<ContentId>,
    /// Of this model.
    pub model: Option<String>,
}

/// What became of a part in a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobPart {
    /// The part's number in the job's stream.
    pub number: u32,
    /// Where it stands.
    pub state: PartState,
    /// How many attempts are held against it.
    pub attempts: u32,
    /// What went wrong last.
    pub cause: Option<String>,
    /// Not to be tried before, in milliseconds since 1970.
    pub not_before_ms: Option<i64>,
    /// How many tags it has.
    pub tags: u64,
    /// When its tags were kept, in milliseconds since 1970.
    pub done_ms: Option<i64>,
}

/// Where a part of a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PartState {
    /// To be done.
    Waiting,
    /// Its tags are kept.
    Done,
    /// Given up.
    Quarantined,
}

/// One start of the model's program for a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its number in the job, from 1.
    pub number: u32,
    /// How many parts it was given.
    pub parts: u32,
    /// When it began, in milliseconds since 1970.
    pub started_ms: i64,
    /// When it ended.
    pub ended_ms: Option<i64>,
    /// How it ended.
    pub outcome: Option<AttemptOutcome>,
    /// Why, for the user to read.
    pub cause: Option<String>,
    /// The path of its log, as the caller likes to write it.
    pub log: Option<String>,
    /// Whether it is held against anybody. One that the runtime's own end cut short is not.
    pub is_counted: bool,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttemptOutcome {
    /// Every part it was given is done.
    Finished,
    /// The program ended, or had to be ended, with parts unfinished.
    Failed,
    /// It said nothing for too long.
    Stalled,
    /// It wrote more than it may.
    Flooded,
    /// It was asked to stop.
    Stopped,
    /// The runtime ended before it did.
    Interrupted,
}

/// A change to a job. Several are made together or not at all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Change {
    /// The job stands elsewhere. The first `Running` sets its start, an ended state its end, `Queued` clears the end.
    /// With `Succeeded` the batches of its run become current, all at once, in place of those that were.
    State {
        /// Where.
        state: JobState,
        /// Why; kept until the next change of state.
        cause: Option<String>,
        /// When, in milliseconds since 1970.
        at_ms: i64,
    },
    /// The job's parts are known: each waits. They are kept with the version, for other jobs over the same stream.
    ///
    /// Coming again for the same job, only the parts' files may differ; other parts are a
    /// [conflict](crate::StoreError::Conflict). Where another job's parts of the same stream differ, as after a change of
    /// their length, this job gets a version of its own.
    Prepared {
        /// The stream.
        stream: Stream,
        /// Its parts, by number from 0.
        parts: Vec<Part>,
        /// What goes with every batch: model digest, parameters, sampling plan, versions.
        provenance: Value,
        /// When, in milliseconds since 1970.
        at_ms: i64,
    },
    /// The model's program starts.
    AttemptStarted {
        /// From 1, each one more than the one before.
        number: u32,
        /// How many parts it is given.
        parts: u32,
        /// The path of its log.
        log: Option<String>,
        /// When, in milliseconds since 1970.
        at_ms: i64,
    },
    /// The model's program ended.
    AttemptEnded {
        /// Which attempt.
        number: u32,
        /// How.
        outcome: AttemptOutcome,
        /// Why, for the user to read.
        cause: Option<String>,
        /// Whether it is held against anybody.
        is_counted: bool,
        /// When, in milliseconds since 1970.
        at_ms: i64,
    },
    /// A part waits, for the first time or again. Not for a part that is done: that is a conflict.
    PartWaits {
        /// Which.
        number: u32,
        /// How many attempts are held against it now.
        attempts: u32,
        /// What went wrong last.
        cause: Option<String>,
        /// Not to be tried before.
        not_before_ms: Option<i64>,
    },
    /// A part is given up. Not for a part that is done: that is a conflict.
    PartQuarantined {
        /// Which.
        number: u32,
        /// How many attempts are held against it.
        attempts: u32,
        /// Why.
        cause: String,
    },
    /// How many attempts in a row are held against the job itself.
    Failures(u32),
    /// Warnings were given.
    Warned {
        /// How many.
        count: u64,
        /// The last one.
        last: String,
    },
    /// How far the model says it is, 0 to 1.
    Ratio(f64),
    /// The job is to be done from its first part again, over the media as they are now. What it wrote stays readable
    /// until the new run succeeds. Parts, counts and attempts held against it begin anew; its state is set apart.
    Redo {
        /// How the media look now.
        fingerprint: Fingerprint,
        /// When, in milliseconds since 1970.
        at_ms: i64,
    },
}
