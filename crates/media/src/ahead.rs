//! A thread that works ahead of its reader, with a bounded queue between them.

use std::{
    mem,
    path::{Path, PathBuf},
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use crate::{
    MediaError,
    queue::{self, Receiver, Sender},
};

/// The reader's side. Dropped: the thread ends, and has ended.
pub struct Ahead<T> {
    path: PathBuf,
    queue: Option<Receiver<T>>,
    thread: Option<JoinHandle<()>>,
    pub cancelled: Arc<AtomicBool>,
    /// The process in which the thread runs.
    process: u32,
}

impl<T: Send + 'static> Ahead<T> {
    /// Starts a thread of this name, which reads `path`, puts what it has to tell into a queue of so many bytes, and ends soon when
    /// `cancelled` is set.
    pub fn start(
        name: &str,
        path: &Path,
        queue_bytes: usize,
        cancelled: Arc<AtomicBool>,
        work: impl FnOnce(Sender<T>) + Send + 'static,
    ) -> Result<Self, MediaError> {
        let (sender, receiver) = queue::bounded(queue_bytes);
        let thread = thread::Builder::new()
            .name(name.into())
            .spawn(move || work(sender))
            .map_err(|source| MediaError::Unreadable { path: path.into(), source })?;
        let (queue, thread) = (Some(receiver), Some(thread));
        Ok(Self { path: path.into(), queue, thread, cancelled, process: process::id() })
    }
}

impl<T> Ahead<T> {
    /// Waits for what the thread tells next. `None` when it has ended, or was stopped.
    ///
    /// # Errors
    /// [`MediaError::Fault`] if it did not end by itself; [`MediaError::Orphaned`] in a process that was forked from the
    /// one it runs in. Nothing comes after them.
    pub fn next(&mut self) -> Option<Result<T, MediaError>> {
        if self.queue.is_some() && self.is_orphaned() {
            self.forget();
            return Some(Err(MediaError::Orphaned { path: self.path.clone() }));
        }
        match self.queue.as_ref()?.recv() {
            Some(told) => Some(Ok(told)),
            None => {
                let ended = self.finish();
                ended.is_err().then(|| Err(MediaError::Fault { path: self.path.clone() }))
            }
        }
    }

    /// Ends the thread before its work is done.
    pub fn stop(&mut self) {
        // A panic of the thread has nobody left to be told to; the panic hook has printed it.
        let _ = self.finish();
    }

    /// How many bytes wait to be taken.
    pub fn waiting_bytes(&self) -> usize {
        self.queue.as_ref().filter(|_| !self.is_orphaned()).map_or(0, Receiver::waiting_bytes)
    }

    fn finish(&mut self) -> thread::Result<()> {
        self.cancelled.store(true, Ordering::Relaxed);
        self.queue = None; // a thread that waits for room learns it from this
        self.thread.take().map_or(Ok(()), JoinHandle::join)
    }

    /// In a process that was forked from the one that started the thread, there is none to wait for.
    fn is_orphaned(&self) -> bool {
        self.process != process::id()
    }

    /// Not dropped: what the queue's lock guards may have been copied in the middle of a change.
    fn forget(&mut self) {
        mem::forget(self.queue.take());
        mem::forget(self.thread.take());
    }
}

impl<T> Drop for Ahead<T> {
    fn drop(&mut self) {
        if self.is_orphaned() {
            self.forget();
        } else {
            self.stop();
        }
    }
}
