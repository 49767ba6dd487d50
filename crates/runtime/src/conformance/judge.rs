//! Holds what came of a program against the rules: plain comparing, no process in sight.
//!
//! A fault is told once, under the rule it breaks. What cannot be told because of it is not judged, so that one fault
//! in a program is one line in the report.

use std::collections::HashMap;

use tagger_wire::{Fault, Line, Message, ModelKind, Tag};

use super::evidence::Evidence;
use super::media::Sample;
use super::rule::Rule;
use super::session::Transcript;
use super::transcript::{is, short};
use super::{Finding, Verdict};

/// How far beyond the end of all that was sent a tag may reach: containers and their streams do not agree to the frame.
const TIME_TOLERANCE_MS: i64 = 1000;

/// A verdict on every rule, in their order.
pub(super) fn judge(evidence: &Evidence) -> Vec<Finding> {
    let mut court = Court { evidence, findings: Vec::new() };
    court.end_of_input();
    if evidence.together.is_clean() {
        court.progress();
        court.starting();
        court.feeding();
        court.lines();
        court.media();
        court.failing();
    }
    let mut findings = court.findings;
    findings.sort_by_key(|finding| Rule::ALL.iter().position(|rule| *rule == finding.rule));
    findings
}

struct Court<'a> {
    evidence: &'a Evidence,
    findings: Vec<Finding>,
}

