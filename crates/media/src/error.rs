//! Why a media file could not be read, and what to do about it.

use std::{io, path::PathBuf};

/// Why a file gave no facts, frames or picture. Each text names the file and the way out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MediaError {
    /// No such file.
    #[error("`{}` does not exist; check the path", path.display())]
    NotFound {
        /// The file.
        path: PathBuf,
    },
    /// A folder where a file is needed.
    #[error("`{}` is a folder; name the media files in it", path.display())]
    IsFolder {
        /// The folder.
        path: PathBuf,
    },
    /// A pipe, socket or device: it cannot be read twice.
    #[error("`{}` is not a regular file; copy its content into one", path.display())]
    NotAFile {
        /// The thing.
        path: PathBuf,
    },
    /// The system refused to read it.
    #[error("cannot read `{}`; check its permissions and the disk", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file could not be written.
    #[error("cannot write `{}`; check the folder's permissions and the space on the disk", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Pieces of sound that do not become one.
    #[error("cannot join `{}`: {reason}; join consecutive parts of one stream", path.display())]
    CannotJoin {
        /// The part at which it ended.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Streams that cannot be copied as they are.
    #[error("cannot copy `{}` into MP4: {reason}; transcode it", path.display())]
    CannotCopy {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Its content was not the same the second time.
    #[error("`{}` changed while it was read; wait until it is complete", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// A file of no bytes.
    #[error("`{}` is empty (0 bytes); copy it again", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Something else than media, whatever it is called.
    #[error("`{}` is not media that can be read ({reason}); check what the file holds", path.display())]
    NotMedia {
        /// The file.
        path: PathBuf,
        /// Why it was not recognised.
        reason: String,
    },
    /// Media of which the necessary part is missing.
    #[error("`{}` is truncated or not finished: {missing} ({reason}); copy or record it again", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// What is not there.
        missing: &'static str,
        /// What libav or the decoder said.
        reason: String,
    },
    /// Frames were asked of something that does not move.
    #[error("no video stream in `{}` (it holds {found}); choose a video file", path.display())]
    NoVideo {
        /// The file.
        path: PathBuf,
        /// What it holds instead.
        found: String,
    },
    /// Sound was asked of something that has none.
    #[error("no sound in `{}` (it holds {found}); choose a file that has sound", path.display())]
    NoSound {
        /// The file.
        path: PathBuf,
        /// What it holds instead.
        found: String,
    },
    /// Sound was asked for in a form that cannot be made.
    #[error(
        "cannot make {what} from `{}`; ask for 1 to {} samples a second, 1 to 8 channels and blocks of 1 to {} samples",
        path.display(),
        crate::AudioOptions::MAX_RATE,
        crate::AudioOptions::MAX_BLOCK_SAMPLES
    )]
    BadSound {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        what: String,
    },
    /// Not one frame came out.
    #[error("no frame of `{}` could be decoded as {codec} ({reason}); the file is damaged, copy it again", path.display())]
    NothingDecoded {
        /// The file.
        path: PathBuf,
        /// libav's short name of the codec.
        codec: String,
        /// What the decoder said last.
        reason: String,
    },
    /// A size that the limits forbid.
    #[error("`{}` has {what}, over the limit of {limit}; make it smaller or raise the limit", path.display())]
    OverLimit {
        /// The file.
        path: PathBuf,
        /// What there is too much of, with its number.
        what: String,
        /// How much may be.
        limit: u64,
    },
    /// libav was built without this decoder.
    #[error("no decoder for {codec}, needed by `{}`; install an FFmpeg that has it", path.display())]
    DecoderMissing {
        /// The file.
        path: PathBuf,
        /// libav's short name of the codec.
        codec: String,
    },
    /// Pixels that libswscale cannot convert.
    #[error("cannot convert pixels of {format} in `{}`; transcode it to yuv420p", path.display())]
    PixelFormat {
        /// The file.
        path: PathBuf,
        /// libav's name of the pixel format.
        format: String,
    },
    /// A grid that cannot be walked.
    #[error("cannot sample {fps} frames a second of `{}`; ask for a number above 0 and at most {}", path.display(), crate::Rate::MAX_FPS)]
    BadRate {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        fps: f64,
    },
    /// A time that is none.
    #[error("cannot find the frame at {seconds} seconds of `{}`; ask for a finite time", path.display())]
    BadTime {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        seconds: f64,
    },
    /// A packet is damaged, and damage was not to be skipped.
    #[error("`{}` is damaged{} ({reason}); copy it again, or let damage be skipped", path.display(), at.map_or_else(String::new, |at| format!(" at {:.3} s", at.seconds())))]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where, on the stream's own timeline, if that can still be read.
        at: Option<crate::Timestamp>,
        /// What the decoder said.
        reason: String,
    },
    /// A size of no pixels was asked for, or one over the limit.
    #[error("cannot make frames of {width}x{height} from `{}`; ask for at least 1x1 and fewer pixels than the limit", path.display())]
    BadSize {
        /// The file.
        path: PathBuf,
        /// Columns asked for.
        width: u32,
        /// Rows asked for.
        height: u32,
    },
    /// The name says one format, the content is another.
    #[error("`{}` is named .{named} but holds {holds} data; rename it to .{rename}", path.display())]
    WrongExtension {
        /// The file.
        path: PathBuf,
        /// The extension it has.
        named: String,
        /// The format it holds, as people write it.
        holds: &'static str,
        /// The extension it should have.
        rename: &'static str,
    },
    /// libav failed in a way that has no name of its own.
    #[error("libav cannot {doing} `{}`: {reason}", path.display())]
    Libav {
        /// The file.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What libav said.
        reason: String,
    },
    /// The process was forked after the file was opened, and the threads that decode stayed behind.
    #[error("`{}` was opened before this process was forked; open it again in this process", path.display())]
    Orphaned {
        /// The file.
        path: PathBuf,
    },
    /// The decoding thread ended by a panic: a fault of this program that the file brought out.
    #[error("decoding `{}` hit a fault in this program; please report it with the file", path.display())]
    Fault {
        /// The file.
        path: PathBuf,
    },
}
