//! The rules of the contract that a program can be seen to keep or break, in the order they are told.

use serde::Serialize;

/// A rule of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// It ends when its input does, with status 0.
    EndOfInput,
    /// Arguments it does not know mean nothing.
    Arguments,
    /// `--params` may be absent.
    NoParams,
    /// `--params` that is no JSON object is refused.
    InvalidParams,
    /// The output file is appended to.
    Append,
    /// No files at all are no fault.
    EmptyInput,
    /// White space around a path and empty lines mean nothing.
    WhiteSpace,
    /// It works while its input is open.
    Late,
    /// Each message can be seen at once.
    Flush,
    /// Each file is told as finished.
    Progress,
    /// Files whose lines arrive together are all worked on.
    Batch,
    /// A path sent twice is tagged twice.
    Twice,
    /// A file's tags come before its progress.
    Order,
    /// Only messages of the contract stand in the output file.
    Messages,
    /// Paths come back as they were sent.
    SourceMedia,
    /// Tags start before they end, within the media.
    Times,
    /// Frames that exist, boxes within the picture.
    FrameInfo,
    /// A video of one frame is a video.
    OneFrame,
    /// So is one whose frames are unevenly spaced.
    VariableRate,
    /// Sound without pictures is for models that listen.
    AudioOnly,
    /// A file that cannot be read is an error that names it.
    Unreadable,
    /// So is one of a kind that the model does not take.
    Unsupported,
    /// After an error the exit status is not 0.
    ExitStatus,
    /// After an error the program does not wait for the end of its input.
    EndsOnError,
    /// Unless it is to go on.
    ContinueOnError,
}

impl Rule {
    /// All rules, in the order they are told.
    pub const ALL: [Self; 25] = [
        Self::EndOfInput,
        Self::Arguments,
        Self::NoParams,
        Self::InvalidParams,
        Self::Append,
        Self::EmptyInput,
        Self::WhiteSpace,
        Self::Late,
        Self::Flush,
        Self::Progress,
        Self::Batch,
        Self::Twice,
        Self::Order,
        Self::Messages,
        Self::SourceMedia,
        Self::Times,
        Self::FrameInfo,
        Self::OneFrame,
        Self::VariableRate,
        Self::AudioOnly,
        Self::Unreadable,
        Self::Unsupported,
        Self::ExitStatus,
        Self::EndsOnError,
        Self::ContinueOnError,
    ];

    /// Its short name, as it is written in reports.
    pub fn name(self) -> &'static str {
        self.told().0
    }

    /// What the contract says, in a sentence.
    pub fn contract(self) -> &'static str {
        self.told().1
    }

    fn told(self) -> (&'static str, &'static str) {
        match self {
            Self::EndOfInput => {
                ("end-of-input", "when its input ends, a program finishes what it was given and exits with status 0")
            }
            Self::Arguments => ("arguments", "arguments that a program does not know are ignored, wherever they stand"),
            Self::NoParams => ("no-params", "--params is optional; without it nothing was chosen, as with {}"),
            Self::InvalidParams => {
                ("invalid-params", "--params is one JSON object; for anything else the exit status is not 0")
            }
            Self::Append => ("append", "messages are appended to the output file; what it holds already stays"),
            Self::EmptyInput => {
                ("empty-input", "an input that ends at once is no error: no tag, progress or error comes of it")
            }
            Self::WhiteSpace => {
                ("white-space", "white space around a path is stripped, and lines with nothing else are passed over")
            }
            Self::Late => {
                ("late", "files may come while the program runs; it does not wait for the end before it begins")
            }
            Self::Flush => ("flush", "each message is flushed: a reader sees a line as soon as it is written"),
            Self::Progress => ("progress", "a `progress` message tells of each file that is finished"),
            Self::Batch => ("batch", "files whose lines arrive together are all worked on"),
            Self::Twice => ("twice", "a path that is sent twice is tagged twice"),
            Self::Order => ("order", "all tags of a file come before its `progress`"),
            Self::Messages => {
                ("messages", "the output file holds one JSON message a line: tag, progress, progress_ratio or error")
            }
            Self::SourceMedia => ("source-media", "`source_media` is the path exactly as it came on standard input"),
            Self::Times => {
                ("times", "times are milliseconds from the start of the file, and a tag does not end before it starts")
            }
            Self::FrameInfo => (
                "frame-info",
                "`frame_idx` counts the frames of the file from 0, and a box is in fractions of the picture, 0 to 1",
            ),
            Self::OneFrame => ("one-frame", "a video of a single frame is tagged like any other"),
            Self::VariableRate => {
                ("variable-rate", "a video whose frames are unevenly spaced is tagged like any other")
            }
            Self::AudioOnly => ("audio-only", "a model of sound takes files that hold nothing else"),
            Self::Unreadable => {
                ("unreadable", "a file that cannot be read gives an `error` that names it, and no progress")
            }
            Self::Unsupported => {
                ("unsupported", "a file of a kind that the model does not take gives an `error` that names it")
            }
            Self::ExitStatus => ("exit-status", "after an error that ended the program, the exit status is not 0"),
            Self::EndsOnError => {
                ("ends-on-error", "after an error the program ends, even while its input is still open")
            }
            Self::ContinueOnError => (
                "continue-on-error",
                "with continue_on_error the program goes on: the failed file has an error and no progress, the others \
                 are tagged, and the exit status is 0",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_called_the_same_in_text_and_in_json() {
        for rule in Rule::ALL {
            assert_eq!(serde_json::to_value(rule).unwrap(), rule.name());
        }
    }
}
