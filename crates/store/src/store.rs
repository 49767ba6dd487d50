//! What a store can do, whatever keeps it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{
    Added, Attempt, Batch, BatchId, Change, Commit, Committed, Content, ContentId, Job, JobFilter, JobId, JobPart,
    JobState, NewJob, Part, StoreError, Stream, StreamName, Tag, TagQuery, Undone, Version, VersionId,
};

/// Where a list goes on. Only the store reads what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(pub String);

/// Which page of a list is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paging {
    /// After this. Default: from the first.
    pub after: Option<Cursor>,
    /// At most so many, and at most 10,000. Default: 100.
    pub limit: u32,
}

impl Default for Paging {
    fn default() -> Self {
        Self { after: None, limit: 100 }
    }
}

/// A page of a list.
///
/// Who follows `next` to its end meets everything once that was there from beginning to end, whatever is written
/// meanwhile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Where it goes on. None at the end.
    pub next: Option<Cursor>,
}

/// Keeps what must survive.
///
/// A call that changes something has changed it durably and entirely when it returns `Ok`, and not at all when it
/// returns an error. Reads see what was durable when they began.
///
/// # Errors
/// All calls: [`StoreError::Full`] and [`StoreError::Failed`] when the system refuses, [`StoreError::Broken`],
/// [`StoreError::Closed`]; lists: [`StoreError::BadCursor`]. Others are told with the call.
#[async_trait]
pub trait Store: Send + Sync {
    /// Adds a job, and its content and version where they are new.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when a job of this name exists whose body is another.
    async fn add_job(&self, job: NewJob) -> Result<Added, StoreError>;

    /// Makes all `changes` to a job in one transaction, in order. Gives the job as it stands then.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] without such a job, part or attempt; [`StoreError::Conflict`] as told with [`Change`].
    async fn apply(&self, job: &JobId, changes: Vec<Change>) -> Result<Job, StoreError>;

    /// Keeps a part's tags and marks it done, in one transaction. A part that is done stays as it is.
    ///
    /// The first batch of its content, stream, track and model is current at once; a later one when its job succeeds.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] without such a job or part; [`StoreError::Invalid`] for a tag that ends before it starts.
    async fn commit_part(&self, commit: Commit) -> Result<Committed, StoreError>;

    /// Removes a job with everything it wrote. What its current batches replaced is read again. A content that no job
    /// is left for goes too.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Conflict`] unless the job has ended or waits.
    async fn remove_job(&self, job: &JobId, at_ms: i64) -> Result<(), StoreError>;

    /// Takes a current batch back, and reads the one again that it replaced.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Conflict`] unless the batch is current and its job has ended.
    async fn undo(&self, batch: BatchId, at_ms: i64) -> Result<Undone, StoreError>;

    /// Removes batches that were replaced or undone before `before_ms`. Gives how many. Those of a job that can be gone
    /// on with stay.
    async fn prune(&self, before_ms: i64) -> Result<u64, StoreError>;

    /// A job.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    async fn job(&self, id: &JobId) -> Result<Job, StoreError>;

    /// Jobs, newest first.
    async fn jobs(&self, filter: JobFilter, paging: Paging) -> Result<Page<Job>, StoreError>;

    /// How many jobs are in each state; states without jobs are left out.
    async fn job_counts(&self) -> Result<BTreeMap<JobState, u64>, StoreError>;

    /// A job's parts by number; none until they are listed.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    async fn job_parts(&self, job: &JobId, paging: Paging) -> Result<Page<JobPart>, StoreError>;

    /// A job's attempts by number.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    async fn attempts(&self, job: &JobId, paging: Paging) -> Result<Page<Attempt>, StoreError>;

    /// A content.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    async fn content(&self, id: &ContentId) -> Result<Content, StoreError>;

    /// Contents, newest first.
    async fn contents(&self, paging: Paging) -> Result<Page<Content>, StoreError>;

    /// A version of a content.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    async fn version(&self, id: VersionId) -> Result<Version, StoreError>;

    /// The streams of a version that parts were listed for.
    async fn streams(&self, version: VersionId) -> Result<Vec<Stream>, StoreError>;

    /// A stream's parts by number.
    async fn parts(&self, version: VersionId, stream: StreamName) -> Result<Vec<Part>, StoreError>;

    /// The batches that are read of a content, by track, stream and model: its tracks. With `all`, also those that are
    /// pending or kept for undoing, newest first within a track.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    async fn batches(&self, content: &ContentId, all: bool) -> Result<Vec<Batch>, StoreError>;

    /// Tags. A walk through pages reads the batches it began with, also when they are replaced meanwhile.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] without such a content, job or batch; [`StoreError::Invalid`] for a query that cannot be
    /// answered; [`StoreError::Conflict`] when the batches a walk began with have been removed.
    async fn tags(&self, query: TagQuery) -> Result<Page<Tag>, StoreError>;

    /// Looks for damage: reads everything, holds it against itself, and says in words what is wrong. Takes minutes for
    /// a large store. Nothing means all is well.
    async fn check(&self) -> Result<Vec<String>, StoreError>;
}
