//! The way from a file to its frames: index, plan, decode side by side; or decode everything.

use std::{
    collections::HashSet,
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
};

use crate::{
    Frame, FrameOptions, MediaError, OnDamage, Orientation, Rate, Skipped, Timestamp,
    budget::{Budget, Turn},
    choose::Chooser,
    convert::Converter,
    decode::StreamFacts,
    full,
    index::{Distrust, Index},
    libav::{AvError, Decoder, DecoderRecipe, Input, Picture, Received, Scaler, Sent},
    packets::Packets,
    plan::Plan,
    pool::{self, Outcome},
    probe,
    queue::{ReceiverGone, Sender},
    report::Tally,
};

/// What the threads tell the reader.
pub enum Told {
    Frame(Frame),
    Skipped(Box<Skipped>),
    Failed(MediaError),
}

/// Why a thread ends before its work does.
pub enum Stop {
    ReaderLeft,
    Failed(MediaError),
}

impl From<ReceiverGone> for Stop {
    fn from(_: ReceiverGone) -> Self {
        Self::ReaderLeft
    }
}

/// All that reading a file needs to know.
pub struct Reading {
    pub path: PathBuf,
    pub codec: String,
    /// Where times are counted from.
    pub start: Timestamp,
    pub facts: StreamFacts,
    /// Columns and rows, as stored.
    pub picture_size: (u32, u32),
    pub recipe: DecoderRecipe,
    pub options: FrameOptions,
    /// As it is before the first frame.
    pub chooser: Chooser,
    pub cancelled: Arc<AtomicBool>,
    pub tally: Arc<Tally>,
}

impl Reading {
    /// Reads the file to its end, or until the reader leaves. `input` is the file, opened.
    pub fn run(&self, input: Input, skipped: Skipped, sender: &Sender<Told>) {
        let ended = match self.planned(input, &skipped, sender) {
            Ok(Outcome::Done) => Ok(()),
            Ok(Outcome::Broken { why, .. }) if self.options.on_damage == OnDamage::Fail && why.damage().is_some() => {
                let (path, at, reason) = (self.path.clone(), why.damage(), why.to_string());
                Err(Stop::Failed(MediaError::Damaged { path, at, reason }))
            }
            Ok(Outcome::Broken { lane, last_given, why }) => {
                self.tally.fall_back(why.to_string());
                let (mut skipped, sender) = (skipped, sender.lane(lane));
                if let Distrust::Guessed { at } = why {
                    // Seen by a decoder of one thread; those of several do not notice every time.
                    skipped.add_guessed(at);
                    let _ = sender.send(Told::Skipped(Box::new(skipped.clone())), 0); // whether anybody is there shows below
                }
                self.decode_all(skipped, &sender, last_given)
            }
            Err(stop) => Err(stop),
        };
        if let Err(Stop::Failed(error)) = ended {
            // Nobody to tell is as good as told.
            let _ = sender.send(Told::Failed(error), 0);
        }
    }

    fn planned(&self, mut input: Input, skipped: &Skipped, sender: &Sender<Told>) -> Result<Outcome, Stop> {
        let broken = |why| Ok(Outcome::Broken { lane: 0, last_given: None, why });
        if self.options.decode_all {
            return broken(Distrust::Asked);
        }
        let index = match Index::read(&mut input, self.facts.index) {
            Ok(index) => index,
            Err(why) => return broken(why),
        };
        let (index, plan, head_damage) = match self.plan(index) {
            Ok(planned) => planned,
            Err(why) => return broken(why),
        };
        if !head_damage.is_empty() {
            let mut skipped = skipped.clone();
            head_damage.into_iter().for_each(|(time, reason)| skipped.add(time, reason));
            sender.send(Told::Skipped(Box::new(skipped)), 0)?;
        }
        self.tally.plan(index.entries().len().into());
        match Packets::again(input, self.facts.index, &index).map_or_else(|| self.packets(), Ok) {
            Ok(packets) => pool::run(self, &index, &plan, packets, sender),
            Err(why) => broken(why),
        }
    }

    /// Plans on an index, which is corrected first where only decoding tells the truth.
    pub fn plan(&self, mut index: Index) -> Result<(Index, Plan, Vec<HeadDamage>), Distrust> {
        let mut damage = Vec::new();
        if index.head_is_ragged() {
            let (shown, found) = self.look_at_head(&index)?;
            damage = found;
            index.correct_head(&shown);
        }
        let kinds = index.shown().iter().map(|&entry| index.entries().at(entry).intra);
        if self.chooser.needs_kind() && kinds.clone().any(|kind| kind.is_none()) {
            return Err(Distrust::NoKind);
        }
        if index.shown().is_empty() {
            return Err(Distrust::Empty);
        }
        let seconds = index.shown().iter().map(|&entry| index.time(entry).seconds());
        let wanted = self.chooser.clone().choose(seconds.zip(kinds.map(|kind| kind == Some(true))));
        let plan = Plan::new(&index, wanted);
        Ok((index, plan, damage))
    }

