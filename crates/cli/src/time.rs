//! Times as people type and read them.

use std::str::FromStr;

/// A point on a content's timeline, as it was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimePoint {
    /// Milliseconds from the start.
    Millis(i64),
    /// A frame, in presentation order from 0.
    Frame(u64),
}

/// What a time may look like.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("give seconds (12.5), HH:MM:SS.mmm (00:01:02.5) or frames (375f)")]
pub struct NotATime;

impl FromStr for TimePoint {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        if let Some(frames) = text.strip_suffix('f') {
            return frames.parse().map(Self::Frame).map_err(|_| NotATime);
        }
        let mut fields = text.rsplit(':');
        let seconds: f64 =
            fields.next().filter(|field| is_decimal(field)).and_then(|s| s.parse().ok()).ok_or(NotATime)?;
        let mut total = seconds;
        let mut unit = 60.0;
        for field in fields {
            // Below a minute or an hour, a field of 60 or more is a slip of the keyboard.
            if unit > 3600.0 || !field.bytes().all(|b| b.is_ascii_digit()) || total >= unit {
                return Err(NotATime);
            }
            total += field.parse::<u32>().map_err(|_| NotATime).map(f64::from)? * unit;
            unit *= 60.0;
        }
        let millis = (total * 1000.0).round_ties_even();
        if millis < 9e15 { Ok(Self::Millis(millis as i64)) } else { Err(NotATime) }
    }
}

fn is_decimal(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit()) && text.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_as_seconds_clock_or_frames() {
        let read = |text: &str| text.parse::<TimePoint>().unwrap();
        assert_eq!(read("12.5"), TimePoint::Millis(12_500));
        assert_eq!(read("01:02.5"), TimePoint::Millis(62_500));
        assert_eq!(read("10:00:00.001"), TimePoint::Millis(36_000_001));
        assert_eq!(read("375f"), TimePoint::Frame(375));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "f", "-1", "1:2:3:4", "1:75", "a", "1e3", "12.5f", "1:.5", "nan", "1:60:00", "1.2.3"] {
            assert_eq!(text.parse::<TimePoint>(), Err(NotATime), "{text}");
        }
    }
}
