//! The files that a program is sent: small media of every sort, and what is none.

use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;
use tagger_media::{FrameOptions, Frames, MediaError, Rate, Size, probe};
use tagger_wire::FileKind;

const CLIP: &[u8] = include_bytes!("media/clip.mp4");
const VARIABLE: &[u8] = include_bytes!("media/variable.mp4");
const ONE_FRAME: &[u8] = include_bytes!("media/one_frame.mp4");
const STILL: &[u8] = include_bytes!("media/still.png");
const TONE: &[u8] = include_bytes!("media/tone.wav");
const LETTER: &[u8] = b"This is a letter, and whatever it is called it is no film.\n";

/// A file that can be sent.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sample {
    /// The path to send.
    pub path: String,
    /// How long it is, in ms.
    pub duration_ms: i64,
    /// The times of its frames in ms, by number. `None` where frames are not to be counted.
    pub frames_ms: Option<Vec<i64>>,
}

impl Sample {
    /// The last piece of its path, by which messages are matched.
    pub fn name(&self) -> &str {
        crate::handover::base_name(&self.path)
    }
}

/// What a model takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Sort {
    /// Pictures that move, here with sound.
    Video,
    /// Stills.
    Image,
    /// Sound alone.
    Audio,
    /// Time ranges of a content.
    Ranges,
}

/// Everything that may be sent, laid out in a folder.
#[derive(Debug)]
pub(super) struct Samples {
    /// Two seconds of pictures with a cut between them, and sound.
    clip: Sample,
    /// Frames that are unevenly spaced.
    pub variable: Sample,
    /// A single frame.
    pub one_frame: Sample,
    /// A still.
    pub still: Sample,
    /// Sound alone.
    pub tone: Sample,
    /// The first three again, under other names.
    seconds: [Sample; 3],
    /// Time ranges, for processors.
    ranges: [Sample; 2],
    /// Named like media of each kind, and nothing of it.
    broken: [Sample; 4],
    /// Not there at all.
    pub missing: Sample,
    /// A text that does not pretend to be more.
    pub notes: Sample,
}

impl Samples {
    /// Writes them into `folder`, which must exist.
    pub fn lay_out(folder: &Path) -> io::Result<Self> {
        let put = |name: &str, bytes: &[u8]| -> io::Result<Sample> {
            let path = folder.join(name);
            fs::write(&path, bytes)?;
            let path_text = path.to_str().ok_or_else(|| io::Error::other("the temporary folder is not UTF-8"))?;
            let duration = probe(&path).ok().and_then(|media| media.duration);
            Ok(Sample {
                path: path_text.to_owned(),
                duration_ms: duration.map_or(0, |duration| duration.to_millis()),
                frames_ms: match FileKind::of(&path) {
                    FileKind::Image => Some(vec![0]),
                    FileKind::Video => frame_times(&path).ok(),
                    FileKind::Audio | FileKind::Unknown => None,
                },
            })
        };
        let missing = folder.join("missing.mp4").display().to_string();
        Ok(Self {
            clip: put("clip.mp4", CLIP)?,
            variable: put("variable.mp4", VARIABLE)?,
            one_frame: put("one_frame.mp4", ONE_FRAME)?,
            still: put("still.png", STILL)?,
            tone: put("tone.wav", TONE)?,
            seconds: [put("second.mp4", CLIP)?, put("second.png", STILL)?, put("second.wav", TONE)?],
            ranges: [
                put("0000000000_0000010000.json", br#"{"start_time": 0, "end_time": 10000}"#)?,
                put("0000010000_0000020000.json", br#"{"start_time": 10000, "end_time": 20000}"#)?,
            ],
            broken: [
                put("broken.mp4", LETTER)?,
                put("broken.png", LETTER)?,
                put("broken.wav", LETTER)?,
                put("broken.json", LETTER)?,
            ],
            missing: Sample { path: missing, duration_ms: 0, frames_ms: None },
            notes: put("notes.txt", LETTER)?,
        })
    }

    /// Two files that every model of this sort can work on.
    pub fn pair(&self, sort: Sort) -> [&Sample; 2] {
        let [video, image, audio] = &self.seconds;
        match sort {
            Sort::Video => [&self.clip, video],
            Sort::Image => [&self.still, image],
            Sort::Audio => [&self.tone, audio],
            Sort::Ranges => [&self.ranges[0], &self.ranges[1]],
        }
    }

    /// A file that is named like `sample` and cannot be read.
    pub fn broken_like(&self, sample: &Sample) -> &Sample {
        let [video, image, audio, other] = &self.broken;
        match FileKind::of(Path::new(&sample.path)) {
            FileKind::Video => video,
            FileKind::Image => image,
            FileKind::Audio => audio,
            FileKind::Unknown => other,
        }
    }
}

fn frame_times(path: &Path) -> Result<Vec<i64>, MediaError> {
    let size = Size::Fit { width: 8, height: 8 };
    let options = FrameOptions { rate: Rate::All, size, ..FrameOptions::default() };
    Frames::open(path, &options)?.map(|frame| Ok(frame?.time.to_millis())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_media_are_what_they_are_called_and_small() {
        let folder = tempfile::tempdir().unwrap();
        let samples = Samples::lay_out(folder.path()).unwrap();
        let facts = |sample: &Sample| (sample.duration_ms, sample.frames_ms.as_ref().map(Vec::len));
        assert_eq!(facts(&samples.clip), (2000, Some(50)));
        assert_eq!(facts(&samples.one_frame), (40, Some(1)));
        assert_eq!(facts(&samples.still), (0, Some(1)));
        assert_eq!(facts(&samples.tone), (1000, None));
        let times = samples.variable.frames_ms.unwrap();
        assert_eq!(times[..6], [0, 120, 240, 280, 360, 480]);
        let bytes: usize = [CLIP, VARIABLE, ONE_FRAME, STILL, TONE].iter().map(|media| media.len()).sum();
        assert!(bytes < 50_000, "{bytes} bytes");
    }
}
