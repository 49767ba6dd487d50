//! How to share the tasks of a plan among threads. Pure.
//!
//! Decoders of one thread each waste nothing, as long as all of them are busy to the end and what they give finds room.
//! One decoder of many threads waits a little for itself, and more at the end of every task, but it needs no packets in
//! advance, half the pictures, and gives its frames in order. Which is faster is found by going through the tasks,
//! counting packets instead of time: groups of a film are of any length, and a long one behind another long one stands
//! still as soon as the queue has no room for its frames.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

/// How many tasks at once, and how many threads each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crew {
    pub workers: usize,
    pub threads_each: usize,
}

/// What there is to carry out a plan with.
#[derive(Debug, Clone, Copy)]
pub struct Means {
    pub threads: usize,
    /// Of packets that may wait in memory.
    pub packet_bytes: u64,
    /// Of frames that may wait in memory.
    pub queue_bytes: u64,
    /// Of one frame.
    pub frame_bytes: u64,
}

/// What a task takes and gives.
#[derive(Debug)]
pub struct Load {
    pub packets: u64,
    /// Of all its packets.
    pub bytes: u64,
    /// After how many packets each of its frames is there, ascending.
    pub gives: Vec<u64>,
}

impl Crew {
    /// The faster way to do `tasks` in their order.
    pub fn of(tasks: impl ExactSizeIterator<Item = Load>, means: &Means) -> Self {
        /// As measured on two cores: a thread more makes a packet take so much longer than its share, …
        const WASTE_A_THREAD: f64 = 0.03;
        /// … and a task so many packets.
        const PACKETS_A_TASK: f64 = 2.5;
        let (threads, count) = (means.threads.max(1), tasks.len());
        let workers = threads.min(count).max(1);
        let (mut packets, mut heaviest) = (0, vec![0; workers]);
        let weighed = tasks.inspect(|task| {
            packets += task.packets;
            if let Some(lightest) = heaviest.iter_mut().min() {
                *lightest = task.bytes.max(*lightest);
            }
        });
        let side_by_side = Race::new(weighed, workers, means.queue_bytes / means.frame_bytes.max(1)).run() as f64;
        let others = (threads - 1) as f64;
        let one_by_one =
            packets as f64 / threads as f64 * (1.0 + WASTE_A_THREAD * others) + count as f64 * PACKETS_A_TASK * others;
        if side_by_side <= one_by_one && heaviest.iter().sum::<u64>() <= means.packet_bytes {
            Self { workers, threads_each: 1 }
        } else {
            Self { workers: 1, threads_each: threads }
        }
    }
}

/// Workers that take the next task when they have done one. The frames of the first task that is not done are taken at
/// once; those of tasks behind it wait in the queue.
struct Race<T> {
    tasks: T,
    /// Frames that may wait.
    room: u64,
    /// The task at each worker.
    at_work: Vec<Option<Running>>,
    /// When each worker that does not wait gets to its next frame, or its end.
    due: BinaryHeap<Reverse<(u64, usize)>>,
    /// Workers with a frame for which there is no room.
    stuck: Vec<usize>,
    next_lane: usize,
    head: usize,
    /// Lanes behind the head that have begun: their frames that wait, and whether they are done.
    lanes: BTreeMap<usize, (u64, bool)>,
    waiting: u64,
}

struct Running {
    lane: usize,
    load: Load,
    fed: u64,
    given: usize,
}

impl Running {
    /// Where it gets to next.
    fn target(&self) -> u64 {
        self.load.gives.get(self.given).copied().unwrap_or(self.load.packets).max(self.fed)
    }
}

impl<T: Iterator<Item = Load>> Race<T> {
    fn new(tasks: T, workers: usize, room: u64) -> Self {
        Self {
            tasks,
            room: room.max(1),
            at_work: (0..workers).map(|_| None).collect(),
            due: BinaryHeap::new(),
            stuck: Vec::new(),
            next_lane: 0,
            head: 0,
            lanes: BTreeMap::new(),
            waiting: 0,
        }
    }

    /// How long it takes, in packets of one worker.
    fn run(mut self) -> u64 {
        let mut now = 0;
        (0..self.at_work.len()).for_each(|worker| self.take_task(worker, now));
        while let Some(Reverse((time, worker))) = self.due.pop() {
            now = time;
            self.arrive(worker, now);
        }
        now
    }

    fn take_task(&mut self, worker: usize, now: u64) {
        self.at_work[worker] = self.tasks.next().map(|load| {
            let running = Running { lane: self.next_lane, load, fed: 0, given: 0 };
            self.lanes.insert(running.lane, (0, false));
            self.next_lane += 1;
            self.due.push(Reverse((now + running.target(), worker)));
            running
        });
    }

