//! What could not be read, counted and placed.

use std::fmt;

use serde::Serialize;

use crate::Timestamp;

/// What could not be read, or not as it should.
///
/// Counted is what was seen. Where a plan decodes only what the wanted frames need, that is the damage in it. Damage that
/// shows in the packets themselves (the container marks them, a picture is missing from their numbering, their heads
/// cannot be right) is always seen: then everything is decoded. What remains unknown are wrong bytes behind the head of a
/// packet, in a part that no wanted frame needs, and those that make other pictures without making an error: VP8, VP9 and
/// AV1 code their pictures without any checksum.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Skipped {
    /// Packets that gave no frame because they are damaged.
    pub packets: u64,
    /// Frames that came out although parts of them are missing or guessed, whether they were wanted or not. At least so
    /// many: decoders of several threads do not notice all of them.
    pub guessed: u64,
    /// Packets that are marked as damaged or show it, or in front of which others are missing, whatever came of them.
    pub marked: u64,
    /// Where the first of all these lies, on the stream's own timeline, if its time can still be read.
    pub first: Option<Timestamp>,
    /// Where the last of them lies.
    pub last: Option<Timestamp>,
    /// Where they lie, as they were met: what is less than a second apart is one span. At most
    /// [`MAX_SPANS`](Self::MAX_SPANS), the last of which takes in all that follows.
    pub spans: Vec<DamagedSpan>,
    /// What the decoder said last.
    pub reason: Option<String>,
    /// Why the end of the file is missing: it is shorter than it says, or could not be read to its end.
    pub truncated: Option<String>,
}

/// A stretch of the stream's own timeline with damage at its ends, and maybe in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DamagedSpan {
    /// The earliest time.
    pub first: Timestamp,
    /// The latest time.
    pub last: Timestamp,
}

impl Skipped {
    /// More places than anybody reads.
    pub const MAX_SPANS: usize = 64;

    /// Whether everything could be read.
    pub fn is_nothing(&self) -> bool {
        self.packets == 0 && self.guessed == 0 && self.marked == 0 && self.truncated.is_none()
    }

    /// Counts a packet that gave no frame.
    pub(crate) fn add(&mut self, time: Option<Timestamp>, reason: String) {
        self.packets += 1;
        self.reason = Some(reason);
        self.place(time);
    }

    /// Counts a frame that is not as it should be.
    pub(crate) fn add_guessed(&mut self, time: Timestamp) {
        self.guessed += 1;
        self.place(Some(time));
    }

    /// Counts a packet that the container marks. What lies between `since` and it is lost, if that is given.
    pub(crate) fn add_marked(&mut self, time: Option<Timestamp>, since: Option<Timestamp>) {
        self.marked += 1;
        self.place(since.or(time));
        if let (Some(time), Some(span)) = (time, self.spans.last_mut()) {
            span.take_in(time);
            self.last = Some(time);
        }
    }

    fn place(&mut self, time: Option<Timestamp>) {
        let Some(time) = time else { return };
        self.first.get_or_insert(time);
        self.last = Some(time);
        let is_full = self.spans.len() >= Self::MAX_SPANS;
        match self.spans.last_mut() {
            Some(span) if is_full || span.is_near(time) => span.take_in(time),
            _ => self.spans.push(DamagedSpan { first: time, last: time }),
        }
    }
}

impl DamagedSpan {
    const NEAR_SECONDS: f64 = 1.0;

    fn is_near(&self, time: Timestamp) -> bool {
        let (first, last, time) = (self.first.seconds(), self.last.seconds(), time.seconds());
        (first - Self::NEAR_SECONDS..=last + Self::NEAR_SECONDS).contains(&time)
    }

    fn take_in(&mut self, time: Timestamp) {
        if time.seconds() < self.first.seconds() {
            self.first = time;
        } else if time.seconds() > self.last.seconds() {
            self.last = time;
        }
    }
}

impl fmt::Display for DamagedSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            return write!(f, "at {:.3} s", self.first.seconds());
        }
        write!(f, "between {:.3} s and {:.3} s", self.first.seconds(), self.last.seconds())
    }
}

impl fmt::Display for Skipped {
    /// In words: what is missing, and where.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// As many places as a line of text holds.
        const PLACES: usize = 3;
        let counted = |count: u64, what: &str, which: &str| {
            (count > 0).then(|| format!("{count} {what}{}{which}", if count == 1 { "" } else { "s" }))
        };
        let counts = [
            counted(self.packets, "damaged packet", " skipped"),
            counted(self.guessed, "frame", " incomplete"),
            // What came of them is told already, unless nothing did.
            counted(if self.packets + self.guessed == 0 { self.marked } else { 0 }, "packet", " marked as damaged"),
        ];
        let mut clauses: Vec<String> = Vec::new();
        let counts: Vec<String> = counts.into_iter().flatten().collect();
        if !counts.is_empty() {
            let mut places: Vec<String> = self.spans.iter().take(PLACES).map(DamagedSpan::to_string).collect();
            let more = self.spans.len().saturating_sub(PLACES);
            places.extend((more > 0).then(|| format!("in {more} more place{}", if more == 1 { "" } else { "s" })));
            let mut clause = counts.join(", ");
            if !places.is_empty() {
                clause += &format!(" {}", places.join(", "));
            }
            if let Some(reason) = &self.reason {
                clause += &format!(" ({reason})");
            }
            clauses.push(clause);
        }
        clauses.extend(self.truncated.as_ref().map(|truncated| format!("the end is missing ({truncated})")));
        f.write_str(&clauses.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rational;

    fn at(millis: i64) -> Timestamp {
        Timestamp { ticks: millis, base: Rational { num: 1, den: 1000 } }
    }

    #[test]
    fn damage_close_together_is_one_span() {
        let mut skipped = Skipped::default();
        skipped.add(Some(at(1000)), "bad bits".into());
        skipped.add_guessed(at(1040));
        skipped.add_marked(Some(at(960)), None);
        assert_eq!(
            skipped.to_string(),
            "1 damaged packet skipped, 1 frame incomplete between 0.960 s and 1.040 s (bad bits)"
        );
        skipped.add_guessed(at(9000));
        assert_eq!(
            skipped.spans,
            [DamagedSpan { first: at(960), last: at(1040) }, DamagedSpan { first: at(9000), last: at(9000) },]
        );
        assert_eq!((skipped.first, skipped.last), (Some(at(1000)), Some(at(9000))));
    }

    #[test]
    fn a_file_that_is_damaged_all_over_tells_few_places_and_keeps_a_bounded_number() {
        let mut skipped = Skipped::default();
        (0..1000).for_each(|nth| skipped.add_guessed(at(nth * 5000)));
        assert_eq!(skipped.spans.len(), Skipped::MAX_SPANS);
        assert_eq!(skipped.spans.last().unwrap().last, at(999 * 5000));
        assert_eq!(
            skipped.to_string(),
            "1000 frames incomplete at 0.000 s, at 5.000 s, at 10.000 s, in 61 more places"
        );
    }

    #[test]
    fn packets_that_are_marked_and_decode_all_the_same_are_told() {
        let mut skipped = Skipped { truncated: Some("the last 5 bytes are missing".into()), ..Skipped::default() };
        skipped.add_marked(None, None);
        assert!(!skipped.is_nothing());
        assert_eq!(
            skipped.to_string(),
            "1 packet marked as damaged; the end is missing (the last 5 bytes are missing)"
        );
    }
}
