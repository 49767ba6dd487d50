//! How many threads of this process decode at a time, over all readers.
//!
//! A decoding thread takes a turn, and gives it back where it waits for something else or others wait for it. Turns
//! are given in the order they were asked for. A process made by `fork` begins with a budget of its own: the threads
//! that held the turns of its parent do not exist in it.

use std::{
    collections::VecDeque,
    num::NonZeroUsize,
    process,
    sync::{
        Condvar, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

/// How long a thread that waits for its turn takes at most to notice that its reader was dropped.
const NOTICE: Duration = Duration::from_millis(10);

/// What was set; 0 for what the system recommends.
static SET: AtomicUsize = AtomicUsize::new(0);

/// Sets how many threads of this process may decode at a time, over all readers that are opened from now on.
/// Default: the number of available cores.
pub fn set_decode_threads(threads: NonZeroUsize) {
    SET.store(threads.get(), Ordering::Relaxed);
}

/// How many threads the system recommends; asked once, because it reads files to answer.
fn available_cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| thread::available_parallelism().map_or(1, NonZeroUsize::get))
}

/// The threads of one process.
pub struct Budget {
    process: u32,
    state: Mutex<State>,
    changed: Condvar,
    /// The budget of a process forked from this one.
    child: OnceLock<Box<Self>>,
}

#[derive(Default)]
struct State {
    used: usize,
    /// Tickets of those who wait, in their order.
    waiting: VecDeque<u64>,
    next_ticket: u64,
}

impl Budget {
    fn new() -> Self {
        Self { process: process::id(), state: Mutex::default(), changed: Condvar::new(), child: OnceLock::new() }
    }

    /// The budget of the process that asks.
    pub fn of_this_process() -> &'static Self {
        static FIRST: OnceLock<Budget> = OnceLock::new();
        let mut budget = FIRST.get_or_init(Self::new);
        while budget.process != process::id() {
            budget = budget.child.get_or_init(|| Box::new(Self::new()));
        }
        budget
    }

    /// How many threads may decode at a time, at least 1.
    pub fn threads(&self) -> usize {
        match SET.load(Ordering::Relaxed) {
            0 => available_cores(),
            threads => threads,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs under the lock, so a poisoned state is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A turn of some threads, taken or not.
pub struct Turn<'a> {
    budget: &'a Budget,
    threads: usize,
    cancelled: &'a AtomicBool,
    is_taken: bool,
}

impl<'a> Turn<'a> {
    /// A turn of so many threads, or as many as there are, not taken yet. Waiting for it ends when `cancelled` is set.
    pub fn new(budget: &'a Budget, threads: usize, cancelled: &'a AtomicBool) -> Self {
        Self { budget, threads, cancelled, is_taken: false }
    }

    /// Waits for it. `false` when it was cancelled.
    pub fn take(&mut self) -> bool {
        if self.is_taken {
            return true;
        }
        let mut state = self.budget.lock();
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        state.waiting.push_back(ticket);
        loop {
            let cancelled = self.cancelled.load(Ordering::Relaxed);
            let total = self.budget.threads();
            self.threads = self.threads.min(total);
            let is_mine = state.waiting.front() == Some(&ticket) && state.used + self.threads <= total;
            if cancelled || is_mine {
                state.waiting.retain(|&waiting| waiting != ticket);
                state.used += if cancelled { 0 } else { self.threads };
                self.is_taken = !cancelled;
                drop(state);
                self.budget.changed.notify_all(); // there may be room for the next one too
                return !cancelled;
            }
            let waited = self.budget.changed.wait_timeout(state, NOTICE);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Gives it back, if it was taken.
    pub fn give_back(&mut self) {
        if std::mem::take(&mut self.is_taken) {
            self.budget.lock().used -= self.threads;
            self.budget.changed.notify_all();
        }
    }

    /// Lets others go first, if some wait. `false` when it was cancelled.
    pub fn pass(&mut self) -> bool {
        if !self.budget.lock().waiting.is_empty() {
            self.give_back();
        }
        self.take()
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.give_back();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    static NEVER: AtomicBool = AtomicBool::new(false);

    #[test]
    fn no_more_threads_decode_than_the_budget_has() {
        let budget = Budget::new();
        let (most, now) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for threads in [1, 1, 1, usize::MAX] {
                scope.spawn({
                    let (budget, most, now) = (&budget, &most, &now);
                    move || {
                        let mut turn = Turn::new(budget, threads, &NEVER);
                        for _ in 0..200 {
                            assert!(turn.take());
                            let threads = turn.threads;
                            most.fetch_max(now.fetch_add(threads, Ordering::Relaxed) + threads, Ordering::Relaxed);
                            now.fetch_sub(threads, Ordering::Relaxed);
                            turn.give_back();
                        }
                    }
                });
            }
        });
        assert!((1..=budget.threads()).contains(&most.load(Ordering::Relaxed)));
        assert_eq!(budget.lock().used, 0);
    }

    #[test]
    fn a_turn_is_passed_to_those_who_wait() {
        let budget = Budget::new();
        let mut mine = Turn::new(&budget, usize::MAX, &NEVER);
        assert!(mine.take());
        thread::scope(|scope| {
            let other = scope.spawn(|| Turn::new(&budget, usize::MAX, &NEVER).take());
            while !other.is_finished() {
                assert!(mine.pass());
            }
            assert!(other.join().unwrap());
        });
    }

    #[test]
    fn who_waits_for_a_turn_can_be_cancelled() {
        let budget = Budget::new();
        let mut mine = Turn::new(&budget, usize::MAX, &NEVER);
        assert!(mine.take());
        let cancelled = AtomicBool::new(true);
        assert!(!Turn::new(&budget, 1, &cancelled).take());
        assert!(budget.lock().waiting.is_empty());
    }
}
