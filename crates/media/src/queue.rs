//! A queue between threads that is bounded in bytes, not in items, and keeps the order of several senders' lanes.
//!
//! A frame of 4K weighs fifty of 480p; counting them would bound nothing. Lanes come out one after the other, so that
//! work done at the same time is received in order: the lane at the head may always put in an item when it has none
//! waiting, the lanes behind it wait for room. One lane alone is a plain queue. Either side may leave at any time, and
//! the other notices at once.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

/// Makes a queue that holds at most `max_bytes`, or one item. The sender is that of lane 0.
pub fn bounded<T>(max_bytes: usize) -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared {
        state: Mutex::new(State {
            lanes: BTreeMap::new(),
            head: 0,
            last: usize::MAX,
            bytes: 0,
            senders: 1,
            receiver_left: false,
        }),
        changed: Condvar::new(),
        max_bytes,
    });
    (Sender { shared: Arc::clone(&shared), lane: 0 }, Receiver(shared))
}

struct Shared<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    max_bytes: usize,
}

struct State<T> {
    lanes: BTreeMap<usize, Lane<T>>,
    /// The lane that is received from.
    head: usize,
    /// Lanes behind this one are shut.
    last: usize,
    /// Of all lanes.
    bytes: usize,
    senders: usize,
    receiver_left: bool,
}

struct Lane<T> {
    items: VecDeque<(T, usize)>,
    finished: bool,
}

impl<T> Default for Lane<T> {
    fn default() -> Self {
        Self { items: VecDeque::new(), finished: false }
    }
}

impl<T> State<T> {
    fn is_shut(&self, lane: usize) -> bool {
        self.receiver_left || lane > self.last
    }

    fn has_room(&self, lane: usize, bytes: usize, max_bytes: usize) -> bool {
        let waiting = self.lanes.get(&lane).map_or(0, |lane| lane.items.len());
        self.bytes == 0 || self.bytes.saturating_add(bytes) <= max_bytes || (lane == self.head && waiting == 0)
    }
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // No code that can panic runs under the lock, so a poisoned state is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State<T>>) -> MutexGuard<'a, State<T>> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }
}

/// The side that puts in, of one lane. All dropped: the other side gets what is left, then the end.
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
    lane: usize,
}

/// The receiver has gone, or the lane was shut; nothing will be taken any more.
#[derive(Debug, PartialEq, Eq)]
pub struct ReceiverGone;

impl<T> Sender<T> {
    /// The sender of another lane.
    pub fn lane(&self, lane: usize) -> Self {
        self.shared.lock().senders += 1;
        Self { shared: Arc::clone(&self.shared), lane }
    }

    /// Waits for room, then puts in an item that weighs `bytes`.
    pub fn send(&self, item: T, bytes: usize) -> Result<(), ReceiverGone> {
        let mut state = self.shared.lock();
        while !state.is_shut(self.lane) && !state.has_room(self.lane, bytes, self.shared.max_bytes) {
            state = self.shared.wait(state);
        }
        if state.is_shut(self.lane) {
            return Err(ReceiverGone);
        }
        state.bytes += bytes;
        state.lanes.entry(self.lane).or_default().items.push_back((item, bytes));
        self.shared.changed.notify_all();
        Ok(())
    }

    /// Whether an item of so many bytes could be sent without waiting.
    pub fn has_room(&self, bytes: usize) -> bool {
        let state = self.shared.lock();
        state.is_shut(self.lane) || state.has_room(self.lane, bytes, self.shared.max_bytes)
    }

    /// Nothing more comes in this lane: the next one may be received.
    pub fn finish(&self) {
        self.shared.lock().lanes.entry(self.lane).or_default().finished = true;
        self.shared.changed.notify_all();
    }

    /// Ends the queue for everybody, as if the receiver had gone.
    pub fn close(&self) {
        self.shared.lock().receiver_left = true;
        self.shared.changed.notify_all();
    }

    /// Shuts all lanes behind this one, and lets go of what waits in them.
    pub fn shut_behind(&self) {
        let mut state = self.shared.lock();
        state.last = state.last.min(self.lane);
        let abandoned = state.lanes.split_off(&(self.lane + 1));
        let bytes: usize = abandoned.values().flat_map(|lane| &lane.items).map(|(_, bytes)| bytes).sum();
        state.bytes -= bytes;
        drop(state);
        self.shared.changed.notify_all();
        drop(abandoned); // outside the lock: freeing frames takes its time
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.shared.lock().senders -= 1;
        self.shared.changed.notify_all();
    }
}

/// The side that takes out. Closed or dropped: senders get [`ReceiverGone`], even while they wait.
pub struct Receiver<T>(Arc<Shared<T>>);

impl<T> Receiver<T> {
    /// Waits for an item. `None` when all senders have gone and everything was taken.
    pub fn recv(&self) -> Option<T> {
        let mut state = self.0.lock();
        loop {
            let head = state.head;
            let lane = state.lanes.get_mut(&head);
            if let Some((item, bytes)) = lane.and_then(|lane| lane.items.pop_front()) {
                state.bytes -= bytes;
                self.0.changed.notify_all();
                return Some(item);
            }
            // Without senders no lane will be finished any more: what they left is taken in order.
            let is_over = state.senders == 0 || state.receiver_left;
            if state.lanes.get(&head).is_some_and(|lane| lane.finished || is_over) {
                state.lanes.remove(&head);
                state.head += 1;
                self.0.changed.notify_all();
            } else if let (true, Some(&next)) = (is_over, state.lanes.keys().next()) {
                state.head = next;
            } else if is_over {
                return None;
            } else {
                state = self.0.wait(state);
            }
        }
    }

    /// How many bytes wait.
    pub fn waiting_bytes(&self) -> usize {
        self.0.lock().bytes
    }

    /// Takes no more, and lets go of what is waiting.
    pub fn close(&self) {
        let mut state = self.0.lock();
        state.receiver_left = true;
        state.bytes = 0;
        let abandoned = std::mem::take(&mut state.lanes);
        drop(state);
        self.0.changed.notify_all();
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
        assert_eq!(receiver.waiting_bytes(), 8);
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

    #[test]
    fn lanes_come_out_one_after_the_other_however_they_were_filled() {
        let (first, receiver) = bounded(100);
        let (second, third) = (first.lane(1), first.lane(2));
        third.send('c', 1).unwrap();
        first.send('a', 1).unwrap();
        second.finish();
        first.finish();
        drop((first, second, third));
        assert_eq!([receiver.recv(), receiver.recv(), receiver.recv()], [Some('a'), Some('c'), None]);
    }

    #[test]
    fn the_lane_at_the_head_never_waits_for_the_lanes_behind_it() {
        let (first, receiver) = bounded(10);
        let second = first.lane(1);
        second.send('b', 10).unwrap();
        assert!(!second.has_room(1));
        first.send('a', 10).unwrap();
        assert!(!first.has_room(1), "only while it has nothing waiting");
        assert_eq!(receiver.recv(), Some('a'));
        first.finish();
        drop((first, second));
        assert_eq!([receiver.recv(), receiver.recv()], [Some('b'), None]);
    }

    #[test]
    fn lanes_that_are_shut_take_nothing_and_lose_what_they_had() {
        let (first, receiver) = bounded(10);
        let second = first.lane(1);
        second.send('b', 10).unwrap();
        first.shut_behind();
        assert_eq!(second.send('c', 1), Err(ReceiverGone));
        first.send('a', 10).unwrap();
        drop((first, second));
        assert_eq!([receiver.recv(), receiver.recv()], [Some('a'), None]);
    }
}
