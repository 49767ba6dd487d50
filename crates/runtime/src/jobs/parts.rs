//! What became of every part of a job, and who is to blame for an attempt that went wrong.
//!
//! Plain bookkeeping. A part waits, is done, or is quarantined once it has cost the model as many attempts as a part may.
//! Between two attempts it rests, each time longer, so that trouble that passes by itself gets the time to.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A part's place in its stream, from 0.
pub type PartNumber = u32;

/// How patient a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// A part is quarantined when this many attempts have failed over it. At least 1. Default: 3.
    pub part_attempts: u32,
    /// A job fails after this many attempts in a row that finished no part and told nothing about any. At least 1.
    /// Default: 3.
    pub barren_attempts: u32,
    /// How long a part rests after a failed attempt, and a job after one that came to nothing.
    pub back_off: BackOff,
    /// How long a program that has to end may go on after its input has ended. Default: 2 s.
    pub input_grace: Duration,
    /// How long it may go on after it was asked to terminate. Default: 3 s.
    pub terminate_grace: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            part_attempts: 3,
            barren_attempts: 3,
            back_off: BackOff::default(),
            input_grace: Duration::from_secs(2),
            terminate_grace: Duration::from_secs(3),
        }
    }
}

/// Rests that grow fourfold: 1 s, 4 s, 16 s, 60 s, 60 s, … by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackOff {
    /// The first rest. Default: 1 s.
    pub first: Duration,
    /// No rest is longer. Default: 60 s.
    pub longest: Duration,
}

impl Default for BackOff {
    fn default() -> Self {
        Self { first: Duration::from_secs(1), longest: Duration::from_secs(60) }
    }
}

impl BackOff {
    /// The rest after that many failures in a row.
    pub fn after(&self, failures: u32) -> Duration {
        let factor = 4_u32.saturating_pow(failures.saturating_sub(1));
        self.first.saturating_mul(factor).min(self.longest)
    }
}

/// Where a part stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PartState {
    /// The next attempt takes it along.
    Waiting,
    /// An attempt has failed over it; it waits again after a rest.
    Resting,
    /// Its tags are stored.
    Done,
    /// It has cost too many attempts. Only a retry that somebody asks for gives it another.
    Quarantined,
}

/// A part of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Where it stands.
    pub state: PartState,
    /// How many attempts have failed over it.
    pub attempts: u32,
}

/// The parts of a job by number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts(Vec<Part>);

impl Parts {
    /// Parts as they were stored. A part that rested waits: whoever restarts a runtime wants it to go on.
    pub fn restore(parts: impl IntoIterator<Item = Part>) -> Self {
        let awake = |part: Part| match part.state {
            PartState::Resting => Part { state: PartState::Waiting, ..part },
            _ => part,
        };
        Self(parts.into_iter().map(awake).collect())
    }

    /// How many there are; 0 before the media has been looked at.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// How many are in `state`.
    pub fn count_of(&self, state: PartState) -> usize {
        self.0.iter().filter(|part| part.state == state).count()
    }

    /// The part of that number.
    pub fn get(&self, number: PartNumber) -> Option<&Part> {
        self.0.get(usize::try_from(number).ok()?)
    }

    /// Those that the next attempt takes along, in order.
    pub(super) fn waiting(&self) -> Vec<PartNumber> {
        self.numbered().filter(|(_, part)| part.state == PartState::Waiting).map(|(number, _)| number).collect()
    }

    /// Whether nothing is left to do.
    pub(super) fn is_settled(&self) -> bool {
        self.0.iter().all(|part| matches!(part.state, PartState::Done | PartState::Quarantined))
    }

    /// Makes room for parts that were not known before; known ones stay as they are. Returns whether all known ones are
    /// among them.
    pub(super) fn extend_to(&mut self, count: u32) -> bool {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if count < self.0.len() {
            return false;
        }
        self.0.resize(count, Part { state: PartState::Waiting, attempts: 0 });
        true
    }

    /// Enters that a part's tags are stored. Returns whether that is new.
    pub(super) fn finish(&mut self, number: PartNumber) -> bool {
        match self.get_mut(number) {
            Some(part) if part.state != PartState::Done => {
                part.state = PartState::Done;
                true
            }
            _ => false,
        }
    }