impl Court<'_> {
    fn enter(&mut self, rule: Rule, is_kept: bool, transcript: &Transcript, came: String) {
        let verdict = if is_kept { Verdict::Kept } else { Verdict::Broken };
        self.findings.push(Finding { rule, verdict, sent: transcript.sent_told.clone(), came });
    }

    fn judged(&mut self, rule: Rule, is_kept: bool, transcript: &Transcript) {
        self.enter(rule, is_kept, transcript, transcript.told());
    }

    fn not_judged(&mut self, rule: Rule, why: impl Into<String>) {
        self.findings.push(Finding { rule, verdict: Verdict::NotJudged, sent: String::new(), came: why.into() });
    }

    fn is_kept(&self, rule: Rule) -> bool {
        self.findings.iter().any(|finding| finding.rule == rule && finding.verdict == Verdict::Kept)
    }

    fn end_of_input(&mut self) {
        let together = &self.evidence.together;
        self.judged(Rule::EndOfInput, together.is_clean(), together);
        if !together.is_clean() {
            for rule in Rule::ALL.into_iter().filter(|rule| *rule != Rule::EndOfInput) {
                self.not_judged(rule, "it does not get through plain files: see end-of-input");
            }
        }
    }

    fn progress(&mut self) {
        let together = &self.evidence.together;
        let missing: Vec<&Sample> = together.sent.iter().filter(|file| together.progress_of(file) == 0).collect();
        let one_by_one = self.evidence.one_by_one.as_ref();
        let alone = |file: &Sample| one_by_one.is_some_and(|transcript| transcript.progress_of(file) > 0);
        if missing.is_empty() {
            self.judged(Rule::Progress, true, together);
            self.judged(Rule::Batch, true, together);
        } else if missing.iter().any(|file| alone(file)) {
            let came = format!("nothing of {}: {}", names(&missing), together.told());
            self.enter(Rule::Batch, false, together, came);
            self.judged(Rule::Progress, true, one_by_one.unwrap_or(together));
        } else {
            let came = format!("no progress of {}: {}", names(&missing), together.told());
            self.enter(Rule::Progress, false, together, came);
            self.not_judged(Rule::Batch, "what is finished is not told: see progress");
        }
        let Some(first) = together.sent.last() else { return };
        if missing.is_empty() {
            let once = self.evidence.arguments.as_ref().map_or(0, |transcript| transcript.tags_of(first).count());
            let is_twice = together.progress_of(first) > 1 || (once > 0 && together.tags_of(first).count() >= 2 * once);
            self.judged(Rule::Twice, is_twice, together);
        } else {
            self.not_judged(Rule::Twice, "not every file was finished: see progress and batch");
        }
    }

    /// Whether a start did what it should with one good file.
    fn works(&self, transcript: &Transcript) -> bool {
        let is_told = transcript.sent.iter().all(|file| transcript.progress_of(file) > 0);
        transcript.is_clean() && (is_told || !self.is_kept(Rule::Progress))
    }

    fn starting(&mut self) {
        let evidence = self.evidence;
        if let Some(transcript) = &evidence.arguments {
            self.judged(Rule::Arguments, self.works(transcript), transcript);
        }
        if let Some(transcript) = &evidence.bare {
            let came = if transcript.kept_earlier { "the line is still there" } else { "the line is gone" };
            self.enter(Rule::Append, transcript.kept_earlier, transcript, came.into());
            if transcript.sent_told.contains("no --params") {
                self.judged(Rule::NoParams, self.works(transcript), transcript);
            } else {
                self.not_judged(Rule::NoParams, "parameters were chosen for this test");
            }
        }
        if let Some(transcript) = &evidence.invalid_params {
            let is_refused = transcript.status.as_ref().is_some_and(|ending| !ending.is_clean);
            let sent = format!("--params '{{\"fps\": '; {}", transcript.sent_told);
            self.judged(Rule::InvalidParams, is_refused, &Transcript { sent_told: sent, ..transcript.clone() });
        }
    }

    fn feeding(&mut self) {
        let evidence = self.evidence;
        if let Some(transcript) = &evidence.empty {
            let is_quiet = transcript.messages().all(|message| matches!(message, Message::ProgressRatio { .. }));
            self.judged(Rule::EmptyInput, transcript.is_clean() && is_quiet, transcript);
        }
        if let Some(transcript) = &evidence.white_space {
            self.judged(Rule::WhiteSpace, self.works(transcript), transcript);
        }
        let Some(transcript) = &evidence.one_by_one else { return };
        let while_open = transcript.lines_while_open;
        let after = transcript.lines.len().saturating_sub(while_open);
        let told = format!("{while_open} lines while its input was open, {after} after; {}", transcript.told());
        // Fewer calls of `write` than lines: that is proof, and a model that does its work at the end is not to blame.
        let is_held_back = transcript.writes_after.is_some_and(|writes| writes < after as u64);
        if is_held_back {
            let writes = transcript.writes_after.unwrap_or(0);
            let came =
                format!("{while_open} lines while its input was open, and {after} in {writes} writes at the end");
            self.enter(Rule::Flush, false, transcript, came);
            self.not_judged(Rule::Late, "what it writes cannot be seen in time: see flush");
            return;
        }
        if transcript.writes_after.is_none() && after > 0 && !evidence.is_seen {
            self.not_judged(
                Rule::Flush,
                "nothing is seen before its input ends, and in a container writes cannot be counted",
            );
            self.not_judged(Rule::Late, "what it writes is not seen in time: see flush");
            return;
        }
        self.enter(Rule::Flush, true, transcript, told.clone());
        let ended = evidence.unreadable.as_ref().is_some_and(|unreadable| {
            unreadable.ended_while_open || unreadable.sent.iter().any(|file| unreadable.progress_of(file) > 0)
        });
        if !self.is_kept(Rule::Progress) {
            self.not_judged(Rule::Late, "what is finished is not told: see progress");
        } else {
            self.enter(Rule::Late, evidence.is_seen || ended, transcript, told);
        }
    }

    /// What any line of any start may show.
    fn lines(&mut self) {
        self.each(Rule::Messages, |transcript| transcript.lines.iter().find_map(fault));
        self.each(Rule::Order, tag_after_progress);
        self.each(Rule::SourceMedia, |transcript| {
            transcript.messages().find_map(|message| stranger(message, transcript))
        });
        let is_on_content_time = self.evidence.kind == Some(ModelKind::Processor);
        let has_tags = self.evidence.all().any(|transcript| tags(transcript).next().is_some());
        for (rule, find) in
            [(Rule::Times, bad_times as fn(&Tag, &Transcript) -> Option<String>), (Rule::FrameInfo, bad_frame)]
        {
            if has_tags {
                self.each(rule, |transcript| {
                    tags(transcript).find_map(|tag| {
                        let limits = if is_on_content_time { &Transcript::default() } else { transcript };
                        find(tag, limits).map(|problem| format!("tag `{}`: {problem}", short(&tag.tag)))
                    })
                });
            } else {
                self.not_judged(rule, "it found nothing to tag in the test's media");
            }
        }
    }

    /// Looks through every start that ended by itself for a first fault.
    fn each(&mut self, rule: Rule, find: impl Fn(&Transcript) -> Option<String>) {
        let evidence = self.evidence;
        let whole = || evidence.all().filter(|transcript| transcript.status.is_some());
        match whole().find_map(|transcript| Some((transcript, find(transcript)?))) {
            Some((transcript, came)) => self.enter(rule, false, transcript, came),
            None => {
                let lines: usize = whole().map(|transcript| transcript.lines.len()).sum();
                let came = format!("{lines} lines from {} starts, none at fault", whole().count());
                self.enter(rule, true, &Transcript { sent_told: "everything".into(), ..Transcript::default() }, came);
            }
        }
    }

    fn media(&mut self) {
        let evidence = self.evidence;
        for (rule, transcript, lacks) in [
            (Rule::OneFrame, &evidence.one_frame, "it takes no video, or only for its sound"),
            (Rule::VariableRate, &evidence.variable_rate, "it takes no video, or only for its sound"),
            (Rule::AudioOnly, &evidence.audio_only, "it does not take files of sound alone"),
        ] {
            match transcript {
                Some(transcript) => self.judged(rule, self.works(transcript), transcript),
                None => self.not_judged(rule, lacks),
            }
        }
    }

    fn failing(&mut self) {
        let evidence = self.evidence;
        let Some(unreadable) = &evidence.unreadable else { return };
        match evidence.failed() {
            Some(failed) => self.judged(Rule::Unreadable, unreadable.has_error_about(failed), unreadable),
            // It must look at pictures, and has looked at none.
            None if evidence.kind == Some(ModelKind::Frame) => self.judged(Rule::Unreadable, false, unreadable),
            None => self.not_judged(Rule::Unreadable, "it finishes a file without opening it"),
        }
        self.unsupported();
        if !unreadable.has_error() {
            for rule in [Rule::ExitStatus, Rule::EndsOnError, Rule::ContinueOnError] {
                self.not_judged(rule, "no error came of files that cannot be read: see unreadable");
            }
            return;
        }
        match &unreadable.status {
            Some(ending) => self.judged(Rule::ExitStatus, !ending.is_clean, unreadable),
            None => self.not_judged(Rule::ExitStatus, "it did not end: see ends-on-error"),
        }
        if unreadable.ended_while_open || self.is_kept(Rule::Late) {
            self.judged(Rule::EndsOnError, unreadable.ended_while_open, unreadable);
        } else {
            self.not_judged(Rule::EndsOnError, "it waits for the end of its input anyway: see late");
        }
        match (&evidence.continued, evidence.failed()) {
            (Some(transcript), Some(failed)) if self.is_kept(Rule::Unreadable) => {
                let goes_on = transcript.sent.iter().filter(|file| *file != failed);
                let is_told = goes_on.into_iter().all(|file| transcript.progress_of(file) > 0);
                let is_kept = transcript.is_clean()
                    && transcript.has_error_about(failed)
                    && transcript.progress_of(failed) == 0
                    && (is_told || !self.is_kept(Rule::Progress));
                let sent = format!("continue_on_error; {}", transcript.sent_told);
                self.judged(Rule::ContinueOnError, is_kept, &Transcript { sent_told: sent, ..transcript.clone() });
            }
            _ => self.not_judged(Rule::ContinueOnError, "no error names the file that failed: see unreadable"),
        }
    }

    fn unsupported(&mut self) {
        let evidence = self.evidence;
        let mut all = evidence.unsupported.iter().chain(&evidence.refused);
        let is_taken = |t: &&Transcript| t.sent.iter().all(|file| t.progress_of(file) > 0);
        let must_refuse = evidence.kind == Some(ModelKind::Frame);
        let is_wrong = |t: &&Transcript| match is_taken(t) {
            true => must_refuse,
            false => !t.sent.iter().all(|file| t.has_error_about(file)),
        };
        if let Some(wrong) = all.clone().find(|t| is_wrong(t) && (is_taken(t) || self.is_kept(Rule::Unreadable))) {
            return self.judged(Rule::Unsupported, false, wrong);
        }
        match all.find(|t| !is_taken(t)) {
            None => self.not_judged(Rule::Unsupported, "it takes files of every kind"),
            Some(t) if is_wrong(&t) => {
                self.not_judged(Rule::Unsupported, "no error names a file that failed: see unreadable");
            }
            Some(refused) => self.judged(Rule::Unsupported, true, refused),
        }
    }
}

