//! What became of every input that one model was given.
//!
//! Plain bookkeeping: lines and endings go in, notices and verdicts come out, and no process or clock is in sight. A
//! file's tags count once its progress message is there; what an attempt left behind for an unfinished file is forgotten.

use std::collections::HashMap;
use std::fmt;
use std::mem;

use tagger_wire::{FaultKind, Line, Message, Tag};

use crate::executor::Ending;
use crate::handover::base_name;

/// How many warnings of one kind are told one by one; the rest are only counted.
const WARNINGS_TOLD: u64 = 5;

/// How many attempts in a row may end without anything finished before the model itself is to blame.
const BARREN_ATTEMPTS: u32 = 2;

/// Something that went wrong for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Loss {
    /// The inputs that are not tagged because of it; none when all are and the model failed even so.
    pub inputs: Vec<usize>,
    /// What happened.
    pub message: String,
}

/// Something that the user should know and that stopped nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The input it is about, or that the model was at, if any.
    pub input: Option<usize>,
    /// What happened.
    pub message: String,
}

/// What a line of output means to the run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Notice {
    /// Tell the user.
    Warning(Warning),
    /// An input is finished.
    Finished(usize),
    /// A tag came in.
    Tagged { input: usize, end_time_ms: i64 },
    /// The model's own word on how far it is, 0 to 1.
    Ratio(f64),
}

/// What to do after a program has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Every input is accounted for.
    Complete,
    /// Start again with the inputs that are [`Ledger::unfinished`].
    StartAgain,
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    entries: Vec<Entry>,
    by_name: HashMap<String, usize>,
    losses: Vec<Loss>,
    warned: HashMap<WarningKind, u64>,
    attempt: Attempt,
    /// The input that a first barren attempt is blamed on, until the next attempt tells whether it was to blame.
    suspect: Option<(usize, String)>,
    barren: u32,
    /// Whether any attempt has finished anything.
    has_moved: bool,
    /// Whether finished inputs are given away at once, so that what comes later about them comes too late.
    is_giving: bool,
}

#[derive(Debug)]
struct Entry {
    state: State,
    tags: Vec<Tag>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Finished,
    Failed,
    /// Of no interest any more.
    Past,
}

/// What one run of the program has said so far.
#[derive(Debug, Default)]
struct Attempt {
    finished: usize,
    blamed: usize,
    error: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum WarningKind {
    NotAMessage,
    UnknownType,
    BadField,
    UnknownFile,
    Reversed,
    Late,
}

impl fmt::Display for WarningKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAMessage => "lines that are no messages",
            Self::UnknownType => "messages of unknown types",
            Self::BadField => "messages with missing or wrong fields",
            Self::UnknownFile => "messages about files it was not given",
            Self::Reversed => "tags that end before they start",
            Self::Late => "tags after their file's progress",
        })
    }
}

impl Ledger {
    /// A ledger of inputs, known by the paths that are handed over: their base names all differ.
    pub fn new(paths: &[String]) -> Self {
        let by_name = paths.iter().enumerate().map(|(index, path)| (base_name(path).to_owned(), index)).collect();
        let entries = paths.iter().map(|_| Entry { state: State::Waiting, tags: Vec::new() }).collect();
        Self { entries, by_name, ..Self::default() }
    }

    /// A ledger that gives the tags of an input away once it is finished: [`give`](Self::give).
    pub fn giving(paths: &[String]) -> Self {
        Self { is_giving: true, ..Self::new(paths) }
    }

    /// Passes over whatever is said of files with these names: it was heard before.
    pub fn pass_over(&mut self, names: &[String]) {
        for name in names {
            self.by_name.insert(name.clone(), self.entries.len());
            self.entries.push(Entry { state: State::Past, tags: Vec::new() });
        }
    }

    /// The tags of a finished input, which are not kept any longer.
    pub fn give(&mut self, index: usize) -> Vec<Tag> {
        mem::take(&mut self.entries[index].tags)
    }

