//! Carries out a plan: tasks side by side, frames in order.
//!
//! Each worker takes the next task, decodes it and sends the wanted frames down the task's own lane of the queue.
//! Nothing is taken on trust: the pictures that come out must be exactly those the index promised, without a complaint
//! of the decoder. A task that surprises is done once more with nothing left out; if that surprises too, everything
//! behind it is void, and a full decode goes on after the last frame that was given.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError, atomic::Ordering},
    thread,
};

use crate::{
    Timestamp,
    budget::{Budget, Turn},
    convert::Converter,
    crew::{Crew, Means},
    index::{Distrust, Index},
    libav::{AvError, Decoder, Packet, Picture, Received, Sent},
    packets::Packets,
    plan::{Plan, Task},
    queue::Sender,
    reading::{Place, Reading, Stop, Told},
};

/// Packets of tasks at work that may wait in memory.
const MAX_WAITING_PACKET_BYTES: u64 = 32 << 20;
/// What the decoders of one reader may hold in pictures, counted in pixels: at 1080p, a dozen workers.
const MAX_DECODED_PIXELS: u64 = 12 * 16 * 1920 * 1088;
/// Pictures that a decoder holds at worst.
const PICTURES_A_DECODER: u64 = 16;

/// How carrying out a plan ended.
pub enum Outcome {
    Done,
    /// The frames of all tasks before `lane`, and of that one up to `last_given`, are right. Nothing behind can be
    /// trusted.
    Broken {
        lane: usize,
        /// In the stream's ticks.
        last_given: Option<i64>,
        why: Distrust,
    },
}

/// Decodes what `plan` says from these packets and sends the wanted frames, the task's number being its lane.
pub fn run(
    reading: &Reading,
    index: &Index,
    plan: &Plan,
    packets: Packets,
    sender: &Sender<Told>,
) -> Result<Outcome, Stop> {
    let crew = crew(reading, index, plan);
    let pool = Pool {
        reading,
        index,
        plan,
        crew,
        desk: Mutex::new(Desk { packets, next_task: 0 }),
        ending: Mutex::new(Ending::default()),
    };
    thread::scope(|scope| {
        for _ in 1..crew.workers {
            let sender = sender.lane(0);
            // Without another thread the work is done all the same, only slower.
            let _ = thread::Builder::new().name("tagger-decode".into()).spawn_scoped(scope, || pool.work(sender));
        }
        pool.work(sender.lane(0));
    });
    pool.ending.into_inner().unwrap_or_else(PoisonError::into_inner).outcome()
}

fn crew(reading: &Reading, index: &Index, plan: &Plan) -> Crew {
    let (width, height) = reading.picture_size;
    let pixels_a_decoder = u64::from(width) * u64::from(height) * PICTURES_A_DECODER;
    let fitting = MAX_DECODED_PIXELS / pixels_a_decoder.max(1);
    let means = Means {
        threads: Budget::of_this_process().threads().min(usize::try_from(fitting.max(2)).unwrap_or(2)),
        packet_bytes: MAX_WAITING_PACKET_BYTES,
        queue_bytes: reading.options.limits.queue_bytes as u64,
        frame_bytes: reading.bytes_of_a_frame(),
    };
    plan.crew(index, &means)
}

/// What the workers share.
struct Pool<'a> {
    reading: &'a Reading,
    index: &'a Index,
    plan: &'a Plan,
    crew: Crew,
    desk: Mutex<Desk>,
    ending: Mutex<Ending>,
}

/// Where tasks are taken, with their packets.
struct Desk {
    packets: Packets,
    next_task: usize,
}

/// What is known of the end.
#[derive(Default)]
struct Ending {
    /// The last time given in each lane that may yet prove to be the last one that is right.
    given: BTreeMap<usize, i64>,
    /// The lanes that are worked on.
    open: BTreeSet<usize>,
    /// The first lane that cannot be trusted.
    broken: Option<(usize, Distrust)>,
    stop: Option<Stop>,
}

impl Ending {
    /// A lane came to its end. No lane before the first open one can break any more: of those, only the last time
    /// given counts.
    fn close(&mut self, lane: usize) {
        self.open.remove(&lane);
        let first_open = self.open.first().copied().unwrap_or(usize::MAX);
        let settled = self.given.range(..first_open).next_back().map(|(&lane, _)| lane);
        if let Some(settled) = settled {
            self.given = self.given.split_off(&settled);
        }
    }

