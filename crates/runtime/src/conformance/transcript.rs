//! Questions to what came of one start: plain looking things up, without a process in sight.

use tagger_wire::{Line, Message, Tag};

use super::media::Sample;
use super::session::Transcript;
use crate::handover::base_name;

/// How much of a message of the program's a report shows.
const SHOWN_CHARS: usize = 160;

impl Transcript {
    /// The good lines.
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        self.lines.iter().filter_map(|line| match line {
            Line::Message(message) => Some(message),
            Line::Fault(_) => None,
        })
    }

    /// The path of a file that was sent, as the program was told it.
    pub fn told_path(&self, sample: &Sample) -> String {
        self.folder_inside.map_or_else(|| sample.path.clone(), |folder| format!("{folder}/{}", sample.name()))
    }

    /// How many `progress` messages tell of a file.
    pub fn progress_of(&self, sample: &Sample) -> usize {
        let about =
            |message: &&Message| matches!(message, Message::Progress { source_media } if is(source_media, sample));
        self.messages().filter(about).count()
    }

    /// The tags of a file.
    pub fn tags_of<'a>(&'a self, sample: &'a Sample) -> impl Iterator<Item = &'a Tag> {
        self.messages().filter_map(move |message| match message {
            Message::Tag(tag) if is(&tag.source_media, sample) => Some(tag),
            _ => None,
        })
    }

    /// Whether there is an error of any sort.
    pub fn has_error(&self) -> bool {
        self.messages().any(|message| matches!(message, Message::Error { .. }))
    }

    /// Whether an error names a file: by its field, or at least in its text.
    pub fn has_error_about(&self, sample: &Sample) -> bool {
        self.messages().any(|message| match message {
            Message::Error { source_media: Some(path), .. } => is(path, sample),
            Message::Error { message, source_media: None } => message.contains(sample.name()),
            _ => false,
        })
    }

    /// Whether the program has ended by itself with status 0.
    pub fn is_clean(&self) -> bool {
        self.status.as_ref().is_some_and(|ending| ending.is_clean)
    }

    /// What came, in a line.
    pub fn told(&self) -> String {
        let mut parts = Vec::new();
        let num_tags = self.messages().filter(|message| matches!(message, Message::Tag(_))).count();
        parts.extend((num_tags > 0).then(|| format!("{num_tags} tag{}", if num_tags == 1 { "" } else { "s" })));
        let done: Vec<String> = self
            .messages()
            .filter_map(|message| match message {
                Message::Progress { source_media } => Some(format!("`{}`", base_name(source_media))),
                _ => None,
            })
            .collect();
        parts.extend((!done.is_empty()).then(|| format!("progress of {}", done.join(", "))));
        for message in self.messages() {
            if let Message::Error { message, source_media } = message {
                let about = source_media
                    .as_ref()
                    .map_or("without a file".into(), |path| format!("about `{}`", base_name(path)));
                parts.push(format!("error {about}: {}", short(message)));
            }
        }
        let num_faults = self.lines.iter().filter(|line| matches!(line, Line::Fault(_))).count();
        parts.extend((num_faults > 0).then(|| format!("{num_faults} lines that are no messages")));
        if parts.is_empty() {
            parts.push("no messages".into());
        }
        parts.push(match &self.status {
            None => "it did not end and was killed".into(),
            Some(ending) if self.ended_while_open => format!("{}, its input still open", ending.told),
            Some(ending) => ending.told.clone(),
        });
        // Where no message explains a bad end, the log may.
        if !self.is_clean() && !self.has_error() {
            parts.extend(
                self.log
                    .lines()
                    .rfind(|line| !line.trim().is_empty())
                    .map(|line| format!("its log ends: {}", short(line))),
            );
        }
        parts.join("; ")
    }
}

/// Whether a path that came back is that of a file, compared as a runtime does.
pub(super) fn is(path: &str, sample: &Sample) -> bool {
    base_name(path) == sample.name()
}

/// The beginning of a text, on one line.
pub(super) fn short(text: &str) -> String {
    let mut words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = words.char_indices().nth(SHOWN_CHARS) {
        words.truncate(end);
        words.push('…');
    }
    words
}
