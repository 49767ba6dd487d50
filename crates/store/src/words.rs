//! The words that states and streams are written as: in JSON, on the command line, in the database.

use std::fmt;
use std::str::FromStr;

use crate::{AttemptOutcome, BatchState, JobState, PartState, StreamName};

/// A word that stands for nothing here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is none of {}", known.join(", "))]
pub struct UnknownWord {
    /// The word.
    pub word: String,
    /// Those that are known.
    pub known: &'static [&'static str],
}

macro_rules! words {
    ($($kind:ident { $($variant:ident = $word:literal),* })*) => {$(
        impl $kind {
            /// The word it is written as.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }
        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
        impl FromStr for $kind {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                match word {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(UnknownWord { word: word.into(), known: &[$($word),*] }),
                }
            }
        }
    )*};
}

words! {
    StreamName { Video = "video", Audio = "audio", Still = "still" }
    JobState {
        Queued = "queued", Running = "running", Stopping = "stopping", Succeeded = "succeeded",
        Quarantined = "quarantined", Failed = "failed", Stopped = "stopped"
    }
    PartState { Waiting = "waiting", Done = "done", Quarantined = "quarantined" }
    AttemptOutcome {
        Finished = "finished", Failed = "failed", Stalled = "stalled", Flooded = "flooded", Stopped = "stopped",
        Interrupted = "interrupted"
    }
    BatchState { Pending = "pending", Current = "current", Superseded = "superseded", Undone = "undone" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_the_same_words_everywhere() {
        for state in JobState::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
            assert_eq!(state.as_str().parse(), Ok(state));
        }
    }

    #[test]
    fn a_wrong_word_is_told_with_the_right_ones() {
        let error = "film".parse::<StreamName>().unwrap_err();
        insta::assert_snapshot!(error, @"`film` is none of video, audio, still");
    }
}