    fn outcome(mut self) -> Result<Outcome, Stop> {
        if let Some(stop) = self.stop.take() {
            return Err(stop);
        }
        Ok(match self.broken {
            None => Outcome::Done,
            Some((lane, why)) => {
                let last_given = self.given.range(..=lane).next_back().map(|(_, &ticks)| ticks);
                Outcome::Broken { lane, last_given, why }
            }
        })
    }
}

/// What came between a worker and the end of its task.
enum Trouble {
    Stop(Stop),
    Surprise(Distrust),
}

impl From<Stop> for Trouble {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

impl From<Distrust> for Trouble {
    fn from(why: Distrust) -> Self {
        Self::Surprise(why)
    }
}

impl From<AvError> for Trouble {
    fn from(error: AvError) -> Self {
        surprise(error.to_string())
    }
}

fn surprise(what: impl Into<String>) -> Trouble {
    Trouble::Surprise(Distrust::Surprise(what.into()))
}

fn undecodable(at: Timestamp, reason: String) -> Trouble {
    Trouble::Surprise(Distrust::Undecodable { at, reason })
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A worker that panicked ends the reading in any case.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The packets of a task, if they were read in advance.
type Taken = Option<VecDeque<Packet>>;

/// Where the packets of a task come from.
enum Source<'a> {
    /// Read already, so that the next worker can take its task.
    Taken(VecDeque<Packet>),
    /// Read when they are needed: there is one worker only.
    Live(&'a mut Packets),
}

impl Pool<'_> {
    fn work(&self, sender: Sender<Told>) {
        let leaving = Leaving { sender: &sender };
        let mut worker = Worker::new(self);
        while let Some((nth, task, taken)) = self.next_task() {
            let lane = sender.lane(nth);
            let result = taken.and_then(|taken| worker.task(nth, task, taken, &lane));
            match result {
                Ok(()) => {
                    locked(&self.ending).close(nth);
                    lane.finish();
                }
                Err(Trouble::Surprise(why)) => {
                    let mut ending = locked(&self.ending);
                    if ending.broken.as_ref().is_none_or(|(first, _)| nth < *first) {
                        ending.broken = Some((nth, why));
                    }
                    drop(ending);
                    // Now those who find their lanes shut know why.
                    lane.shut_behind();
                }
                Err(Trouble::Stop(stop)) => {
                    let mut ending = locked(&self.ending);
                    // A lane behind one that broke was shut: that is no end.
                    let is_void = ending.broken.as_ref().is_some_and(|(broken, _)| nth > *broken);
                    if !is_void && !matches!(ending.stop, Some(Stop::Failed(_))) {
                        ending.stop = Some(stop);
                        lane.shut_behind();
                    }
                }
            }
        }
        drop(leaving);
    }

    /// The next task, with its packets if they are to be read in advance.
    fn next_task(&self) -> Option<(usize, Task, Result<Taken, Trouble>)> {
        let mut desk = locked(&self.desk);
        let nth = desk.next_task;
        {
            let mut ending = locked(&self.ending);
            let is_over = ending.stop.is_some() || ending.broken.as_ref().is_some_and(|(broken, _)| nth > *broken);
            if is_over || nth >= self.plan.tasks() {
                return None;
            }
            ending.open.insert(nth);
        }
        desk.next_task += 1;
        let task = self.plan.task(self.index, nth);
        desk.packets.forget_before(self.index.group(task.group).start);
        if self.crew.workers == 1 {
            return Some((nth, task, Ok(None)));
        }
        let keep_from = self.index.group(task.group + 1).start;
        let packets = task.feed.iter().map(|&entry| desk.packets.get(self.index, entry, keep_from));
        let packets = packets.collect::<Result<VecDeque<Packet>, Distrust>>().map_err(Trouble::from);
        Some((nth, task, packets.map(Some)))
    }
}

/// A worker that panics takes the others with it, or they would wait for its lane for ever.
struct Leaving<'a> {
    sender: &'a Sender<Told>,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.sender.close();
        }
    }
}

