//! Tells whoever watches what has changed, in order, and the latest of it again to who comes back.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tagger_store::{Job, JobId};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// How many announcements are kept for who comes back, and how many a watcher may be behind.
const KEPT: usize = 1024;

/// Something has changed.
#[derive(Debug, Clone)]
pub struct Announcement {
    /// Counts up from 1 as long as the server runs.
    pub number: u64,
    /// What has changed.
    pub what: News,
}

/// What has changed.
#[derive(Debug, Clone)]
pub enum News {
    /// A job: this is how it stands now.
    Job(Arc<Job>),
    /// A job was removed.
    Removed(JobId),
    /// The server is in trouble, which it tries to overcome.
    Trouble(Arc<str>),
    /// Batches that were replaced long ago were given up.
    Pruned {
        /// How many.
        batches: u64,
    },
    /// Some announcements were lost on this watcher: read again whatever matters.
    Missed,
}

/// Where announcements are made.
#[derive(Debug)]
pub(super) struct Announcer {
    kept: Mutex<(u64, VecDeque<Announcement>)>,
    sender: broadcast::Sender<Announcement>,
}

impl Announcer {
    pub fn new() -> Self {
        Self { kept: Mutex::default(), sender: broadcast::Sender::new(KEPT) }
    }

    pub fn announce(&self, what: News) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (number, recent) = &mut *kept;
        *number += 1;
        let announcement = Announcement { number: *number, what };
        if recent.len() == KEPT {
            recent.pop_front();
        }
        recent.push_back(announcement.clone());
        // Under the lock, so that order and numbers agree. Nobody may be watching.
        let _ = self.sender.send(announcement);
    }

    pub fn watch(&self, after: Option<u64>) -> Watch {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (latest, recent) = &*kept;
        let mut backlog = VecDeque::new();
        if let Some(after) = after {
            let oldest = latest + 1 - recent.len() as u64;
            // A number from a server before this one is as good as lost.
            if after + 1 < oldest || after > *latest {
                backlog.push_back(Announcement { number: *latest, what: News::Missed });
            } else {
                backlog.extend(recent.iter().filter(|announcement| announcement.number > after).cloned());
            }
        }
        Watch { backlog, receiver: self.sender.subscribe(), latest: *latest }
    }
}

/// Somebody who watches.
#[derive(Debug)]
pub struct Watch {
    backlog: VecDeque<Announcement>,
    receiver: broadcast::Receiver<Announcement>,
    latest: u64,
}

impl Watch {
    /// The next announcement; `None` once the server has ended.
    pub async fn next(&mut self) -> Option<Announcement> {
        if let Some(announcement) = self.backlog.pop_front() {
            return Some(announcement);
        }
        match self.receiver.recv().await {
            Ok(announcement) => {
                self.latest = announcement.number;
                Some(announcement)
            }
            Err(RecvError::Lagged(count)) => {
                self.latest += count;
                Some(Announcement { number: self.latest, what: News::Missed })
            }
            Err(RecvError::Closed) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn numbers(watch: &mut Watch, count: usize) -> Vec<u64> {
        let mut numbers = Vec::new();
        for _ in 0..count {
            numbers.push(watch.next().await.unwrap().number);
        }
        numbers
    }

    #[tokio::test]
    async fn who_comes_back_gets_what_was_missed_and_then_what_is_new() {
        let announcer = Announcer::new();
        for job in ["a", "b", "c"] {
            announcer.announce(News::Removed(job.into()));
        }
        let mut watch = announcer.watch(Some(1));
        announcer.announce(News::Removed("d".into()));
        assert_eq!(numbers(&mut watch, 3).await, [2, 3, 4]);
    }

    #[tokio::test]
    async fn who_was_away_too_long_is_told_so() {
        let announcer = Announcer::new();
        for _ in 0..KEPT + 10 {
            announcer.announce(News::Trouble("full".into()));
        }
        for after in [3, 1_000_000] {
            let first = announcer.watch(Some(after)).next().await.unwrap();
            assert!(matches!(first.what, News::Missed));
        }
    }
}
