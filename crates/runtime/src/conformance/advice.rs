//! What the contract leaves open and a model's author should know all the same. Advice never fails a test.

use serde::Serialize;
use tagger_wire::{Message, Tag};

use super::evidence::{Evidence, TERMINATION};
use super::session::Transcript;
use super::transcript::is;

/// Something worth knowing that breaks no rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// What it is about, in a word.
    pub about: &'static str,
    /// What was seen.
    pub told: String,
}

/// Everything there is to say. Nothing is said of what is as it should be, except where it is a number.
pub(super) fn advise(evidence: &Evidence) -> Vec<Advice> {
    let told = [
        ("determinism", determinism(evidence)),
        ("memory", memory(evidence)),
        ("termination", termination(evidence)),
        ("lateness", lateness(evidence)),
        ("damage", damage(evidence)),
        ("exact times", exact_times(evidence)),
        ("ends", ends(evidence)),
    ];
    told.into_iter().filter_map(|(about, told)| Some(Advice { about, told: told? })).collect()
}

/// Two starts over the same file with the same parameters.
fn determinism(evidence: &Evidence) -> Option<String> {
    let (one, other) = (evidence.arguments.as_ref()?, evidence.white_space.as_ref()?);
    let is_same = sorted_tags(one) == sorted_tags(other);
    (!is_same && one.is_clean() && other.is_clean())
        .then(|| "two starts over the same file gave different tags; results cannot be compared or reproduced".into())
}

fn sorted_tags(transcript: &Transcript) -> Vec<String> {
    let mut all: Vec<String> = tags(transcript).filter_map(|tag| serde_json::to_string(tag).ok()).collect();
    all.sort();
    all
}

fn tags(transcript: &Transcript) -> impl Iterator<Item = &Tag> {
    transcript.messages().filter_map(|message| match message {
        Message::Tag(tag) => Some(tag),
        _ => None,
    })
}

fn memory(evidence: &Evidence) -> Option<String> {
    let bytes = evidence.one_by_one.as_ref()?.peak_memory?;
    Some(format!("{} MiB at most, over two small files", bytes >> 20))
}

fn termination(evidence: &Evidence) -> Option<String> {
    let (_, has_ended) = evidence.terminated.as_ref()?;
    let seconds = TERMINATION.as_secs();
    (!has_ended).then(|| format!("it did not end within {seconds} s of SIGTERM; a runtime that stops it kills it then"))
}

fn lateness(evidence: &Evidence) -> Option<String> {
    let one_by_one = evidence.one_by_one.as_ref()?;
    let is_silent = !evidence.is_seen && one_by_one.is_clean();
    is_silent.then(|| {
        "it tells of its files only when its input ends: until then nothing is seen, and all is lost if it dies".into()
    })
}

fn damage(evidence: &Evidence) -> Option<String> {
    let unreadable = evidence.unreadable.as_ref()?;
    let file = unreadable.sent.iter().find(|file| unreadable.progress_of(file) > 0)?;
    Some(format!("it finished `{}`, which holds no media; damaged files will look like tagged ones", file.name()))
}

/// At a variable rate, what is counted from an average lies beside its frame.
fn exact_times(evidence: &Evidence) -> Option<String> {
    let transcript = evidence.variable_rate.as_ref()?;
    let times = transcript.sent.first()?.frames_ms.as_ref()?;
    let off = tags(transcript).filter(|tag| tag.start_time == tag.end_time).filter_map(|tag| {
        let index = usize::try_from(tag.frame_info.as_ref()?.frame_idx).ok()?;
        Some((tag.start_time - times.get(index)?).abs())
    });
    let worst = off.max().filter(|ms| *ms > 1)?;
    Some(format!("at a variable frame rate, tags lie up to {worst} ms beside the frames they name"))
}

fn ends(evidence: &Evidence) -> Option<String> {
    let beyond = |transcript: &&Transcript| {
        tags(transcript).any(|tag| {
            let file = transcript.sent.iter().find(|file| is(&tag.source_media, file));
            file.is_some_and(|file| file.frames_ms.is_some() && tag.end_time > file.duration_ms + 1000)
        })
    };
    evidence.all().find(beyond)?;
    Some("some tags end more than a second after their file does".into())
}