    /// How many tags of an input have come and not been given away.
    pub fn num_tags(&self, index: usize) -> usize {
        self.entries[index].tags.len()
    }

    /// The input that the program is at: only that one can have tags and no end.
    pub fn is_at(&self) -> Option<usize> {
        self.unfinished().find(|index| !self.entries[*index].tags.is_empty())
    }

    /// What the program has said of errors: the last one that is about no input, and those about one.
    pub fn errors(self) -> (Option<String>, Vec<(usize, String)>) {
        let about = |loss: Loss| loss.inputs.into_iter().map(move |input| (input, loss.message.clone()));
        (self.attempt.error, self.losses.into_iter().flat_map(about).collect())
    }

    /// The inputs that a program still has to be given, in order.
    pub fn unfinished(&self) -> impl Iterator<Item = usize> {
        let suspect = self.suspect.as_ref().map(|(index, _)| *index);
        let waiting = move |index: &usize| self.entries[*index].state == State::Waiting && Some(*index) != suspect;
        (0..self.entries.len()).filter(waiting)
    }

    /// Takes in one line of output.
    pub fn take(&mut self, line: Line) -> Option<Notice> {
        match line {
            Line::Fault(fault) => {
                let kind = match fault.kind {
                    FaultKind::UnknownType(_) => WarningKind::UnknownType,
                    FaultKind::BadField { .. } => WarningKind::BadField,
                    _ => WarningKind::NotAMessage,
                };
                self.warn(kind, self.current(), format!("output {fault}"))
            }
            Line::Message(Message::Tag(tag)) => self.take_tag(tag),
            Line::Message(Message::Progress { source_media }) => match self.find(&source_media) {
                Some(index) if self.entries[index].state == State::Waiting => {
                    self.entries[index].state = State::Finished;
                    self.attempt.finished += 1;
                    Some(Notice::Finished(index))
                }
                Some(_) => None,
                None => self.unknown_file("progress", &source_media),
            },
            Line::Message(Message::ProgressRatio { progress }) => Some(Notice::Ratio(progress.clamp(0.0, 1.0))),
            Line::Message(Message::Error { message, source_media }) => {
                match source_media.as_deref().map(|path| (path, self.find(path))) {
                    Some((path, Some(index))) => self.blame(index, path, message),
                    Some((path, None)) => {
                        self.attempt.error = Some(message);
                        return self.unknown_file("error", path);
                    }
                    None => self.attempt.error = Some(message),
                }
                None
            }
        }
    }

    /// Judges a program that has ended.
    pub fn end(&mut self, ending: Ending) -> Verdict {
        let attempt = mem::take(&mut self.attempt);
        let moved = attempt.finished + attempt.blamed > 0;
        let is_failure = attempt.error.is_some() || !ending.is_clean;
        // An exit status that follows from an error about one file says nothing new.
        let is_told = attempt.error.is_none() && attempt.blamed > 0;
        let cause = attempt.error.unwrap_or(ending.told);
        self.has_moved |= moved;
        let was_at = self.is_at();
        // What an attempt left of an unfinished file must not be counted again with the next one's.
        for entry in self.entries.iter_mut().filter(|entry| entry.state == State::Waiting) {
            entry.tags.clear();
        }
        if moved && let Some((index, message)) = self.suspect.take() {
            self.lose(vec![index], message);
        }
        if !is_failure {
            // It went on to later files: these it has simply left out, and would again.
            let last = self.entries.iter().rposition(|entry| entry.state == State::Finished).unwrap_or(0);
            let left_out: Vec<usize> = self.unfinished().filter(|index| *index < last).collect();
            if !left_out.is_empty() {
                self.lose(left_out, cause.clone());
            }
        }
        let waiting: Vec<usize> = self.unfinished().collect();
        let Some(&first) = waiting.first() else {
            if is_failure && !is_told {
                self.losses.push(Loss { inputs: Vec::new(), message: cause });
            }
            return Verdict::Complete;
        };
        if moved {
            self.barren = 0;
            // A crash is the file's that it was at. Without a tag of any, and after an end in peace, nobody is to blame
            // yet: the next program will tell.
            if let Some(index) = was_at.filter(|_| is_failure && attempt.blamed == 0) {
                self.lose(vec![index], cause);
            }
            return if self.unfinished().next().is_some() { Verdict::StartAgain } else { Verdict::Complete };
        }
        self.barren += 1;
        // Without a word about any file, and in peace: it would do the same again.
        let is_hopeless = !is_failure && !self.has_moved && was_at.is_none();
        if self.barren == BARREN_ATTEMPTS || waiting.len() == 1 || is_hopeless {
            self.give_up(cause);
            return Verdict::Complete;
        }
        self.suspect = Some((was_at.unwrap_or(first), cause));
        Verdict::StartAgain
    }