fn names(files: &[&Sample]) -> String {
    let names: Vec<String> = files.iter().map(|file| format!("`{}`", file.name())).collect();
    names.join(", ")
}

fn tags(transcript: &Transcript) -> impl Iterator<Item = &Tag> {
    transcript.messages().filter_map(|message| match message {
        Message::Tag(tag) => Some(tag),
        _ => None,
    })
}

fn fault(line: &Line) -> Option<String> {
    match line {
        Line::Fault(Fault { line, kind, excerpt }) => Some(format!("output line {line}: {kind}: {}", short(excerpt))),
        Line::Message(_) => None,
    }
}

/// A tag about a file that was told as finished as often as it was sent.
fn tag_after_progress(transcript: &Transcript) -> Option<String> {
    let mut finished: HashMap<&str, usize> = HashMap::new();
    transcript.messages().find_map(|message| match message {
        Message::Progress { source_media } => {
            *finished.entry(source_media).or_default() += 1;
            None
        }
        Message::Tag(tag) => {
            let sent = transcript.sent.iter().filter(|file| is(&tag.source_media, file)).count();
            let is_over = sent > 0 && finished.get(tag.source_media.as_str()).is_some_and(|count| *count >= sent);
            is_over.then(|| format!("tag `{}` after the progress of its file", short(&tag.tag)))
        }
        Message::ProgressRatio { .. } | Message::Error { .. } => None,
    })
}