    /// A worker got to its next frame, or to the end of its task.
    fn arrive(&mut self, worker: usize, now: u64) {
        let Some(running) = &mut self.at_work[worker] else { return };
        running.fed = running.target();
        if running.given == running.load.gives.len() {
            if let Some((_, is_done)) = self.lanes.get_mut(&running.lane) {
                *is_done = true;
            }
            self.take_task(worker, now);
            self.move_head(now);
            return;
        }
        if running.lane != self.head {
            if self.waiting >= self.room {
                self.stuck.push(worker);
                return;
            }
            self.waiting += 1;
            if let Some((waiting, _)) = self.lanes.get_mut(&running.lane) {
                *waiting += 1;
            }
        }
        running.given += 1;
        self.due.push(Reverse((now + running.target() - running.fed, worker)));
    }

    /// Takes the frames of the tasks whose turn has come, and lets those try again who had no room.
    fn move_head(&mut self, now: u64) {
        while let Some(mut lane) = self.lanes.first_entry() {
            self.head = *lane.key();
            self.waiting -= std::mem::take(&mut lane.get_mut().0);
            if !lane.get().1 {
                break;
            }
            lane.remove();
        }
        self.due.extend(self.stuck.drain(..).map(|worker| Reverse((now, worker))));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MEANS: Means = Means { threads: 4, packet_bytes: 1 << 20, queue_bytes: 1 << 30, frame_bytes: 1 << 20 };
    const TWO: Means = Means { threads: 2, ..MEANS };

    fn alone(threads_each: usize) -> Crew {
        Crew { workers: 1, threads_each }
    }

    /// Tasks of so many packets, with a frame after every so many.
    fn loads(packets: &[u64], step: usize) -> impl ExactSizeIterator<Item = Load> {
        let load = move |packets| Load { packets, bytes: packets, gives: (1..=packets).step_by(step).collect() };
        packets.iter().copied().map(load)
    }

    fn race(packets: &[u64], step: usize, workers: usize, room: u64) -> u64 {
        Race::new(loads(packets, step), workers, room).run()
    }

    #[test]
    fn many_tasks_go_side_by_side_and_few_one_by_one() {
        assert_eq!(Crew::of(loads(&[100; 8], 1), &MEANS), Crew { workers: 4, threads_each: 1 });
        assert_eq!(Crew::of(loads(&[800], 1), &MEANS), alone(4));
        assert_eq!(Crew::of(loads(&[800], 1), &Means { threads: 1, ..MEANS }), alone(1));
        assert_eq!(Crew::of(loads(&[700, 100], 1), &TWO), alone(2), "one would be idle for long");
        assert_eq!(Crew::of(loads(&[100; 3], 1), &TWO), alone(2));
        assert_eq!(Crew::of(loads(&[], 1), &TWO), Crew { workers: 1, threads_each: 1 });
    }

    #[test]
    fn packets_that_weigh_too_much_to_wait_in_memory_are_read_one_by_one() {
        assert_eq!(Crew::of(loads(&[100; 8], 1), &Means { packet_bytes: 399, ..MEANS }), alone(4));
        assert_eq!(Crew::of(loads(&[100; 8], 1), &Means { packet_bytes: 400, ..MEANS }).workers, 4);
    }

    #[test]
    fn frames_that_would_wait_for_those_before_them_are_decoded_in_order() {
        let narrow = Means { frame_bytes: 100, queue_bytes: 200, ..TWO };
        assert_eq!(Crew::of(loads(&[100; 8], 10), &narrow), alone(2));
        assert_eq!(Crew::of(loads(&[100; 8], 50), &narrow).workers, 2);
    }

    #[test]
    fn long_groups_among_short_ones_stand_still_where_their_frames_find_no_room() {
        let film = [30, 34, 40, 33, 50, 55, 250, 28, 50, 55, 250, 28, 50, 55, 250, 28, 50, 55, 112];
        assert!(race(&film, 25, 2, 5) > 900);
        assert!(race(&film, 25, 2, 20) < 780);
        let of_five = Means { frame_bytes: 100, queue_bytes: 500, ..TWO };
        assert_eq!(Crew::of(loads(&film, 25), &of_five), alone(2));
        assert_eq!(Crew::of(loads(&film, 25), &Means { queue_bytes: 2000, ..of_five }).workers, 2);
    }

    proptest! {
        #[test]
        fn a_race_is_never_shorter_than_its_work_nor_longer_than_one_worker(
            packets in prop::collection::vec(1u64..60, 0..30),
            (step, workers, room) in (1usize..20, 1usize..5, 0u64..9),
        ) {
            let (all, longest) = (packets.iter().sum::<u64>(), packets.iter().max().copied().unwrap_or(0));
            let took = race(&packets, step, workers, room);
            prop_assert!(took <= all);
            prop_assert!(took >= longest.max(all.div_ceil(workers as u64)));
            prop_assert_eq!(race(&packets, step, 1, room), all);
        }
    }
}