    /// Gives up on everything unfinished: the model has failed, whatever it is given.
    pub fn give_up(&mut self, message: String) {
        self.suspect = None;
        let inputs = self.unfinished().collect();
        self.lose(inputs, message);
    }

    /// Tags of finished inputs, by input, and everything that failed.
    pub fn close(self) -> (Vec<(usize, Vec<Tag>)>, Vec<Loss>) {
        let finished = self.entries.into_iter().enumerate().filter(|(_, entry)| entry.state == State::Finished);
        (finished.map(|(index, entry)| (index, entry.tags)).collect(), self.losses)
    }

    /// Warnings that were counted and not told, one line a kind.
    pub fn untold_warnings(&self) -> Vec<Warning> {
        let mut untold: Vec<String> = self
            .warned
            .iter()
            .filter(|(_, count)| **count > WARNINGS_TOLD)
            .map(|(kind, count)| format!("{} more {kind}", count - WARNINGS_TOLD))
            .collect();
        untold.sort();
        untold.into_iter().map(|message| Warning { input: None, message }).collect()
    }

    fn take_tag(&mut self, tag: Tag) -> Option<Notice> {
        let Some(index) = self.find(&tag.source_media) else {
            return self.unknown_file("tag", &tag.source_media);
        };
        if tag.end_time < tag.start_time {
            let message = format!(
                "tag `{}` ends at {} ms, before it starts at {} ms; left out",
                tag.tag, tag.end_time, tag.start_time
            );
            return self.warn(WarningKind::Reversed, Some(index), message);
        }
        let (end_time_ms, text) = (tag.end_time, tag.tag.clone());
        let state = self.entries[index].state;
        if state == State::Past {
            return None;
        }
        if state == State::Finished && self.is_giving {
            let message = format!("tag `{text}` came after the file's progress; left out");
            return self.warn(WarningKind::Late, Some(index), message);
        }
        // The file is known by its place from here on.
        self.entries[index].tags.push(Tag { source_media: String::new(), ..tag });
        if state == State::Finished {
            return self.warn(
                WarningKind::Late,
                Some(index),
                format!("tag `{text}` came after the file's progress; kept"),
            );
        }
        Some(Notice::Tagged { input: index, end_time_ms })
    }

    fn find(&self, source_media: &str) -> Option<usize> {
        self.by_name.get(base_name(source_media)).copied()
    }

    /// The input that a program working in order is at.
    fn current(&self) -> Option<usize> {
        self.unfinished().next()
    }

    fn lose(&mut self, inputs: Vec<usize>, message: String) {
        for index in &inputs {
            self.entries[*index].state = State::Failed;
        }
        self.losses.push(Loss { inputs, message });
    }

    /// Takes in an error about one file. Only the first one about it counts, or a program that repeats itself would be
    /// started for ever.
    fn blame(&mut self, index: usize, path: &str, message: String) {
        match self.entries[index].state {
            State::Waiting => {
                self.attempt.blamed += 1;
                self.lose(vec![index], message);
            }
            // Its tags are all there: what went wrong later is the program's trouble.
            State::Finished => {
                self.attempt.error = Some(format!("{message} (said of `{}`, which it had finished)", base_name(path)));
            }
            State::Failed | State::Past => {}
        }
    }

