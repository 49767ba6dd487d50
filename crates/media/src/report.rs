//! Tells how frames were come by, and how they would be.

use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use serde::Serialize;

use crate::{
    FrameOptions, MediaError, Rate, choose::Chooser, decode::StreamFacts, index::Index, libav::DecoderRecipe,
    plan::Plan, probe, reading::Reading,
};

/// How the frames of a video were come by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether packets were left out.
    pub mode: Mode,
    /// Why everything was decoded, where it was.
    pub why: Option<String>,
    /// Packets of the video, where they were counted.
    pub packets: u64,
    /// Packets that decoders were given; those at the joints of groups, or of work that was redone, count twice.
    pub packets_fed: u64,
    /// Pictures that were decoded.
    pub frames_decoded: u64,
    /// Groups that were decoded a second time, with nothing left out.
    pub groups_redone: u64,
}

impl Report {
    /// Packets that no decoder was given.
    pub fn packets_left_out(&self) -> u64 {
        self.packets.saturating_sub(self.packets_fed)
    }
}

/// How a video is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Only what the wanted frames need is decoded.
    Planned,
    /// Everything is decoded.
    Full,
}

/// A report in the making, shared by the threads.
#[derive(Default)]
pub struct Tally {
    is_planned: AtomicBool,
    why: Mutex<Option<String>>,
    packets: AtomicU64,
    fed: AtomicU64,
    fed_in_all: AtomicU64,
    decoded: AtomicU64,
    redone: AtomicU64,
}

impl Tally {
    /// A plan is carried out.
    pub fn plan(&self, packets: u64) {
        self.is_planned.store(true, Ordering::Relaxed);
        self.packets.store(packets, Ordering::Relaxed);
    }

    /// Everything is decoded, because of this.
    pub fn fall_back(&self, why: String) {
        self.is_planned.store(false, Ordering::Relaxed);
        *self.why.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    pub fn fed(&self, packets: u64) {
        self.fed.fetch_add(packets, Ordering::Relaxed);
    }

    /// How far a full decode is.
    pub fn fed_in_all(&self, packets: u64) {
        self.fed_in_all.store(packets, Ordering::Relaxed);
    }

    pub fn decoded(&self, pictures: u64) {
        self.decoded.fetch_add(pictures, Ordering::Relaxed);
    }

    pub fn redo(&self) {
        self.redone.fetch_add(1, Ordering::Relaxed);
    }

    pub fn report(&self) -> Report {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let in_all = read(&self.fed_in_all);
        Report {
            mode: if self.is_planned.load(Ordering::Relaxed) { Mode::Planned } else { Mode::Full },
            why: self.why.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            packets: read(&self.packets).max(in_all),
            packets_fed: read(&self.fed) + in_all,
            frames_decoded: read(&self.decoded),
            groups_redone: read(&self.redone),
        }
    }
}

/// What reading frames at some rate would decode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanReport {
    /// Whether packets would be left out.
    pub mode: Mode,
    /// Why everything would be decoded, where it would.
    pub why: Option<String>,
    /// The structure of the video, where it could be read.
    pub structure: Option<Structure>,
    /// Frames that would be given out, where a plan tells.
    pub frames_wanted: Option<u64>,
    /// Packets that decoders would be given.
    pub packets_fed: Option<u64>,
    /// Tasks that can be decoded side by side.
    pub tasks: Option<u64>,
}

/// The groups of a video.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Structure {
    /// Packets of the video.
    pub packets: u64,
    /// Frames that are shown.
    pub frames: u64,
    /// Groups that are decoded on their own.
    pub groups: u64,
    /// Groups that begin with pictures which refer to the group before.
    pub open_groups: u64,
    /// Packets of the shortest group.
    pub shortest_group: u64,
    /// Packets of the group in the middle, by length.
    pub median_group: u64,
    /// Packets of the longest group.
    pub longest_group: u64,
    /// Packets that no other refers to.
    pub unreferenced: u64,
    /// Layers in time, 1 where there is but one.
    pub layers: u64,
}

impl Structure {
    fn of(index: &Index) -> Self {
        let mut lengths: Vec<u64> = (0..index.groups()).map(|group| index.group(group).len() as u64).collect();
        lengths.sort_unstable();
        let is_open = |&group: &usize| index.group(group).any(|entry| index.leads(entry, group));
        Self {
            packets: u64::from(index.entries().len()),
            frames: index.shown().len() as u64,
            groups: lengths.len() as u64,
            open_groups: (0..index.groups()).filter(is_open).count() as u64,
            shortest_group: lengths.first().copied().unwrap_or(0),
            median_group: lengths.get(lengths.len() / 2).copied().unwrap_or(0),
            longest_group: lengths.last().copied().unwrap_or(0),
            unreferenced: index.entries().iter().filter(|entry| entry.unreferenced).count() as u64,
            layers: index.entries().iter().map(|entry| u64::from(entry.layer) + 1).max().unwrap_or(0),
        }
    }
}

/// Says what reading frames at `rate` would decode, without doing it.
///
/// # Errors
/// As [`Frames::open`](crate::Frames::open).
pub fn plan_report(path: &Path, rate: &Rate) -> Result<PlanReport, MediaError> {
    let options = FrameOptions { rate: rate.clone(), ..FrameOptions::default() };
    let mut container = probe::open(path, &options.limits, Arc::default())?;
    let stream = container.video(path)?;
    let libav = |error: crate::libav::AvError| MediaError::Libav {
        path: path.into(),
        doing: "look into",
        reason: error.to_string(),
    };
    let start = container.start();
    let reading = Reading {
        path: path.into(),
        codec: stream.codec(),
        start,
        facts: StreamFacts::of(&stream),
        picture_size: (stream.width(), stream.height()),
        recipe: DecoderRecipe::of(&stream, options.limits.max_pixels).map_err(libav)?,
        chooser: Chooser::new(path, rate, start)?,
        options,
        cancelled: Arc::default(),
        tally: Arc::default(),
    };
    let full = |why: String, structure| PlanReport {
        mode: Mode::Full,
        why: Some(why),
        structure,
        frames_wanted: None,
        packets_fed: None,
        tasks: None,
    };
    let index = match Index::read(&mut container.input, reading.facts.index) {
        Ok(index) => index,
        Err(why) => return Ok(full(why.to_string(), None)),
    };
    let structure = Some(Structure::of(&index));
    let (index, plan, _) = match reading.plan(index) {
        Ok(planned) => planned,
        Err(why) => return Ok(full(why.to_string(), structure)),
    };
    Ok(PlanReport {
        mode: Mode::Planned,
        why: None,
        structure,
        frames_wanted: Some(plan.wanted() as u64),
        packets_fed: Some(packets_fed(&index, &plan)),
        tasks: Some(plan.tasks() as u64),
    })
}

fn packets_fed(index: &Index, plan: &Plan) -> u64 {
    (0..plan.tasks()).map(|nth| plan.task(index, nth).feed.len() as u64).sum()
}
