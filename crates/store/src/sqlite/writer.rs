//! The one thread that writes.
//!
//! It takes what waits in its queue into one transaction, and answers when that is on the disk: many parts that are
//! finished at the same time cost one write to it. Each piece of work has a savepoint, so one that fails takes nothing
//! else with it.

use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::fault::Fault;
use super::row::run;
use super::texts::Texts;
use crate::StoreError;

/// So many may wait; who comes next waits to be let in. Bounds the memory that unwritten tags take.
const QUEUE: usize = 256;
/// No more is taken into a transaction that is as old as this: the first in it wants its answer.
const GROUPED_FOR: Duration = Duration::from_millis(50);

/// What a piece of work has at hand.
pub(super) struct Session {
    pub connection: Connection,
    pub texts: Texts,
}

pub(super) struct Writer {
    queue: Option<mpsc::Sender<Box<dyn Work>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub fn start(connection: Connection, path: &Path) -> std::io::Result<Self> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let mut desk = Desk { session: Session { connection, texts: Texts::default() }, path: path.to_owned() };
        let thread = thread::Builder::new().name("store writer".into()).spawn(move || desk.serve(waiting))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Does `work` in a transaction, and answers when that is durable. `work` may be called again after its changes
    /// were taken back.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut Session) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let item = Box::new(Item { work, result: None, reply });
        let queue = self.queue.as_ref().ok_or(StoreError::Closed)?;
        queue.send(item).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }
}

impl Drop for Writer {
    /// Waits until what is queued is written.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // a panic there has been reported, and callers have seen `Closed`
        }
    }
}

/// A piece of work whose result's type the queue does not know.
trait Work: Send {
    /// Gives whether it succeeded. Keeps the result for `answer`.
    fn run(&mut self, session: &mut Session, path: &Path) -> bool;
    /// Sends the result of the last run.
    fn answer(self: Box<Self>);
    /// Sends an error instead: what the last run did could not be kept.
    fn refuse(self: Box<Self>, error: StoreError);
}

struct Item<T, F> {
    work: F,
    result: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

// Whoever asked may have gone away meanwhile; the work is done all the same.
impl<T: Send, F: FnMut(&mut Session) -> Result<T, Fault> + Send> Work for Item<T, F> {
    fn run(&mut self, session: &mut Session, path: &Path) -> bool {
        let result = (self.work)(session).map_err(|fault| fault.told("write", path));
        self.result.insert(result).is_ok()
    }

    fn answer(self: Box<Self>) {
        let _ = self.reply.send(self.result.unwrap_or(Err(StoreError::Closed)));
    }

    fn refuse(self: Box<Self>, error: StoreError) {
        let _ = self.reply.send(Err(error));
    }
}

struct Desk {
    session: Session,
    path: PathBuf,
}

impl Desk {
    fn serve(&mut self, mut waiting: mpsc::Receiver<Box<dyn Work>>) {
        while let Some(first) = waiting.blocking_recv() {
            let mut group = vec![first];
            match self.together(&mut group, &mut waiting) {
                Ok(()) => group.into_iter().for_each(Work::answer),
                Err(_) => {
                    // A full disk or the like. Whose work was too much shows when each is tried alone.
                    self.take_back();
                    for item in group {
                        self.alone(item);
                    }
                }
            }
        }
    }

    /// Runs the first of `group`, then what else waits, and commits.
    fn together(
        &mut self,
        group: &mut Vec<Box<dyn Work>>,
        waiting: &mut mpsc::Receiver<Box<dyn Work>>,
    ) -> rusqlite::Result<()> {
        let begun = Instant::now();
        run(&self.session.connection, "BEGIN IMMEDIATE", [])?;
        let mut next = 0;
        while next < group.len() {
            run(&self.session.connection, "SAVEPOINT one", [])?;
            if !group[next].run(&mut self.session, &self.path) {
                self.session.texts.forget();
                run(&self.session.connection, "ROLLBACK TO one", [])?; // fails when the error ended the transaction
            }
            run(&self.session.connection, "RELEASE one", [])?;
            next += 1;
            if next == group.len() && begun.elapsed() < GROUPED_FOR {
                group.extend(waiting.try_recv().ok());
            }
        }
        run(&self.session.connection, "COMMIT", []).map(drop)
    }

    fn alone(&mut self, mut item: Box<dyn Work>) {
        let begun = run(&self.session.connection, "BEGIN IMMEDIATE", []);
        if let Err(error) = begun {
            return item.refuse(Fault::Sql(error).told("write", &self.path));
        }
        if !item.run(&mut self.session, &self.path) {
            self.take_back();
            return item.answer();
        }
        match run(&self.session.connection, "COMMIT", []) {
            Ok(_) => item.answer(),
            Err(error) => {
                self.take_back();
                item.refuse(Fault::Sql(error).told("write", &self.path));
            }
        }
    }

    fn take_back(&mut self) {
        self.session.texts.forget();
        if !self.session.connection.is_autocommit() {
            // If even that fails, the next BEGIN does too, and says why.
            let _ = run(&self.session.connection, "ROLLBACK", []);
        }
    }
}
