//! What models are given of an input when only a stretch of its time is wanted: the smallest part that covers it.

use std::fs;
use std::io;
use std::num::NonZeroU64;
use std::path::Path;
use std::thread;

use tagger_media::{
    FrameOptions, Frames, Limits, MediaError, MediaKind, Rate, Size, Timestamp, cut_range, cut_sound_range, probe,
};
use tagger_wire::ModelKind;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::{Input, StreamName, TagRow, sources::silence};

/// A stretch of a content's time, `[from, to)`, counted from its start. Default: all of it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Window {
    /// Where it begins. `None`: with the content.
    pub from: Option<Timestamp>,
    /// Where it ends. `None`: with the content.
    pub to: Option<Timestamp>,
}

impl Window {
    /// Whether nothing lies outside.
    pub fn is_all(&self) -> bool {
        self.from.is_none() && self.to.is_none()
    }

    /// Whether any of a tag's time lies inside.
    pub fn holds(&self, row: &TagRow) -> bool {
        let from = self.from.map_or(i64::MIN, Timestamp::to_millis);
        let to = self.to.map_or(i64::MAX, Timestamp::to_millis);
        row.start_time < to && (row.end_time > from || (row.start_time == row.end_time && row.start_time >= from))
    }
}

/// A file that models are given: an input itself, or a part of one of its streams.
#[derive(Debug, Clone)]
pub(crate) struct Excerpt {
    /// The file, under the input's content id.
    pub file: Input,
    /// What to add to a time in it to get the content's.
    pub start: Timestamp,
    /// What to add to the number of a frame in it.
    pub first_index: u64,
    /// What to tell if it lacks the input's sound.
    pub is_silent: Option<String>,
}

impl Excerpt {
    /// All of an input.
    pub fn whole(input: &Input) -> Self {
        Self { file: input.clone(), start: Timestamp::ZERO, first_index: 0, is_silent: None }
    }

    /// The smallest part of a stream that covers the input's window, as a file in `folder`, which is made; all of the
    /// input if it cannot be cut.
    fn cut(input: &Input, stream: StreamName, folder: &Path) -> Result<Self, MediaError> {
        let unwritable = |source: io::Error| MediaError::Unwritable { path: folder.to_owned(), source };
        fs::create_dir(folder).map_err(unwritable)?;
        let from = input.window.from.unwrap_or(Timestamp::ZERO);
        let to = input.window.to.unwrap_or(Timestamp { ticks: i64::MAX, ..Timestamp::ZERO });
        let limits = Limits::default();
        let part = match stream {
            StreamName::Audio => cut_sound_range(&input.path, folder, from, to, &limits)?,
            StreamName::Video | StreamName::Still => cut_range(&input.path, folder, from, to, &limits)?,
        };
        if part.is_source {
            return Ok(Self::whole(input));
        }
        // Called like the input: models tell people which file they are at.
        let mut path = folder.join(input.path.file_stem().unwrap_or_default());
        path.as_mut_os_string().push(".");
        path.as_mut_os_string().push(part.path.extension().unwrap_or_default());
        fs::rename(&part.path, &path).map_err(unwritable)?;
        Ok(Self {
            file: Input { media: probe(&path)?, path, ..input.clone() },
            start: part.start,
            is_silent: silence(&part),
            // Those of sound are samples, which no tag counts.
            first_index: if stream == StreamName::Audio { 0 } else { part.first_index },
        })
    }
}

/// When a frame of a video is shown, counted from the container's start; `None` for one behind the last.
///
/// # Errors
/// As [`Frames::open`].
pub fn time_of_frame(path: &Path, index: u64) -> Result<Option<Timestamp>, MediaError> {
    // Small, since only the time is wanted; the frames before it are not decoded where it can be helped.
    let rate = NonZeroU64::new(index).map_or(Rate::All, Rate::EveryNth);
    let options = FrameOptions { rate, size: Size::Fit { width: 8, height: 8 }, ..FrameOptions::default() };
    for frame in Frames::open(path, &options)? {
        let frame = frame?;
        if frame.index == index {
            return Ok(Some(frame.time));
        }
    }
    Ok(None)
}

/// The stream of which a part is all that a model of this kind needs. `None`: it is given the whole file.
pub(crate) fn stream_needed(input: &Input, kind: Option<ModelKind>) -> Option<StreamName> {
    if input.window.is_all() || input.media.kind == MediaKind::Still {
        return None;
    }
    match kind {
        Some(ModelKind::Frame | ModelKind::Video) => Some(StreamName::Video),
        Some(ModelKind::Audio) => Some(StreamName::Audio),
        // A part holds what models of a kind need, and who says nothing may want more.
        Some(ModelKind::Processor) | None => match (input.media.video(), input.media.audio()) {
            (Some(_), None) => Some(StreamName::Video),
            (None, Some(_)) => Some(StreamName::Audio),
            _ => None,
        },
    }
}

/// Cuts each of `wanted` in a thread of its own, in this order, into numbered folders in `folder`. The thread ends after
/// the file it is at once `stop` is cancelled.
pub(crate) fn cut_all(
    wanted: Vec<(Input, StreamName)>,
    folder: &Path,
    stop: CancellationToken,
) -> oneshot::Receiver<Vec<Result<Excerpt, MediaError>>> {
    let (sender, receiver) = oneshot::channel();
    let folder = folder.to_owned();
    thread::spawn(move || {
        let numbered = wanted.iter().enumerate().take_while(|_| !stop.is_cancelled());
        let cut = numbered
            .map(|(nth, (input, stream))| Excerpt::cut(input, *stream, &folder.join(format!("part-{nth}"))))
            .collect();
        // Nobody waits for it any more when the run was stopped.
        let _ = sender.send(cut);
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_holds_what_reaches_into_it() {
        let at = |seconds| Some(Timestamp { ticks: seconds, ..Timestamp::ZERO });
        let window = Window { from: at(2), to: at(4) };
        let holds = |start_time, end_time| window.holds(&TagRow { start_time, end_time, ..crate::align::tests::row() });
        assert!(holds(1000, 2001) && holds(3999, 9000) && holds(0, 9000));
        assert!(!holds(1000, 2000) && !holds(4000, 9000));
        assert!(holds(2000, 2000) && !holds(4000, 4000) && !holds(1999, 1999));
        assert!(Window::default().is_all() && Window::default().holds(&crate::align::tests::row()));
    }
}
