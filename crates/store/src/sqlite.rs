//! A store in one SQLite file: [`Store`] over one thread that writes and a few that read.

mod batches;
mod changes;
mod check;
mod commit;
mod contents;
mod fault;
mod found;
mod heads;
mod jobs;
mod lanes;
mod neighbours;
mod open;
mod pages;
mod readers;
mod row;
mod search;
mod tags;
mod texts;
mod writer;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use async_trait::async_trait;

use self::readers::Readers;
use self::writer::Writer;
use crate::{
    Added, Attempt, Batch, BatchId, Change, Commit, Committed, Content, ContentId, Job, JobFilter, JobId, JobPart,
    JobState, NewJob, Page, Paging, Part, Store, StoreError, Stream, StreamName, Tag, TagQuery, Undone, Version,
    VersionId,
};

/// A store in one file on this machine, with SQLite's write-ahead log and our lock beside it.
///
/// Dropping it waits until what was asked for is written.
pub struct Sqlite {
    // In this order: who reads goes first, so that the last connection, the writer's, can tidy the log away.
    readers: Readers,
    writer: Writer,
    _lock: File,
}

impl Sqlite {
    /// Opens the store at `path`, which is made where there is none, and brings it up to this release's format. Blocks.
    ///
    /// What a kill or a power cut has left behind is settled by SQLite when the file is first read: all that was
    /// acknowledged is there, and nothing half. Nothing else is checked, since reading everything takes minutes for a
    /// large store: [`check`](Store::check) does that.
    ///
    /// # Errors
    /// [`StoreError::InUse`], [`StoreError::Newer`], [`StoreError::Foreign`], [`StoreError::Broken`],
    /// [`StoreError::Full`], and [`StoreError::Failed`] for what the system refuses.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let lock = open::lock(path)?;
        let connection = open::writer(path)?;
        let failed = |e: std::io::Error| StoreError::Failed { doing: "open", path: path.into(), source: e.into() };
        let writer = Writer::start(connection, path).map_err(failed)?;
        Ok(Self { readers: Readers::start(path)?, writer, _lock: lock })
    }

    /// Removes what was given up, a little at a time so that commits come between.
    async fn sweep(&self) -> Result<(), StoreError> {
        while self.writer.write(batches::sweep).await? {}
        Ok(())
    }
}

#[async_trait]
impl Store for Sqlite {
    async fn add_job(&self, job: NewJob) -> Result<Added, StoreError> {
        self.writer.write(move |session| jobs::add(&session.connection, &job)).await
    }

    async fn apply(&self, job: &JobId, changes: Vec<Change>) -> Result<Job, StoreError> {
        let job = job.clone();
        self.writer.write(move |session| changes::apply(&session.connection, &job, &changes)).await
    }

    async fn commit_part(&self, commit: Commit) -> Result<Committed, StoreError> {
        self.writer.write(move |session| commit::commit(session, &commit)).await
    }

    async fn remove_job(&self, job: &JobId, at_ms: i64) -> Result<(), StoreError> {
        let job = job.clone();
        self.writer.write(move |session| jobs::remove(&session.connection, &job, at_ms)).await?;
        // The job is gone by now. What cannot be swept away here is with the next pruning.
        let _ = self.sweep().await;
        Ok(())
    }

    async fn undo(&self, batch: BatchId, at_ms: i64) -> Result<Undone, StoreError> {
        self.writer.write(move |session| batches::undo(&session.connection, batch, at_ms)).await
    }

    async fn prune(&self, before_ms: i64) -> Result<u64, StoreError> {
        let dropped = self.writer.write(move |session| batches::drop_replaced(&session.connection, before_ms)).await?;
        self.sweep().await?;
        Ok(dropped)
    }

    async fn job(&self, id: &JobId) -> Result<Job, StoreError> {
        let id = id.clone();
        self.readers.read(move |connection| Ok(jobs::find(connection, &id)?.job)).await
    }

    async fn jobs(&self, filter: JobFilter, paging: Paging) -> Result<Page<Job>, StoreError> {
        self.readers.read(move |connection| jobs::list(connection, &filter, &paging)).await
    }

    async fn job_counts(&self) -> Result<BTreeMap<JobState, u64>, StoreError> {
        self.readers.read(jobs::counts).await
    }

    async fn job_parts(&self, job: &JobId, paging: Paging) -> Result<Page<JobPart>, StoreError> {
        let job = job.clone();
        self.readers.read(move |connection| jobs::parts(connection, &job, &paging)).await
    }

    async fn attempts(&self, job: &JobId, paging: Paging) -> Result<Page<Attempt>, StoreError> {
        let job = job.clone();
        self.readers.read(move |connection| jobs::attempts(connection, &job, &paging)).await
    }

    async fn content(&self, id: &ContentId) -> Result<Content, StoreError> {
        let id = id.clone();
        self.readers.read(move |connection| contents::content(connection, &id)).await
    }

    async fn contents(&self, paging: Paging) -> Result<Page<Content>, StoreError> {
        self.readers.read(move |connection| contents::contents(connection, &paging)).await
    }

    async fn version(&self, id: VersionId) -> Result<Version, StoreError> {
        self.readers.read(move |connection| contents::version(connection, id)).await
    }

    async fn streams(&self, version: VersionId) -> Result<Vec<Stream>, StoreError> {
        self.readers.read(move |connection| contents::streams(connection, version)).await
    }

    async fn parts(&self, version: VersionId, stream: StreamName) -> Result<Vec<Part>, StoreError> {
        self.readers.read(move |connection| contents::parts(connection, version, stream)).await
    }

    async fn batches(&self, content: &ContentId, all: bool) -> Result<Vec<Batch>, StoreError> {
        let content = content.clone();
        self.readers.read(move |connection| batches::list(connection, &content, all)).await
    }

    async fn tags(&self, query: TagQuery) -> Result<Page<Tag>, StoreError> {
        self.readers.read(move |connection| tags::page(connection, &query)).await
    }

    async fn check(&self) -> Result<Vec<String>, StoreError> {
        self.readers.read(check::check).await
    }
}
