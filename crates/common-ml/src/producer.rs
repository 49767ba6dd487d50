//! The most general kind of model: batches of files in, messages out.

use std::io;

use tagger_wire::{Message, MessageWriter};

use crate::{BoxError, FileTagger};

/// A model that gets batches of files and writes its own messages.
///
/// Files whose lines arrive together form one batch. A file counts as finished once its `progress` message is written.
pub trait Producer {
    /// Works through a batch. Messages are visible to the runtime as soon as they are sent.
    ///
    /// # Errors
    /// Any: one error line is written, and the program ends, or goes on with the next batch under `continue_on_error`.
    fn produce(&mut self, files: &[String], output: &mut Output) -> Result<(), BoxError>;

    /// Runs once, after the last file.
    ///
    /// # Errors
    /// Any: one error line is written, and the program ends non-zero.
    fn on_completion(&mut self, _output: &mut Output) -> Result<(), BoxError> {
        Ok(())
    }
}

/// Where a producer sends its messages.
pub struct Output {
    writer: MessageWriter,
    continue_on_error: bool,
    ended: bool,
}

/// A message could not be sent; the producer should return at once, with this error or any other.
#[derive(Debug, thiserror::Error)]
enum SendError {
    #[error("cannot write to the output file")]
    Write(#[source] io::Error),
    #[error("stopped after an error message")]
    Ended,
    #[error("tag `{tag}` of `{file}`: box.{corner} is {value}, which JSON cannot hold")]
    Box { tag: String, file: String, corner: String, value: f64 },
    #[error("progress is {0}, which JSON cannot hold")]
    Progress(f64),
}

impl Output {
    pub(crate) fn new(writer: MessageWriter) -> Self {
        Self { writer, continue_on_error: false, ended: false }
    }

    /// Writes one message.
    ///
    /// # Errors
    /// When the output file takes no more; for a box or progress that is no number (NaN, infinity); and after an
    /// [`Message::Error`], which ends the program unless `continue_on_error` is set.
    pub fn send(&mut self, message: Message) -> Result<(), BoxError> {
        if self.ended {
            return Err(SendError::Ended.into());
        }
        check(&message)?;
        self.writer.write(&message).map_err(SendError::Write)?;
        if let Message::Error { message, .. } = message {
            eprintln!("error: {message}");
            if !self.continue_on_error {
                self.ended = true;
                return Err(SendError::Ended.into());
            }
        }
        Ok(())
    }

    pub(crate) fn set_continue_on_error(&mut self, continue_on_error: bool) {
        self.continue_on_error = continue_on_error;
    }

    /// Whether an error message has ended the program.
    pub(crate) fn is_ended(&self) -> bool {
        self.ended
    }
}

/// The producer of a per-file model: each file's tags, then its progress; a failed file's error, which names it.
pub struct FileProducer<T>(T);

impl<T: FileTagger> FileProducer<T> {
    /// Works through each batch file by file.
    pub fn new(tagger: T) -> Self {
        Self(tagger)
    }
}

impl<T: FileTagger> Producer for FileProducer<T> {
    fn produce(&mut self, files: &[String], output: &mut Output) -> Result<(), BoxError> {
        for file in files {
            let tagged = self.0.tag_file(file, &mut |tag| output.send(Message::Tag(tag)));
            output.send(match tagged {
                Ok(()) => Message::Progress { source_media: file.clone() },
                Err(error) => Message::Error { message: chain(&*error), source_media: Some(file.clone()) },
            })?;
        }
        Ok(())
    }
}

/// Refuses what would stand in the file as `null`, and would cost the whole line there.
fn check(message: &Message) -> Result<(), SendError> {
    match message {
        Message::ProgressRatio { progress } if !progress.is_finite() => Err(SendError::Progress(*progress)),
        Message::Tag(tag) => {
            let region = tag.frame_info.as_ref().and_then(|info| info.region.as_ref());
            let coordinates = region.map_or(&[][..], |region| region.coordinates());
            match coordinates.iter().position(|value| !value.is_finite()) {
                None => Ok(()),
                Some(nth) => Err(SendError::Box {
                    tag: tag.tag.clone(),
                    file: tag.source_media.clone(),
                    corner: format!("{}{}", ["x", "y"][nth % 2], nth / 2 + 1),
                    value: coordinates[nth],
                }),
            }
        }
        _ => Ok(()),
    }
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use tagger_wire::{FrameInfo, Region, Tag};

    /// Finds a box whose last corner is nowhere.
    struct Nowhere;

    impl FileTagger for Nowhere {
        fn tag_file(&mut self, file: &str, sink: &mut crate::TagSink<'_>) -> Result<(), BoxError> {
            let region = Some(Region::Corners([0.0, 0.0, 1.0, f64::NAN]));
            let frame_info = Some(FrameInfo { frame_idx: 0, region });
            sink(Tag { source_media: file.to_owned(), frame_info, ..Tag::new(0, 0, "dog") })
        }
    }

    #[test]
    fn a_box_that_json_cannot_hold_fails_its_file_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.jsonl");
        let mut output = Output::new(MessageWriter::append(&path).unwrap());
        output.set_continue_on_error(true);
        FileProducer::new(Nowhere).produce(&["a.mp4".into()], &mut output).unwrap();
        let told = output.send(Message::ProgressRatio { progress: f64::INFINITY }).unwrap_err();
        assert_snapshot!(told, @"progress is inf, which JSON cannot hold");
        assert_snapshot!(std::fs::read_to_string(path).unwrap(), @r#"{"type":"error","data":{"message":"tag `dog` of `a.mp4`: box.y2 is NaN, which JSON cannot hold","source_media":"a.mp4"}}"#);
    }
}