struct Worker<'a> {
    pool: &'a Pool<'a>,
    turn: Turn<'a>,
    converter: Converter,
    /// Kept from task to task: its memory is warm.
    decoder: Option<Decoder>,
    /// The frames of the task at hand that were given, counted in places.
    given_up_to: Option<u32>,
}

impl<'a> Worker<'a> {
    fn new(pool: &'a Pool<'a>) -> Self {
        let turn = Turn::new(Budget::of_this_process(), pool.crew.threads_each, &pool.reading.cancelled);
        Self { pool, turn, converter: Converter::new(&pool.reading.options), decoder: None, given_up_to: None }
    }

    fn task(&mut self, nth: usize, task: Task, taken: Taken, lane: &Sender<Told>) -> Result<(), Trouble> {
        if !self.turn.take() {
            return Err(Stop::ReaderLeft.into());
        }
        self.given_up_to = None;
        let pool = self.pool;
        let result = match taken {
            Some(packets) => self.attempt(nth, &task, Source::Taken(packets), lane),
            None => self.attempt(nth, &task, Source::Live(&mut locked(&pool.desk).packets), lane),
        };
        let result = match result {
            Err(Trouble::Surprise(_)) if !task.is_ragged => {
                pool.reading.tally.redo();
                self.decoder = None;
                let whole = pool.plan.whole_task(pool.index, nth);
                let mut packets = pool.reading.packets()?;
                self.attempt(nth, &whole, Source::Live(&mut packets), lane)
            }
            result => result,
        };
        if result.is_err() {
            self.decoder = None;
        }
        self.turn.give_back();
        result
    }

    /// Decodes a task and sends those of its frames that were not sent before.
    fn attempt(&mut self, nth: usize, task: &Task, mut source: Source<'_>, lane: &Sender<Told>) -> Result<(), Trouble> {
        let pool = self.pool;
        let decoder = match self.decoder.take() {
            Some(decoder) if !task.is_ragged => decoder,
            _ => pool.reading.decoder(pool.crew.threads_each, !task.is_ragged)?,
        };
        let at = pool.index.time(pool.index.group(task.group).start);
        let mut run = Run { nth, task, lane, decoder, came_out: 0, at };
        let keep_from = pool.index.group(task.group + 1).start;
        for &entry in &task.feed {
            let is_cancelled = pool.reading.cancelled.load(Ordering::Relaxed);
            // A lone worker's task may be the whole file.
            if is_cancelled || !(if pool.crew.workers == 1 { self.turn.pass() } else { self.turn.take() }) {
                return Err(Stop::ReaderLeft.into());
            }
            let packet = match &mut source {
                Source::Taken(packets) => packets.pop_front().ok_or_else(|| surprise("a packet is missing"))?,
                Source::Live(packets) => packets.get(pool.index, entry, keep_from)?,
            };
            pool.reading.tally.fed(1);
            run.at = pool.index.time(entry);
            self.feed(&mut run, Some(&packet))?;
        }
        self.feed(&mut run, None)?;
        if run.came_out < task.comes_out.len() {
            return Err(surprise(format!(
                "{} of {} pictures did not come out",
                task.comes_out.len() - run.came_out,
                task.comes_out.len()
            )));
        }
        if !task.is_ragged {
            run.decoder.reset();
            self.decoder = Some(run.decoder);
        }
        Ok(())
    }

    /// Gives the decoder a packet, or the news that there are no more, and takes what comes out.
    fn feed(&mut self, run: &mut Run<'_>, packet: Option<&Packet>) -> Result<(), Trouble> {
        loop {
            let sent = match run.decoder.send(packet) {
                Ok(sent) => sent,
                Err(_) if run.task.is_ragged => Sent::Taken, // looked at before: what comes out is known
                Err(error) => return Err(undecodable(run.at, error.to_string())),
            };
            loop {
                match run.decoder.receive() {
                    Ok(Received::Picture(picture)) => self.take(run, &picture)?,
                    Ok(Received::NeedsPacket | Received::Finished) => break,
                    Err(_) if run.task.is_ragged => break,
                    Err(error) => return Err(undecodable(run.at, error.to_string())),
                }
            }
            if sent == Sent::Taken {
                return Ok(());
            }
        }
    }