    /// Enters that an attempt has failed over a part, and returns how it stands now.
    pub(super) fn blame(&mut self, number: PartNumber, rules: &Rules) -> Option<Part> {
        let part = self.get_mut(number).filter(|part| part.state != PartState::Done)?;
        part.attempts += 1;
        part.state = match part.attempts >= rules.part_attempts {
            true => PartState::Quarantined,
            false => PartState::Resting,
        };
        Some(part.clone())
    }

    /// Ends the rest that began after a part's failure of that number. Returns whether it was still resting from it.
    pub(super) fn wake(&mut self, number: PartNumber, attempts: u32) -> bool {
        match self.get_mut(number) {
            Some(part) if part.state == PartState::Resting && part.attempts == attempts => {
                part.state = PartState::Waiting;
                true
            }
            _ => false,
        }
    }

    /// Lets those that are not done wait again with all their attempts before them.
    pub(super) fn wait_again(&mut self) {
        for part in self.0.iter_mut().filter(|part| part.state != PartState::Done) {
            *part = Part { state: PartState::Waiting, attempts: 0 };
        }
    }

    fn numbered(&self) -> impl Iterator<Item = (PartNumber, &Part)> {
        (0..).zip(&self.0)
    }

    fn get_mut(&mut self, number: PartNumber) -> Option<&mut Part> {
        self.0.get_mut(usize::try_from(number).ok()?)
    }
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// In what way.
    pub how: How,
    /// The part that the program was at: the first unfinished one with tags.
    pub at: Option<PartNumber>,
    /// What to tell: the program's last error, else its exit status and the end of its log.
    pub cause: String,
}

/// In what way a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// With exit status 0 and without an error. Parts may be unfinished even so.
    Clean,
    /// With another status, by a signal, with an error about no part, or it could not be started.
    Failed,
    /// For reasons of our own, as when its tags could not be stored. Nobody is to blame.
    CutShort,
}

/// One start of the model program, and what it has said so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attempt {
    pub number: u32,
    given: Vec<PartNumber>,
    done: BTreeSet<PartNumber>,
    blamed: BTreeMap<PartNumber, String>,
}

/// What an attempt came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Judgement {
    /// The parts it failed over, each with the cause.
    pub blamed: Vec<(PartNumber, String)>,
    /// Whether it finished nothing and told nothing about any part. A blamed part is a suspect then.
    pub is_barren: bool,
}

impl Attempt {
    pub fn new(number: u32, given: Vec<PartNumber>) -> Self {
        Self { number, given, done: BTreeSet::new(), blamed: BTreeMap::new() }
    }

    /// Enters a part as finished. Returns whether this program was given it.
    pub fn finish(&mut self, part: PartNumber) -> bool {
        let is_given = self.is_given(part);
        if is_given {
            self.done.insert(part);
        }
        is_given
    }

    /// Whether it has finished anything.
    pub fn has_finished_any(&self) -> bool {
        !self.done.is_empty()
    }

    /// Enters an error about one part. The first one about it counts.
    pub fn blame(&mut self, part: PartNumber, cause: String) {
        if self.is_given(part) {
            self.blamed.entry(part).or_insert(cause);
        }
    }

    /// Says which parts the attempt failed over, now that its program has ended.
    ///
    /// - An error that names a part is that part's, unless it was finished even so.
    /// - A failure without such an error is the part's that the program was at.
    /// - A program that ends in peace and has gone past a part has left it out.
    /// - Where nothing of this tells anything and nothing was finished, the part it was at, else the first, is under
    ///   suspicion: the next attempt goes without it, and shows whether the part or the model is to blame.
    pub fn judge(mut self, ending: &Ending) -> Judgement {
        self.blamed.retain(|part, _| !self.done.contains(part));
        let unfinished = |part: &PartNumber| !self.done.contains(part);
        let at = ending.at.filter(|part| self.is_given(*part) && unfinished(part));
        match ending.how {
            How::CutShort => return Judgement { blamed: Vec::new(), is_barren: false },
            How::Failed => {
                if let Some(at) = at.filter(|_| self.blamed.is_empty()) {
                    self.blamed.insert(at, ending.cause.clone());
                }
            }
            How::Clean => {
                let last = self.given.iter().rposition(|part| self.done.contains(part)).unwrap_or(0);
                for part in self.given[..last].iter().filter(|part| unfinished(part)) {
                    self.blamed.entry(*part).or_insert_with(|| ending.cause.clone());
                }
            }
        }
        let is_barren = self.done.is_empty() && self.blamed.is_empty();
        if is_barren && let Some(suspect) = at.or(self.given.first().copied()) {
            self.blamed.insert(suspect, ending.cause.clone());
        }
        Judgement { blamed: self.blamed.into_iter().collect(), is_barren }
    }

