//! What the runtime keeps: contents, streams, parts, jobs, attempts, batches and tags.
//!
//! [`Store`] says what can be kept and read; [`Sqlite`] does it in one file on this machine. Everything that changes a
//! job goes through one call in one transaction, and a part's tags and its "done" are such a transaction, so a kill at
//! any instant loses no tag and leaves none twice. This crate starts nothing, opens no media and has no clock: the
//! caller passes the time in, as milliseconds since 1970.

mod content;
mod error;
mod ids;
mod job;
mod sqlite;
mod stitch;
mod store;
mod tag;
mod words;

pub use content::{Content, Fingerprint, NewContent, Part, Stream, StreamName, Time, Version};
pub use error::StoreError;
pub use ids::{BatchId, ContentId, JobId, TagId, VersionId};
pub use job::{Added, Attempt, AttemptOutcome, Change, Counts, Job, JobFilter, JobPart, JobState, NewJob, PartState};
pub use sqlite::Sqlite;
pub use stitch::stitch;
pub use store::{Cursor, Page, Paging, Store};
pub use tag::{Batch, BatchState, Commit, Committed, NewTag, Scope, Tag, TagQuery, Undone};
pub use words::UnknownWord;