    fn take(&mut self, run: &mut Run<'_>, picture: &Picture) -> Result<(), Trouble> {
        let (pool, index) = (self.pool, self.pool.index);
        pool.reading.tally.decoded(1);
        let coming = run.task.comes_out.get(run.came_out).ok_or_else(|| surprise("a picture too many came out"))?;
        let pts = index.time(coming.entry);
        if picture.pts() != Some(pts.ticks) {
            let came = picture.pts().map_or("no time".into(), |ticks| ticks.to_string());
            return Err(surprise(format!("a picture of {came} came out where {} was due", pts.ticks)));
        }
        run.came_out += 1;
        if picture.is_damaged() && !run.task.is_ragged {
            return Err(Distrust::Guessed { at: pts }.into());
        }
        if u64::from(picture.width()) * u64::from(picture.height()) > pool.reading.options.limits.max_pixels {
            return Err(surprise("a picture is over the limit"));
        }
        let Some(place) = coming.wanted.filter(|&place| self.given_up_to.is_none_or(|given| place > given)) else {
            return Ok(());
        };
        if pool.reading.wants_intra() && !picture.is_intra() {
            return Err(surprise("a picture is not of the type it is marked as"));
        }
        let own_duration = || picture.duration().map(|ticks| Timestamp { ticks, ..pts });
        let before = place.checked_sub(1).and_then(|before| index.distance(before as usize));
        let duration = index.distance(place as usize).or_else(own_duration).or(before);
        let orientation = picture.orientation().unwrap_or(pool.reading.facts.orientation);
        let frame = pool.reading.frame(
            &mut self.converter,
            picture,
            Place { index: place.into(), pts, duration, orientation },
        )?;
        pool.reading.send(run.lane, frame, &mut self.turn)?;
        self.given_up_to = Some(place);
        locked(&pool.ending).given.insert(run.nth, pts.ticks);
        Ok(())
    }
}

/// A task on its way through a decoder.
struct Run<'a> {
    nth: usize,
    task: &'a Task,
    lane: &'a Sender<Told>,
    decoder: Decoder,
    /// How many of its pictures came out.
    came_out: usize,
    /// The time of the packet that was fed last.
    at: Timestamp,
}

#[cfg(test)]
mod tests {
    use std::{path::Path, process::Command, sync::Arc};

    use super::*;
    use crate::{
        Frame, FrameOptions, Rate, choose::Chooser, decode::StreamFacts, entries::Entry, libav::DecoderRecipe, probe,
        queue, report::Tally,
    };

    const H264: &str = "-c:v libx264 -preset veryfast -x264-params keyint=25:bframes=3";
    const MPEG2: &str = "-c:v mpeg2video -bf 2 -g 25 -flags +cgop -sc_threshold 1000000000";

    /// Two groups of 25 pictures, of which some refer to one another.
    fn clip(path: &Path, codec: &str) {
        let source = ["-f", "lavfi", "-i", "testsrc2=size=160x120:rate=25:duration=2", "-pix_fmt", "yuv420p"];
        let codec = codec.split(' ');
        let made = Command::new("ffmpeg").args(["-loglevel", "error"]).args(source).args(codec).arg(path).output();
        assert!(made.unwrap().status.success());
    }

    fn reading(path: &Path) -> Reading {
        let options = FrameOptions { rate: Rate::All, ..FrameOptions::default() };
        let container = probe::open(path, &options.limits, Arc::default()).unwrap();
        let stream = container.video(path).unwrap();
        Reading {
            path: path.into(),
            codec: stream.codec(),
            start: container.start(),
            facts: StreamFacts::of(&stream),
            picture_size: (160, 120),
            recipe: DecoderRecipe::of(&stream, options.limits.max_pixels).unwrap(),
            chooser: Chooser::new(path, &options.rate, container.start()).unwrap(),
            options,
            cancelled: Arc::default(),
            tally: Arc::new(Tally::default()),
        }
    }

    fn index(reading: &Reading) -> Index {
        let mut container = probe::open(&reading.path, &reading.options.limits, Arc::default()).unwrap();
        Index::read(&mut container.input, reading.facts.index).unwrap()
    }