    fn is_given(&self, part: PartNumber) -> bool {
        self.given.binary_search(&part).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt() -> Attempt {
        Attempt::new(1, vec![0, 1, 2, 4])
    }

    fn ending(how: How, at: Option<PartNumber>) -> Ending {
        Ending { how, at, cause: "it ended".into() }
    }

    fn blamed(judgement: &Judgement) -> Vec<PartNumber> {
        judgement.blamed.iter().map(|(part, _)| *part).collect()
    }

    #[test]
    fn rests_grow_fourfold_up_to_the_longest() {
        let rests: Vec<u64> = (1..7).map(|failures| BackOff::default().after(failures).as_secs()).collect();
        assert_eq!(rests, [1, 4, 16, 60, 60, 60]);
        assert_eq!(BackOff::default().after(u32::MAX).as_secs(), 60);
    }

    #[test]
    fn an_error_that_names_a_part_is_that_parts_alone() {
        let mut attempt = attempt();
        attempt.finish(0);
        attempt.blame(2, "no picture".into());
        attempt.blame(2, "said again".into());
        let judgement = attempt.judge(&ending(How::Failed, Some(1)));
        assert_eq!(judgement.blamed, [(2, "no picture".to_owned())]);
        assert!(!judgement.is_barren);
    }

    #[test]
    fn a_crash_is_the_parts_that_the_program_was_at() {
        let mut attempt = attempt();
        attempt.finish(0);
        assert_eq!(blamed(&attempt.judge(&ending(How::Failed, Some(1)))), [1]);
    }

    #[test]
    fn a_crash_between_two_parts_is_nobodys_once_something_was_finished() {
        let mut attempt = attempt();
        attempt.finish(0);
        let judgement = attempt.judge(&ending(How::Failed, None));
        assert!(blamed(&judgement).is_empty() && !judgement.is_barren);
    }

    #[test]
    fn parts_that_a_program_went_past_in_peace_are_left_out_and_later_ones_are_not() {
        let mut attempt = attempt();
        attempt.finish(0);
        attempt.finish(2);
        assert_eq!(blamed(&attempt.judge(&ending(How::Clean, None))), [1]);
    }

    #[test]
    fn an_attempt_that_says_nothing_puts_the_first_part_under_suspicion() {
        for how in [How::Clean, How::Failed] {
            let judgement = attempt().judge(&ending(how, None));
            assert_eq!(blamed(&judgement), [0]);
            assert!(judgement.is_barren);
        }
    }

    #[test]
    fn an_attempt_that_was_cut_short_blames_nobody() {
        let mut attempt = attempt();
        attempt.blame(1, "KeyboardInterrupt".into());
        let judgement = attempt.judge(&ending(How::CutShort, Some(1)));
        assert!(blamed(&judgement).is_empty() && !judgement.is_barren);
    }

    #[test]
    fn a_part_that_was_finished_after_an_error_about_it_is_done() {
        let mut attempt = attempt();
        attempt.blame(0, "one frame left out".into());
        attempt.finish(0);
        assert!(blamed(&attempt.judge(&ending(How::Clean, None))).is_empty());
    }

    #[test]
    fn a_part_is_quarantined_with_its_last_attempt_and_rests_before() {
        let mut parts = Parts::default();
        parts.extend_to(1);
        let rules = Rules::default();
        let states: Vec<PartState> = (0..3).filter_map(|_| parts.blame(0, &rules)).map(|part| part.state).collect();
        assert_eq!(states, [PartState::Resting, PartState::Resting, PartState::Quarantined]);
        parts.wait_again();
        assert_eq!(parts.get(0), Some(&Part { state: PartState::Waiting, attempts: 0 }));
    }

    #[test]
    fn only_the_latest_rest_of_a_part_can_end() {
        let mut parts = Parts::default();
        parts.extend_to(1);
        parts.blame(0, &Rules::default());
        parts.wait_again();
        assert!(!parts.wake(0, 1), "a retry has ended the rest already");
        parts.blame(0, &Rules::default());
        parts.wake(0, 1);
        parts.blame(0, &Rules::default());
        assert!(!parts.wake(0, 1), "this rest came after the second failure");
        assert!(parts.wake(0, 2));
    }
}
