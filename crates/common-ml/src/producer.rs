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
}

impl Output {
    pub(crate) fn new(writer: MessageWriter) -> Self {
        Self { writer, continue_on_error: false, ended: false }
    }

    /// Writes one message.
    ///
    /// # Errors
    /// When the output file takes no more; and after an [`Message::Error`], which ends the program unless
    /// `continue_on_error` is set.
    pub fn send(&mut self, message: Message) -> Result<(), BoxError> {
        if self.ended {
            return Err(SendError::Ended.into());
        }
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
