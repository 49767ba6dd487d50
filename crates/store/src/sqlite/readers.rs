//! A few threads that read, each with a connection of its own.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::fault::Fault;
use super::open;
use crate::StoreError;

/// Enough that a long export does not keep a short question waiting; each may take memory for pages.
const THREADS: usize = 4;
/// So many questions may wait; who comes next waits to be let in.
const QUEUE: usize = 256;

type Question = Box<dyn FnOnce(&mut Connection) + Send>;

pub(super) struct Readers {
    queue: Option<mpsc::Sender<Question>>,
    threads: Vec<JoinHandle<()>>,
    path: PathBuf,
}

impl Readers {
    pub fn start(path: &Path) -> Result<Self, StoreError> {
        let (queue, waiting) = mpsc::channel::<Question>(QUEUE);
        let waiting = Arc::new(Mutex::new(waiting));
        let mut readers = Self { queue: Some(queue), threads: Vec::new(), path: path.to_owned() };
        for _ in 0..THREADS {
            let mut connection = open::reader(path)?;
            let waiting = waiting.clone();
            let serve = move || loop {
                // Whoever has the lock waits for the next question; the others wait for the lock.
                let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
                let Some(question) = next else { return };
                question(&mut connection);
            };
            let thread = thread::Builder::new().name("store reader".into()).spawn(serve);
            let failed = |e: std::io::Error| StoreError::Failed { doing: "open", path: path.into(), source: e.into() };
            readers.threads.push(thread.map_err(failed)?);
        }
        Ok(readers)
    }

    /// Asks in one transaction: all of an answer is true at the same instant.
    pub async fn read<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let question: Question = Box::new(move |connection| {
            let answered = connection.transaction().map_err(Fault::Sql).and_then(|snapshot| ask(&snapshot));
            let _ = reply.send(answered); // whoever asked may have gone away
        });
        let queue = self.queue.as_ref().ok_or(StoreError::Closed)?;
        queue.send(question).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?.map_err(|fault| fault.told("read", &self.path))
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join(); // a panic there has been reported
        }
    }
}