    /// Decodes the head as a full decode does and says which pictures come out.
    fn look_at_head(&self, index: &Index) -> Result<(HashSet<i64>, Vec<HeadDamage>), Distrust> {
        let libav = |error: AvError| Distrust::Surprise(error.to_string());
        let head = index.head().ok_or_else(|| Distrust::Surprise("its beginning lacks what it refers to".into()))?;
        let end = head.end;
        let budget = Budget::of_this_process();
        let mut turn = Turn::new(budget, budget.threads(), &self.cancelled);
        if !turn.take() {
            return Err(Distrust::Empty);
        }
        let mut decoder = self.decoder(budget.threads(), false).map_err(libav)?;
        let mut packets = self.packets()?;
        let (mut shown, mut damage) = (HashSet::new(), Vec::new());
        for entry in head.map(Some).chain([None]) {
            let packet = entry.map(|entry| packets.get(index, entry, end)).transpose()?;
            let time = entry.map(|entry| index.time(entry));
            let mut is_sent = false;
            while !is_sent {
                match decoder.send(packet.as_ref()) {
                    Ok(sent) => is_sent = sent == Sent::Taken,
                    Err(error) => {
                        damage.push((time, error.to_string()));
                        is_sent = true;
                    }
                }
                loop {
                    match decoder.receive() {
                        Ok(Received::Picture(picture)) => shown.extend(picture.pts()),
                        Ok(Received::NeedsPacket | Received::Finished) => break,
                        Err(error) => {
                            damage.push((time, error.to_string()));
                            break;
                        }
                    }
                }
            }
        }
        Ok((shown, damage))
    }

    /// The packets of the file once more, from the start.
    pub fn packets(&self) -> Result<Packets, Distrust> {
        let container = probe::open(&self.path, &self.options.limits, Arc::clone(&self.cancelled))
            .map_err(|error| Distrust::Unreadable(error.to_string()))?;
        Packets::new(container.input, self.facts.index)
    }

    /// Opens a decoder that keeps so many cores busy.
    pub fn decoder(&self, cores: usize, starts_clean: bool) -> Result<Decoder, AvError> {
        /// libav's own bound: more threads only cost memory.
        const MAX_THREADS: usize = 16;
        // One picture more is on its way while another waits to be taken.
        let threads = if cores > 1 { (cores + 1).min(MAX_THREADS) as u32 } else { 1 };
        // The codec had a decoder when the file was opened.
        self.recipe.open(threads, starts_clean)?.ok_or(AvError::INVALID)
    }

    /// Decodes everything and gives what is chosen and shown after `last_given`, in the stream's ticks.
    fn decode_all(&self, skipped: Skipped, sender: &Sender<Told>, last_given: Option<i64>) -> Result<(), Stop> {
        let container =
            probe::open(&self.path, &self.options.limits, Arc::clone(&self.cancelled)).map_err(Stop::Failed)?;
        full::decode(self, container.input, skipped, sender, last_given)
    }

    /// Converts a picture into a frame of its own.
    pub fn frame(&self, converter: &mut Converter, picture: &Picture, place: Place) -> Result<Frame, Stop> {
        let image = converter
            .image(picture, place.orientation)
            .map_err(|error| Stop::Failed(self.not_converted(picture, error)))?;
        Ok(Frame {
            index: place.index,
            pts: place.pts,
            time: place.pts.since(self.start),
            duration: place.duration.unwrap_or(Timestamp { ticks: 0, base: place.pts.base }),
            image,
        })
    }

    fn not_converted(&self, picture: &Picture, error: AvError) -> MediaError {
        let (path, format) = (self.path.clone(), picture.pixel_format());
        if Scaler::can_read(format) {
            MediaError::Libav { path, doing: "convert a frame of", reason: error.to_string() }
        } else {
            MediaError::PixelFormat { path, format: format.name() }
        }
    }

    /// Sends a frame, letting other readers decode while there is no room for it.
    pub fn send(&self, sender: &Sender<Told>, frame: Frame, turn: &mut Turn<'_>) -> Result<(), Stop> {
        let weight = frame.image.data.len();
        if !sender.has_room(weight) {
            turn.give_back();
        }
        sender.send(Told::Frame(frame), weight)?;
        if turn.take() { Ok(()) } else { Err(Stop::ReaderLeft) }
    }

    /// How many bytes a frame holds that is given out, as far as can be said before it was decoded.
    pub fn bytes_of_a_frame(&self) -> u64 {
        let (width, height) = self.facts.orientation.turned(self.picture_size.0, self.picture_size.1);
        let (width, height) = self.options.size.of(width, height);
        let bytes = |(width, height, sample): (u32, u32, u8)| u64::from(width) * u64::from(height) * u64::from(sample);
        self.options.pixels.planes(width, height).map(bytes).sum()
    }

    /// Whether the type of each picture is asked for.
    pub fn wants_intra(&self) -> bool {
        self.options.rate == Rate::KeyFrames
    }
}

/// Where decoding the head of a file failed, and why.
pub type HeadDamage = (Option<Timestamp>, String);

/// Where a picture belongs.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub index: u64,
    pub pts: Timestamp,
    pub duration: Option<Timestamp>,
    pub orientation: Orientation,
}
