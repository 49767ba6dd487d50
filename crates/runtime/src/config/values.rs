//! Values that may not be just any number. Their errors are told with the line they stand in.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Unexpected, Visitor};

/// A number from 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Number(pub f64);

/// A length of time above 0 and up to a year, as a number of seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Seconds(pub Duration);

/// A number of bytes above 0, or a text such as "50 GB" or "1.5 GiB".
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bytes(pub u64);

/// A device by number or name.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub(super) enum Gpu {
    Number(u32),
    Name(String),
}

impl fmt::Display for Gpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = number(deserializer, "a number from 0")?;
        if (0.0..=1e16).contains(&number) {
            Ok(Self(number))
        } else {
            Err(Error::invalid_value(Unexpected::Float(number), &"a number from 0 to 1e16"))
        }
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = number(deserializer, "a number of seconds above 0")?;
        let is_good = (0.001..=366.0 * 86400.0).contains(&seconds);
        let duration = Duration::try_from_secs_f64(seconds).ok().filter(|_| is_good);
        duration
            .map(Self)
            .ok_or_else(|| Error::invalid_value(Unexpected::Float(seconds), &"seconds, from 0.001 to a year"))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnySize;
        impl Visitor<'_> for AnySize {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of bytes above 0, or a text such as \"50 GB\"")
            }

            fn visit_i64<E: Error>(self, bytes: i64) -> Result<Bytes, E> {
                let wrong = || E::invalid_value(Unexpected::Signed(bytes), &self);
                u64::try_from(bytes).ok().filter(|bytes| *bytes > 0).map(Bytes).ok_or_else(wrong)
            }

            fn visit_f64<E: Error>(self, bytes: f64) -> Result<Bytes, E> {
                whole(bytes).ok_or_else(|| E::invalid_value(Unexpected::Float(bytes), &self))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Bytes, E> {
                from_text(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(AnySize)
    }
}

fn from_text(text: &str) -> Option<Bytes> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim() {
        "" | "B" => 1.0,
        "kB" | "KB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "TB" => 1e12,
        "KiB" => 1024.0,
        "MiB" => 1024.0 * 1024.0,
        "GiB" => 1024.0 * 1024.0 * 1024.0,
        "TiB" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    whole(number.parse::<f64>().ok()? * factor)
}

fn whole(bytes: f64) -> Option<Bytes> {
    (1.0..=1e18).contains(&bytes).then_some(Bytes(bytes.round() as u64))
}

/// A number, whole or not.
fn number<'de, D: Deserializer<'de>>(deserializer: D, expected: &'static str) -> Result<f64, D::Error> {
    struct AnyNumber(&'static str);
    impl Visitor<'_> for AnyNumber {
        type Value = f64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }

        fn visit_i64<E: Error>(self, number: i64) -> Result<f64, E> {
            Ok(number as f64)
        }

        fn visit_f64<E: Error>(self, number: f64) -> Result<f64, E> {
            Ok(number)
        }
    }
    deserializer.deserialize_any(AnyNumber(expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_and_without_units() {
        let sizes = ["1", "50 GB", "1.5GiB", "2 kB", "20 TB"].map(|text| from_text(text).map(|bytes| bytes.0));
        assert_eq!(sizes, [1, 50_000_000_000, 1_610_612_736, 2000, 20_000_000_000_000].map(Some));
        assert_eq!(["", "GB", "-1", "0", "1 gb", "1.2.3 MB", "1e30"].map(from_text), [None; 7]);
    }
}