    fn unknown_file(&mut self, what: &str, source_media: &str) -> Option<Notice> {
        let message = format!("{what} message about `{source_media}`, a file it was not given; left out");
        self.warn(WarningKind::UnknownFile, self.current(), message)
    }

    fn warn(&mut self, kind: WarningKind, input: Option<usize>, message: String) -> Option<Notice> {
        let count = self.warned.entry(kind).or_default();
        *count += 1;
        (*count <= WARNINGS_TOLD).then_some(Notice::Warning(Warning { input, message }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    const FILES: [&str; 3] = ["media/a.mp4", "media/b.mp4", "media/c.mp4"];

    fn ledger() -> Ledger {
        Ledger::new(&FILES.map(str::to_owned))
    }

    fn tag(file: &str, start: i64, end: i64) -> Line {
        Line::Message(Message::Tag(Tag { source_media: file.into(), ..Tag::new(start, end, "dog") }))
    }

    fn progress(file: &str) -> Line {
        Line::Message(Message::Progress { source_media: file.into() })
    }

    fn error(message: &str, file: Option<&str>) -> Line {
        Line::Message(Message::Error { message: message.into(), source_media: file.map(str::to_owned) })
    }

    fn failed() -> Ending {
        Ending { is_clean: false, told: "it exited with status 1".into() }
    }

    fn clean() -> Ending {
        Ending { is_clean: true, told: "no progress".into() }
    }

    fn unfinished(ledger: &Ledger) -> Vec<usize> {
        ledger.unfinished().collect()
    }

    /// Everything a ledger came to, in a few words.
    fn told(ledger: Ledger) -> String {
        let (tags, losses) = ledger.close();
        let tags: Vec<String> = tags.iter().map(|(index, tags)| format!("{index}: {} tags", tags.len())).collect();
        let losses: Vec<String> = losses.iter().map(|loss| format!("{:?}: {}", loss.inputs, loss.message)).collect();
        format!("[{}] [{}]", tags.join(", "), losses.join(", "))
    }

    #[test]
    fn tags_count_once_their_file_is_finished() {
        let mut ledger = ledger();
        for file in FILES {
            ledger.take(tag(file, 0, 40));
            assert!(ledger.take(progress(file)).is_some());
        }
        assert_eq!(ledger.take(progress(FILES[0])), None, "a second progress is harmless");
        assert_eq!(ledger.end(clean()), Verdict::Complete);
        assert_snapshot!(told(ledger), @"[0: 1 tags, 1: 1 tags, 2: 1 tags] []");
    }

    #[test]
    fn what_is_said_of_files_that_are_passed_over_is_nothing_new() {
        let mut ledger = Ledger::giving(&[FILES[1].to_owned()]);
        ledger.pass_over(&["a.mp4".to_owned()]);
        for line in [tag(FILES[0], 0, 40), progress(FILES[0]), error("late", Some(FILES[0]))] {
            assert_eq!(ledger.take(line), None);
        }
        assert_eq!(ledger.take(progress(FILES[1])), Some(Notice::Finished(0)));
        assert_eq!(ledger.unfinished().count(), 0);
        assert_eq!(ledger.errors(), (None, Vec::new()));
    }

    #[test]
    fn a_crash_costs_the_file_it_was_at_and_the_rest_gets_another_program() {
        let mut ledger = ledger();
        ledger.take(progress(FILES[0]));
        ledger.take(tag(FILES[1], 0, 40));
        assert_eq!(ledger.end(failed()), Verdict::StartAgain);
        assert_eq!(unfinished(&ledger), [2]);
        ledger.take(progress(FILES[2]));
        assert_eq!(ledger.end(clean()), Verdict::Complete);
        assert_snapshot!(told(ledger), @"[0: 0 tags, 2: 0 tags] [[1]: it exited with status 1]");
    }

    #[test]
    fn a_crash_between_files_costs_none_of_them() {
        let mut ledger = ledger();
        ledger.take(progress(FILES[0]));
        assert_eq!(ledger.end(failed()), Verdict::StartAgain);
        assert_eq!(unfinished(&ledger), [1, 2]);
        ledger.take(progress(FILES[1]));
        ledger.take(progress(FILES[2]));
        assert_eq!(ledger.end(clean()), Verdict::Complete);
        assert_snapshot!(told(ledger), @"[0: 0 tags, 1: 0 tags, 2: 0 tags] []");
    }

    #[test]
    fn a_crash_is_blamed_on_the_file_that_has_tags_and_no_end() {
        let mut ledger = ledger();
        ledger.take(tag(FILES[1], 0, 40));
        assert_eq!(ledger.end(failed()), Verdict::StartAgain);
        assert_eq!(unfinished(&ledger), [0, 2]);
    }

    #[test]
    fn an_error_that_names_its_file_blames_no_other() {
        let mut ledger = ledger();
        ledger.take(error("cannot read", Some("b.mp4")));
        assert_eq!(ledger.end(failed()), Verdict::StartAgain);
        assert_eq!(unfinished(&ledger), [0, 2]);
        ledger.take(progress(FILES[0]));
        ledger.take(progress(FILES[2]));
        assert_eq!(ledger.end(clean()), Verdict::Complete);
        assert_snapshot!(told(ledger), @"[0: 0 tags, 2: 0 tags] [[1]: cannot read]");
    }

    #[test]
    fn a_first_file_that_kills_the_program_is_told_from_a_program_that_is_broken() {
        let mut poisoned = ledger();
        assert_eq!(poisoned.end(failed()), Verdict::StartAgain);
        assert_eq!(unfinished(&poisoned), [1, 2]);
        poisoned.take(progress(FILES[1]));
        poisoned.take(progress(FILES[2]));
        assert_eq!(poisoned.end(clean()), Verdict::Complete);
        assert_snapshot!(told(poisoned), @"[1: 0 tags, 2: 0 tags] [[0]: it exited with status 1]");

        let mut broken = ledger();
        assert_eq!(broken.end(failed()), Verdict::StartAgain);
        assert_eq!(broken.end(failed()), Verdict::Complete);
        assert_snapshot!(told(broken), @"[] [[0, 1, 2]: it exited with status 1]");
    }

    #[test]
    fn an_error_with_exit_0_is_a_failure_all_the_same() {
        let mut named = ledger();
        named.take(progress(FILES[0]));
        named.take(progress(FILES[1]));
        named.take(tag(FILES[2], 0, 40));
        named.take(error("no luck", None));
        assert_eq!(named.end(clean()), Verdict::Complete);
        assert_snapshot!(told(named), @"[0: 0 tags, 1: 0 tags] [[2]: no luck]");

        let mut after_all = ledger();
        for file in FILES {
            after_all.take(progress(file));
        }
        after_all.take(error("completion failed", None));
        assert_eq!(after_all.end(clean()), Verdict::Complete);
        assert_snapshot!(told(after_all), @"[0: 0 tags, 1: 0 tags, 2: 0 tags] [[]: completion failed]");
    }

    #[test]
    fn a_file_left_without_its_progress_has_failed() {
        let mut ledger = ledger();
        ledger.take(progress(FILES[0]));
        ledger.take(tag(FILES[1], 0, 40));
        ledger.take(progress(FILES[2]));
        assert_eq!(ledger.end(clean()), Verdict::Complete);
        assert_snapshot!(told(ledger), @"[0: 0 tags, 2: 0 tags] [[1]: no progress]");
    }

    #[test]
    fn a_program_that_ends_in_peace_in_the_middle_of_its_first_file_gets_a_second_chance() {
        let mut ledger = ledger();
        ledger.take(tag(FILES[0], 0, 40));
        assert_eq!(ledger.end(clean()), Verdict::StartAgain);
        assert_eq!(ledger.unfinished().collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn a_program_that_ends_cleanly_without_doing_anything_is_not_tried_again() {
        let mut ledger = ledger();
        assert_eq!(ledger.end(clean()), Verdict::Complete);
        assert_snapshot!(told(ledger), @"[] [[0, 1, 2]: no progress]");
    }

    #[test]
    fn a_program_that_has_enough_after_some_files_is_followed_by_another() {
        let mut ledger = ledger();
        for file in FILES {
            ledger.take(progress(file));
            let verdict = if file == FILES[2] { Verdict::Complete } else { Verdict::StartAgain };
            assert_eq!(ledger.end(clean()), verdict, "{file}");
        }
        assert_snapshot!(told(ledger), @"[0: 0 tags, 1: 0 tags, 2: 0 tags] []");
    }

    #[test]
    fn a_file_that_ends_every_program_in_peace_has_failed_and_the_rest_goes_on() {
        let mut ledger = ledger();
        ledger.take(progress(FILES[0]));
        assert_eq!(ledger.end(clean()), Verdict::StartAgain);
        assert_eq!(unfinished(&ledger), [1, 2]);
        assert_eq!(ledger.end(clean()), Verdict::StartAgain);
        assert_eq!(unfinished(&ledger), [2]);
        ledger.take(progress(FILES[2]));
        assert_eq!(ledger.end(clean()), Verdict::Complete);
        assert_snapshot!(told(ledger), @"[0: 0 tags, 2: 0 tags] [[1]: no progress]");
    }

    #[test]
    fn a_program_that_says_the_same_error_for_ever_is_not_started_for_ever() {
        let mut ledger = ledger();
        let mut starts = 1;
        loop {
            ledger.take(error("no", Some(FILES[0])));
            if ledger.end(failed()) == Verdict::Complete {
                break;
            }
            starts += 1;
        }
        assert_eq!(starts, 3);
        assert_snapshot!(told(ledger), @"[] [[0]: no, [1, 2]: it exited with status 1]");
    }

    #[test]
    fn an_error_about_a_finished_file_is_not_lost() {
        let mut ledger = ledger();
        for file in FILES {
            ledger.take(progress(file));
        }
        ledger.take(error("cannot write the thumbnail", Some(FILES[1])));
        assert_eq!(ledger.end(clean()), Verdict::Complete);
        assert_snapshot!(told(ledger), @"[0: 0 tags, 1: 0 tags, 2: 0 tags] [[]: cannot write the thumbnail (said of `b.mp4`, which it had finished)]");
    }

    #[test]
    fn odd_lines_are_told_left_out_and_stop_nothing() {
        let mut ledger = ledger();
        let mut warnings = Vec::new();
        let mut take = |line| {
            if let Some(Notice::Warning(warning)) = ledger.take(line) {
                warnings.push(format!("{:?}: {}", warning.input, warning.message));
            }
        };
        let mut reader = tagger_wire::LineReader::new();
        reader.push(b"Loading\n", &mut take);
        take(tag("media/z.mp4", 0, 1));
        take(tag(FILES[1], 9, 5));
        for file in FILES {
            take(progress(file));
        }
        take(tag(FILES[0], 0, 40));
        assert_snapshot!(warnings.join("\n"), @r"
        Some(0): output line 1: not JSON: Loading
        Some(0): tag message about `media/z.mp4`, a file it was not given; left out
        Some(1): tag `dog` ends at 5 ms, before it starts at 9 ms; left out
        Some(0): tag `dog` came after the file's progress; kept
        ");
        assert_eq!(ledger.end(clean()), Verdict::Complete);
        assert_snapshot!(told(ledger), @"[0: 1 tags, 1: 0 tags, 2: 0 tags] []");
    }

    #[test]
    fn a_flood_of_odd_lines_is_counted() {
        let mut ledger = ledger();
        let told = (0..100).filter(|_| ledger.take(tag("z.mp4", 0, 1)).is_some()).count();
        assert_eq!(told, 5);
        assert_eq!(ledger.untold_warnings()[0].message, "95 more messages about files it was not given");
    }
}
