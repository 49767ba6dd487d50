//! Contents, what they are made of, and the parts that models are given.

use serde::{Deserialize, Serialize};

use crate::{ContentId, VersionId};

/// A point in time or a length of it: `ticks × num / den` seconds, exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Time {
    /// How many units.
    pub ticks: i64,
    /// The unit's numerator, above zero.
    pub num: i64,
    /// The unit's denominator, above zero.
    pub den: i64,
}

impl Time {
    /// No time at all.
    pub const ZERO: Self = Self { ticks: 0, num: 1, den: 1 };

    /// Whole milliseconds, halves to even; the nearest that fits for what is beyond 292 million years.
    pub fn to_millis(self) -> i64 {
        self.to_millis_after(0)
    }

    /// Whole milliseconds of the time `offset_ms` after this one, rounded once: where on a content's timeline
    /// a tag lies whose part starts here.
    pub fn to_millis_after(self, offset_ms: i64) -> i64 {
        let den = i128::from(self.den.max(1));
        // A product of three 63-bit numbers need not fit, and no time base of a real file comes near.
        let exact = i128::from(self.ticks)
            .checked_mul(i128::from(self.num))
            .and_then(|units| units.checked_mul(1000))
            .and_then(|units| units.checked_add(i128::from(offset_ms).checked_mul(den)?));
        let Some(exact) = exact else {
            return if self.ticks < 0 { i64::MIN } else { i64::MAX };
        };
        let (whole, rest) = (exact.div_euclid(den), exact.rem_euclid(den));
        let up = match (rest * 2).cmp(&den) {
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Equal => whole % 2 != 0,
            std::cmp::Ordering::Greater => true,
        };
        let rounded = whole + i128::from(up);
        i64::try_from(rounded).unwrap_or(if rounded < 0 { i64::MIN } else { i64::MAX })
    }
}

/// How a file or folder looked when it was last looked at. Another look that differs means other media.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fingerprint {
    /// The file's size; of a folder, the sum over the files in it.
    pub size_bytes: u64,
    /// When it was last changed, in nanoseconds since 1970; of a folder, a digest over the names, sizes and times of the
    /// files in it.
    pub modified_ns: i64,
}

/// Media that a job is submitted for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewContent {
    /// Its name.
    pub id: ContentId,
    /// The path of the file or folder.
    pub source: String,
    /// How it looks now.
    pub fingerprint: Fingerprint,
}

/// A content and the latest of its versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Its name.
    pub id: ContentId,
    /// When it was first submitted, in milliseconds since 1970.
    pub created_ms: i64,
    /// Its media as they were submitted last.
    pub version: Version,
}

/// A content's media as they were when a job was submitted for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Its number.
    pub id: VersionId,
    /// The content.
    pub content: ContentId,
    /// The path of the file or folder.
    pub source: String,
    /// How it looked.
    pub fingerprint: Fingerprint,
    /// When it was first submitted, in milliseconds since 1970.
    pub created_ms: i64,
}

/// Which stream of a content something is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StreamName {
    /// The pictures of a video.
    Video,
    /// The sound.
    Audio,
    /// Still pictures.
    Still,
}

/// One stream of a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    /// Which.
    pub name: StreamName,
    /// Where it starts on the content's timeline; its unit is the stream's time base.
    pub start: Time,
    /// How long it is, if known. None for stills.
    pub duration: Option<Time>,
    /// How many frames, samples or stills, if known.
    pub count: Option<u64>,
}

/// A piece of a stream, or one still, that a model is given as a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its place in the stream, from 0.
    pub number: u32,
    /// What to add to a time in the part to get the time on the content's timeline.
    pub start: Time,
    /// From there to where the next part starts, or the last frame ends. Zero for a still.
    pub duration: Time,
    /// The index on the content of its first frame, sample or still.
    pub first_index: u64,
    /// How many frames it has, or samples of each channel; 1 for a still.
    pub count: u64,
    /// The path of the file, as the caller likes to write it.
    pub file: String,
    /// Whether that is the submitted file itself, which must never be removed.
    pub is_source: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_time_is_added_exactly_and_rounded_once() {
        let start = Time { ticks: 721, num: 1001, den: 24000 }; // 30071.7083… ms
        assert_eq!(start.to_millis(), 30072);
        assert_eq!(start.to_millis_after(1), 30073);
        // Halves go to the even neighbour.
        let half = Time { ticks: 1, num: 1, den: 2000 };
        assert_eq!([0, 1, 2, -1, -2].map(|ms| half.to_millis_after(ms)), [0, 2, 2, 0, -2]);
    }

    #[test]
    fn times_that_fit_nowhere_stay_at_the_edge() {
        let far = Time { ticks: i64::MAX, num: i64::MAX, den: 1 };
        assert_eq!(far.to_millis(), i64::MAX);
        assert_eq!(Time { ticks: i64::MIN, ..far }.to_millis_after(5), i64::MIN);
    }
}