/// A path that is none of those sent.
fn stranger(message: &Message, transcript: &Transcript) -> Option<String> {
    let (word, path) = match message {
        Message::Tag(tag) => ("tag", &tag.source_media),
        Message::Progress { source_media } => ("progress", source_media),
        Message::Error { source_media: Some(path), .. } => ("error", path),
        Message::Error { .. } | Message::ProgressRatio { .. } => return None,
    };
    // What a program makes of white space is another rule's affair.
    let is_known =
        |path: &str| path.is_empty() || transcript.sent.iter().any(|file| transcript.told_path(file) == path);
    (!is_known(path) && !is_known(path.trim())).then(|| format!("{word} message about `{}`", short(path)))
}

fn bad_times(tag: &Tag, transcript: &Transcript) -> Option<String> {
    if tag.start_time > tag.end_time {
        return Some(format!("it ends at {} ms, before it starts at {} ms", tag.end_time, tag.start_time));
    }
    if tag.start_time < 0 {
        return Some(format!("it starts at {} ms, before its file does", tag.start_time));
    }
    // Not the file's own end: a model may join files that follow each other, and name the first.
    let end: i64 = transcript.sent.iter().map(|file| file.duration_ms).sum();
    (!transcript.sent.is_empty() && tag.end_time > end + TIME_TOLERANCE_MS)
        .then(|| format!("it ends at {} ms, and all that was sent ends at {end} ms", tag.end_time))
}

fn bad_frame(tag: &Tag, transcript: &Transcript) -> Option<String> {
    let info = tag.frame_info.as_ref()?;
    if info.region.is_some_and(|region| !region.is_inside()) {
        return Some("its box reaches beyond 0 to 1".into());
    }
    let file = transcript.sent.iter().find(|file| is(&tag.source_media, file))?;
    let count = file.frames_ms.as_ref()?.len();
    let is_there = usize::try_from(info.frame_idx).is_ok_and(|index| index < count);
    (!is_there).then(|| format!("frame {} of `{}`, which has {count}", info.frame_idx, file.name()))
}
