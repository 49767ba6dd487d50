//! A queue between two threads that is bounded in bytes, not in items.
//!
//! A frame of 4K weighs fifty of 480p; counting them would bound nothing. An empty queue takes any item, so that one
//! larger than the bound still passes. Either side may leave at any time, and the other notices at once.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

/// Makes a queue that holds at most `max_bytes`, or one item.
pub fn bounded<T>(max_bytes: usize) -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared {
        state: Mutex::new(State { items: VecDeque::new(), bytes: 0, closed: false }),
        changed: Condvar::new(),
        max_bytes,
    });
    (Sender(Arc::clone(&shared)), Receiver(shared))
}

struct Shared<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    max_bytes: usize,
}

struct State<T> {
    items: VecDeque<(T, usize)>,
    bytes: usize,
    /// One side has left.
    closed: bool,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // No code that can panic runs under the lock, so a poisoned state is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }
}

/// The side that puts in. Dropped: the other side gets what is left, then the end.
pub struct Sender<T>(Arc<Shared<T>>);

/// The receiver has gone; nothing will be taken any more.
#[derive(Debug, PartialEq, Eq)]
pub struct ReceiverGone;

impl<T> Sender<T> {
    /// Waits for room, then puts in an item that weighs `bytes`.
    pub fn send(&self, item: T, bytes: usize) -> Result<(), ReceiverGone> {
        let mut state = self.0.lock();
        while !state.closed && !state.items.is_empty() && state.bytes.saturating_add(bytes) > self.0.max_bytes {
            state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed {
            return Err(ReceiverGone);
        }
        state.bytes += bytes;
        state.items.push_back((item, bytes));
        self.0.changed.notify_all();
        Ok(())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// The side that takes out. Closed or dropped: the sender gets [`ReceiverGone`], even while it waits.
pub struct Receiver<T>(Arc<Shared<T>>);

impl<T> Receiver<T> {
    /// Waits for an item. `None` when the sender has gone and everything was taken.
    pub fn recv(&self) -> Option<T> {
        let mut state = self.0.lock();
        loop {
            if let Some((item, bytes)) = state.items.pop_front() {
                state.bytes -= bytes;
                self.0.changed.notify_all();
                return Some(item);
            }
            if state.closed {
                return None;
            }
            state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes no more, and lets go of what is waiting.
    pub fn close(&self) {
        self.0.close();
        let abandoned = std::mem::take(&mut self.0.lock().items);
        drop(abandoned); // outside the lock: freeing frames takes its time
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread};

    use super::*;

    #[test]
    fn items_come_out_in_order_and_then_the_end() {
        let (sender, receiver) = bounded(10);
        sender.send('a', 4).unwrap();
        sender.send('b', 4).unwrap();
        drop(sender);
        assert_eq!([receiver.recv(), receiver.recv(), receiver.recv()], [Some('a'), Some('b'), None]);
    }

    #[test]
    fn an_item_larger_than_the_bound_passes_alone() {
        let (sender, receiver) = bounded(10);
        sender.send('a', 1000).unwrap();
        assert_eq!(receiver.recv(), Some('a'));
    }

    #[test]
    fn what_waits_never_outweighs_the_bound() {
        let (sender, receiver) = bounded(10);
        let shared = Arc::clone(&receiver.0);
        let feeder = thread::spawn(move || (0..100).try_for_each(|n| sender.send(n, 4)));
        for n in 0..100 {
            assert_eq!(receiver.recv(), Some(n));
            assert!(shared.lock().bytes <= 10);
        }
        feeder.join().unwrap().unwrap();
    }

    #[test]
    fn a_sender_that_waits_for_room_learns_that_the_receiver_left() {
        let (sender, receiver) = bounded(1);
        let (ready, is_ready) = mpsc::channel();
        let feeder = thread::spawn(move || {
            sender.send('a', 1).unwrap();
            ready.send(()).unwrap();
            sender.send('b', 1)
        });
        is_ready.recv().unwrap();
        drop(receiver);
        assert_eq!(feeder.join().unwrap(), Err(ReceiverGone));
    }
}