    fn carry_out(reading: &Reading, index: &Index, wanted: Vec<u32>) -> (Outcome, Vec<Frame>) {
        let (sender, receiver) = queue::bounded(usize::MAX);
        let packets = reading.packets().unwrap();
        let outcome = run(reading, index, &Plan::new(index, wanted), packets, &sender).ok().unwrap();
        drop(sender);
        let frames = std::iter::from_fn(|| receiver.recv()).map(|told| match told {
            Told::Frame(frame) => frame,
            Told::Skipped(_) | Told::Failed(_) => panic!("nothing is damaged"),
        });
        (outcome, frames.collect())
    }

    /// The index with facts that are not true.
    fn tampered(index: &Index, tamper: impl Fn(usize, &mut Entry)) -> Index {
        let mut entries: Vec<Entry> = index.entries().iter().collect();
        entries.iter_mut().enumerate().for_each(|(nth, entry)| tamper(nth, entry));
        Index::new(entries.into_iter().collect(), index.time(0).base, None).unwrap()
    }

    #[test]
    fn an_input_gives_its_packets_again_and_they_are_kept_no_longer_than_they_may_be_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["clip.mp4", "clip.mkv"] {
            let path = folder.path().join(name);
            clip(&path, H264);
            let reading = reading(&path);
            let mut container = probe::open(&path, &reading.options.limits, Arc::default()).unwrap();
            let index = Index::read(&mut container.input, reading.facts.index).unwrap();
            let mut again = Packets::again(container.input, reading.facts.index, &index).unwrap();
            let mut anew = reading.packets().unwrap();
            let second_group = index.group(1);
            for entry in 0..second_group.end {
                let packet = again.get(&index, entry, second_group.start).unwrap();
                assert_eq!(packet.data(), anew.get(&index, entry, 0).unwrap().data(), "{name}, packet {entry}");
            }
            assert_eq!(again.kept(), second_group.len());
            again.forget_before(second_group.end);
            assert_eq!(again.kept(), 0);
        }
    }

    #[test]
    fn of_the_lanes_that_are_done_only_the_last_one_that_gave_something_is_remembered() {
        let mut ending = Ending::default();
        for lane in 0..1000 {
            ending.open.insert(lane);
            ending.given.insert(lane, lane as i64);
            if lane >= 2 {
                ending.close(lane - 2);
                assert!(ending.given.len() <= 3);
            }
        }
        ending.broken = Some((999, Distrust::NoTime));
        assert!(matches!(ending.outcome(), Ok(Outcome::Broken { lane: 999, last_given: Some(999), .. })));
    }

    #[test]
    fn a_task_that_left_out_too_much_is_done_once_more_and_comes_out_right() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clip.mkv");
        clip(&path, MPEG2);
        let reading = reading(&path);
        let index = index(&reading);
        let wanted = vec![1, 30];
        let (_, right) = carry_out(&reading, &index, wanted.clone());
        assert_eq!(reading.tally.report().groups_redone, 0);
        // As if no picture referred to any other but the start: the decoder leaves out what lacks its references.
        let wrong = tampered(&index, |_, entry| entry.unreferenced = !entry.starts);
        let (outcome, frames) = carry_out(&reading, &wrong, wanted);
        assert!(matches!(outcome, Outcome::Done));
        assert!(reading.tally.report().groups_redone > 0);
        assert_eq!(frames[0], right[0]);
    }

    #[test]
    fn a_picture_that_does_not_come_out_voids_all_behind_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clip.mp4");
        clip(&path, H264);
        let reading = reading(&path);
        let index = index(&reading);
        // The index promises a time in the second group that no picture has.
        let wrong = tampered(&index, |nth, entry| entry.shown = nth != 30);
        let wanted = (0..49).collect();
        let (outcome, frames) = carry_out(&reading, &wrong, wanted);
        let Outcome::Broken { lane: 1, last_given, why } = outcome else { panic!("the second group is wrong") };
        assert_eq!(last_given, frames.last().map(|frame| frame.pts.ticks));
        assert!(why.to_string().contains("came out where"), "{why}");
        assert!(frames.len() >= 25 && frames.windows(2).all(|pair| pair[0].index + 1 == pair[1].index));
    }
}
