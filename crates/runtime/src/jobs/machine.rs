//! The one place where a job changes.
//!
//! ```text
//! new ─► preparing ─► waiting ─► attempting ─► ended (succeeded, quarantined, failed)
//!                        ▲            │
//!                        ├────────────┤   parts are left
//!                        └─ resting ◄─┘   all that are left rest, or the attempt came to nothing
//!
//! from anywhere before the end:  ─► ending ─► ended (stopped)    when somebody asks for it
//!                                ─► ending ─► suspended          when the runtime ends
//! ```
//!
//! Every attempt has a lease of its own: it is asked for before and given back after, so a more urgent job gets its turn
//! between two attempts. What a step changes for good is in its first effect, [`Effect::Persist`], and has to be durable
//! before the others are carried out.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::parts::{Attempt, Ending, How, PartNumber, PartState, Parts, Rules};

/// What people see of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// Its first attempt is still to come.
    Queued,
    /// It has begun.
    Running,
    /// It was asked to stop, and its program has not ended yet.
    Stopping,
    /// Every part is done.
    Succeeded,
    /// Some parts are done and the others are quarantined.
    Quarantined,
    /// Nothing could be tagged, or not to the end.
    Failed,
    /// Somebody stopped it.
    Stopped,
}

impl JobState {
    /// Whether nothing more happens to such a job by itself.
    pub fn is_ended(self) -> bool {
        match self {
            Self::Queued | Self::Running | Self::Stopping => false,
            Self::Succeeded | Self::Quarantined | Self::Failed | Self::Stopped => true,
        }
    }
}

/// What happens to a job. Events about an attempt carry its number: late ones are ordinary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The job is stored, or was found in the store at start.
    Begin,
    /// Its parts are there. Comes once after [`Effect::Prepare`], also when that was called off too late.
    Prepared {
        /// How many there are.
        parts: u32,
    },
    /// Its parts cannot be had, or making them was called off. Comes once after [`Effect::Prepare`].
    NotPrepared {
        /// Why, for people.
        cause: String,
    },
    /// It has got the lease it asked for.
    Granted,
    /// It can never have that lease: the machine has become too small for it.
    Refused {
        /// Why, for people.
        cause: String,
    },
    /// A part's tags are stored. All of these come before the attempt's [`Event::AttemptEnded`].
    PartDone {
        /// The attempt that finished it.
        attempt: u32,
        /// The part.
        part: PartNumber,
    },
    /// The program has said that a part failed.
    PartFailed {
        /// The attempt.
        attempt: u32,
        /// The part.
        part: PartNumber,
        /// Its words.
        cause: String,
    },
    /// The program stalls, floods, or does something else for which it has to end.
    Misbehaved {
        /// The attempt.
        attempt: u32,
        /// The part it was at, if known.
        at: Option<PartNumber>,
        /// What it did.
        cause: String,
    },
    /// The program has ended, or could not be started. Comes once after each [`Effect::Start`].
    AttemptEnded {
        /// The attempt.
        attempt: u32,
        /// How.
        ending: Ending,
    },
    /// The time of an [`Effect::Alarm`] has come.
    Rang(Alarm),
    /// Somebody wants it to stop.
    Stop,
    /// The runtime ends, and the job goes on with the next one.
    Suspend,
    /// Somebody wants it to be done again.
    Retry {
        /// Only the parts that are not done.
        failed_only: bool,
    },
}

/// What to be told of when its time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alarm {
    /// A part has rested long enough.
    Part {
        /// The part.
        part: PartNumber,
        /// How many attempts had failed over it by then.
        attempts: u32,
    },
    /// The job has rested long enough.
    Job {
        /// After which attempt.
        after: u32,
    },
    /// A program has had its time to end.
    Grace {
        /// Its attempt.
        attempt: u32,
    },
}

/// What is to be done because of an event, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Store these changes in one transaction before anything else.
    Persist(Vec<Change>),
    /// Look at the media and cut its parts.
    Prepare,
    /// Call that off. It still answers.
    CallOffPreparation,
    /// Ask for a lease.
    Acquire,
    /// Take that back.
    Withdraw,
    /// Give the lease back.
    Release,
    /// Start the model program with these parts.
    Start {
        /// The attempt's number in the job, from 1.
        attempt: u32,
        /// The parts, in order.
        parts: Vec<PartNumber>,
    },
    /// End the program's input.
    EndInput,
    /// Ask the program to terminate.
    Terminate,
    /// Kill the program and all it has started.
    Kill,
    /// Answer with [`Event::Rang`] after that time.
    Alarm {
        /// What to be told.
        alarm: Alarm,
        /// When.
        after: Duration,
    },
    /// The job needs its parts' files no longer.
    ReleaseMedia,
    /// What people see of the job has changed.
    Announce,
    /// A command makes no sense now; tell whoever gave it.
    Refuse(Refusal),
}

/// What becomes durable by a step. Finished parts are not among it: they are stored together with their tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// What people see.
    State {
        /// The state.
        state: JobState,
        /// Why, where there is something to explain.
        cause: Option<String>,
    },
    /// An attempt begins.
    AttemptStarted {
        /// Its number in the job, from 1.
        attempt: u32,
    },
    /// An attempt is over.
    AttemptEnded {
        /// Its number.
        attempt: u32,
        /// In what way.
        how: How,
        /// What to tell about it.
        cause: String,
    },
    /// An attempt has failed over a part, which now rests or is quarantined.
    PartFailed {
        /// The part.
        part: PartNumber,
        /// How many attempts have failed over it.
        attempts: u32,
        /// Why.
        cause: String,
        /// How long it rests; none if it is quarantined.
        rest: Option<Duration>,
    },
    /// Something to tell that stopped nothing.
    Warning {
        /// What it is.
        message: String,
    },
    /// Parts wait again with all attempts before them.
    StartedOver {
        /// Only those that are not done; otherwise all, and what they gave before is to be replaced.
        failed_only: bool,
    },
}

/// Why a command makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A retry of a job that has not ended.
    #[error("the job has not ended; stop it first, or wait")]
    NotEnded,
    /// A retry of failed parts where none failed.
    #[error(
        "all parts of the job are done; to tag them again, retry all of it: without `--failed-only`, over HTTP without `failed_only`"
    )]
    NothingFailed,
    /// A retry while the runtime ends.
    #[error("the server is shutting down; ask again when it is back")]
    ShuttingDown,
}

/// A job.
#[derive(Debug, Clone)]
pub struct Job {
    rules: Rules,
    parts: Parts,
    phase: Phase,
    /// How many attempts there have been.
    attempts: u32,
    /// How many in a row came to nothing.
    barren: u32,
    /// How many in a row were cut short by trouble of our own.
    cut_short: u32,
    /// Whether its first attempt has begun.
    has_begun: bool,
    /// Why the last part was quarantined.
    last_cause: Option<String>,
}

/// Where a job stands. Each variant holds only what is true there.
#[derive(Debug, Clone)]
enum Phase {
    New,
    Preparing,
    /// A lease is asked for.
    Waiting,
    /// Until a part, or the whole job, has rested.
    Resting {
        is_whole: bool,
    },
    Attempting(Attempt),
    Ending {
        attempt: Attempt,
        why: Why,
        next: Push,
    },
    CallingOff {
        is_stop: bool,
    },
    Suspended,
    Ended(JobState),
}

/// Why a program has to end.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Why {
    Stopped,
    Suspended,
    Misbehaved { at: Option<PartNumber>, cause: String },
}

/// What a program that has not ended gets next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Push {
    Terminate,
    Kill,
    Nothing,
}

impl Job {
    /// A job that has just been submitted.
    pub fn new(rules: Rules) -> Self {
        Self::restore(rules, JobState::Queued, Parts::default(), 0)
    }

    /// A job as it was stored, with the number of attempts it has had. One that was running goes on with
    /// [`Event::Begin`]: its program ended with the runtime that started it.
    pub fn restore(rules: Rules, state: JobState, parts: Parts, attempts: u32) -> Self {
        let phase = if state.is_ended() { Phase::Ended(state) } else { Phase::New };
        // A stop that was asked for is not forgotten.
        let phase = if state == JobState::Stopping { Phase::CallingOff { is_stop: true } } else { phase };
        let has_begun = state == JobState::Running;
        Self { rules, parts, phase, attempts, barren: 0, cut_short: 0, has_begun, last_cause: None }
    }

    /// What people see.
    pub fn state(&self) -> JobState {
        match &self.phase {
            Phase::Ended(state) => *state,
            Phase::Ending { why: Why::Stopped, .. } | Phase::CallingOff { is_stop: true } => JobState::Stopping,
            _ if self.has_begun => JobState::Running,
            _ => JobState::Queued,
        }
    }

    /// The parts, none before the first [`Event::Prepared`].
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Whether this runtime is through with it: it has ended, or is suspended.
    pub fn is_at_rest(&self) -> bool {
        matches!(self.phase, Phase::Ended(_) | Phase::Suspended)
    }

    /// Takes in an event and says what is to be done because of it.
    pub fn on(&mut self, event: Event) -> Vec<Effect> {
        use Event as E;
        match (&mut self.phase, event) {
            (Phase::New, E::Begin) => {
                self.phase = Phase::Preparing;
                vec![Effect::Prepare]
            }
            // It was being stopped when the runtime before this one ended; nothing is left to wait for.
            (Phase::CallingOff { is_stop: true }, E::Begin) => self.end(JobState::Stopped, None, Vec::new()),
            (Phase::Preparing, E::Prepared { parts: 0 }) => {
                self.end(JobState::Failed, Some("there is nothing to tag in it".into()), Vec::new())
            }
            (Phase::Preparing, E::Prepared { parts }) => match self.parts.extend_to(parts) {
                true => self.go_on(Vec::new()),
                false => {
                    let cause =
                        format!("its media now has {parts} parts and had {}; submit it anew", self.parts.count());
                    self.end(JobState::Failed, Some(cause), Vec::new())
                }
            },
            (Phase::Preparing, E::NotPrepared { cause }) => self.end(JobState::Failed, Some(cause), Vec::new()),
            (Phase::CallingOff { is_stop }, E::Prepared { .. } | E::NotPrepared { .. }) => match is_stop {
                true => self.end(JobState::Stopped, None, Vec::new()),
                false => {
                    self.phase = Phase::Suspended;
                    Vec::new()
                }
            },

            (Phase::Waiting, E::Granted) => self.start(),
            // The job has gone on since it asked.
            (_, E::Granted) => vec![Effect::Release],
            (Phase::Waiting, E::Refused { cause }) => self.end(JobState::Failed, Some(cause), Vec::new()),

            (Phase::Attempting(attempt) | Phase::Ending { attempt, .. }, E::PartDone { attempt: number, part })
                if attempt.number == number =>
            {
                let is_new = attempt.finish(part) && self.parts.finish(part);
                if is_new { vec![Effect::Announce] } else { Vec::new() }
            }
            (Phase::Attempting(attempt), E::PartFailed { attempt: number, part, cause })
                if attempt.number == number =>
            {
                attempt.blame(part, cause);
                Vec::new()
            }
            (Phase::Attempting(attempt), E::Misbehaved { attempt: number, at, cause }) if attempt.number == number => {
                let attempt = attempt.clone();
                self.phase = Phase::Ending { attempt, why: Why::Misbehaved { at, cause }, next: Push::Nothing };
                vec![Effect::Kill]
            }
            (Phase::Attempting(attempt), E::AttemptEnded { attempt: number, ending }) if attempt.number == number => {
                let attempt = attempt.clone();
                self.judge(attempt, ending, None)
            }
            (Phase::Ending { attempt, why, .. }, E::AttemptEnded { attempt: number, ending })
                if attempt.number == number =>
            {
                let (attempt, why) = (attempt.clone(), why.clone());
                self.judge(attempt, ending, Some(why))
            }

            (_, E::Rang(Alarm::Part { part, attempts })) => {
                let is_awake = self.parts.wake(part, attempts);
                match self.phase {
                    Phase::Resting { is_whole: false } if is_awake => self.go_on(Vec::new()),
                    _ => Vec::new(),
                }
            }
            (Phase::Resting { is_whole: true }, E::Rang(Alarm::Job { after })) if after == self.attempts => {
                self.go_on(Vec::new())
            }
            (Phase::Ending { attempt, next, .. }, E::Rang(Alarm::Grace { attempt: number }))
                if attempt.number == number =>
            {
                let push = *next;
                match push {
                    Push::Terminate => {
                        *next = Push::Kill;
                        vec![Effect::Terminate, self.grace(number, self.rules.terminate_grace)]
                    }
                    Push::Kill => {
                        *next = Push::Nothing;
                        vec![Effect::Kill]
                    }
                    Push::Nothing => Vec::new(),
                }
            }

            (_, E::Stop) => self.stop(),
            (_, E::Suspend) => self.suspend(),
            (Phase::Ended(_), E::Retry { failed_only }) => self.start_over(failed_only),
            (Phase::Suspended, E::Retry { .. }) => vec![Effect::Refuse(Refusal::ShuttingDown)],
            (_, E::Retry { .. }) => vec![Effect::Refuse(Refusal::NotEnded)],

            // What comes too late, or again: the table in the tests shows all of it.
            _ => Vec::new(),
        }
    }

    fn start(&mut self) -> Vec<Effect> {
        self.attempts += 1;
        self.has_begun = true;
        let (attempt, parts) = (self.attempts, self.parts.waiting());
        self.phase = Phase::Attempting(Attempt::new(attempt, parts.clone()));
        let state = Change::State { state: JobState::Running, cause: None };
        vec![
            Effect::Persist(vec![Change::AttemptStarted { attempt }, state]),
            Effect::Start { attempt, parts },
            Effect::Announce,
        ]
    }

    /// Enters what an attempt came to, and goes on.
    fn judge(&mut self, attempt: Attempt, mut ending: Ending, why: Option<Why>) -> Vec<Effect> {
        let number = attempt.number;
        match &why {
            // What a program says while it is made to end is no word about its parts.
            Some(Why::Stopped | Why::Suspended) => ending.how = How::CutShort,
            Some(Why::Misbehaved { at, cause }) => {
                ending = Ending { how: How::Failed, at: at.or(ending.at), cause: cause.clone() };
            }
            None => {}
        }
        if attempt.has_finished_any() {
            (self.barren, self.cut_short) = (0, 0);
        }
        let is_cut_short = ending.how == How::CutShort;
        let judgement = attempt.judge(&ending);
        let mut changes = vec![Change::AttemptEnded { attempt: number, how: ending.how, cause: ending.cause.clone() }];
        let mut effects = vec![Effect::Release];
        for (part, cause) in judgement.blamed {
            let Some(now) = self.parts.blame(part, &self.rules) else { continue };
            if now.state == PartState::Quarantined {
                self.last_cause = Some(cause.clone());
            }
            let rest = (now.state == PartState::Resting).then(|| self.rules.back_off.after(now.attempts));
            changes.push(Change::PartFailed { part, attempts: now.attempts, cause, rest });
            effects
                .extend(rest.map(|after| Effect::Alarm { alarm: Alarm::Part { part, attempts: now.attempts }, after }));
        }
        self.barren += u32::from(judgement.is_barren);
        self.cut_short += u32::from(is_cut_short);
        if self.parts.is_settled() && self.parts.count_of(PartState::Quarantined) == 0 {
            if ending.how == How::Failed {
                let message = format!("the program failed after it was through with every part: {}", ending.cause);
                changes.push(Change::Warning { message });
            }
            return self.end_after(JobState::Succeeded, None, changes, effects);
        }
        match why {
            _ if self.parts.is_settled() => self.settle(changes, effects),
            Some(Why::Stopped) => self.end_after(JobState::Stopped, None, changes, effects),
            Some(Why::Suspended) => {
                self.phase = Phase::Suspended;
                effects.insert(0, Effect::Persist(changes));
                effects
            }
            _ if self.barren >= self.rules.barren_attempts => {
                self.end_after(JobState::Failed, Some(ending.cause), changes, effects)
            }
            _ => {
                effects.insert(0, Effect::Persist(changes));
                if judgement.is_barren || is_cut_short {
                    // Whatever it is, it is not one part's trouble: give it time to pass.
                    self.phase = Phase::Resting { is_whole: true };
                    let after = self.rules.back_off.after(self.barren.max(self.cut_short));
                    effects.push(Effect::Alarm { alarm: Alarm::Job { after: number }, after });
                    effects.push(Effect::Announce);
                    return effects;
                }
                self.go_on(effects)
            }
        }
    }

    /// Ends a job whose parts are all done or quarantined, some of them quarantined.
    fn settle(&mut self, changes: Vec<Change>, effects: Vec<Effect>) -> Vec<Effect> {
        let (count, quarantined) = (self.parts.count(), self.parts.count_of(PartState::Quarantined));
        let state = if quarantined == count { JobState::Failed } else { JobState::Quarantined };
        let mut cause = format!("{quarantined} of {count} parts are quarantined");
        if let Some(last) = &self.last_cause {
            cause += &format!("; the last one: {last}");
        }
        self.end_after(state, Some(cause), changes, effects)
    }

    /// Asks for a lease where a part waits, and rests otherwise.
    fn go_on(&mut self, mut effects: Vec<Effect>) -> Vec<Effect> {
        if self.parts.is_settled() {
            // Everything was done before: the runtime ended between the last part and the end of its program.
            return match self.parts.count_of(PartState::Quarantined) {
                0 => self.end(JobState::Succeeded, None, effects),
                _ => self.settle(Vec::new(), effects),
            };
        }
        if self.parts.waiting().is_empty() {
            self.phase = Phase::Resting { is_whole: false };
        } else {
            self.phase = Phase::Waiting;
            effects.push(Effect::Acquire);
        }
        effects.push(Effect::Announce);
        effects
    }

    fn stop(&mut self) -> Vec<Effect> {
        let stopping = Effect::Persist(vec![Change::State { state: JobState::Stopping, cause: None }]);
        match &mut self.phase {
            Phase::Preparing => {
                self.phase = Phase::CallingOff { is_stop: true };
                vec![stopping, Effect::CallOffPreparation, Effect::Announce]
            }
            Phase::CallingOff { is_stop } if !*is_stop => {
                *is_stop = true;
                vec![stopping, Effect::Announce]
            }
            Phase::Waiting => self.end(JobState::Stopped, None, vec![Effect::Withdraw]),
            Phase::New | Phase::Resting { .. } | Phase::Suspended => self.end(JobState::Stopped, None, Vec::new()),
            Phase::Attempting(attempt) => {
                let attempt = attempt.clone();
                let mut effects = vec![stopping];
                effects.extend(self.end_program(attempt, Why::Stopped));
                effects.push(Effect::Announce);
                effects
            }
            // It is on its way out already; from now on because somebody wants it.
            Phase::Ending { why, .. } if *why != Why::Stopped => {
                *why = Why::Stopped;
                vec![stopping, Effect::Announce]
            }
            Phase::Ending { .. } | Phase::CallingOff { .. } | Phase::Ended(_) => Vec::new(),
        }
    }

    fn suspend(&mut self) -> Vec<Effect> {
        match &self.phase {
            Phase::Preparing => {
                self.phase = Phase::CallingOff { is_stop: false };
                vec![Effect::CallOffPreparation]
            }
            Phase::Attempting(attempt) => {
                let attempt = attempt.clone();
                self.end_program(attempt, Why::Suspended)
            }
            Phase::Ending { why: Why::Misbehaved { .. }, attempt, next } => {
                self.phase = Phase::Ending { attempt: attempt.clone(), why: Why::Suspended, next: *next };
                Vec::new()
            }
            Phase::Waiting => {
                self.phase = Phase::Suspended;
                vec![Effect::Withdraw]
            }
            Phase::New | Phase::Resting { .. } => {
                self.phase = Phase::Suspended;
                Vec::new()
            }
            Phase::CallingOff { .. } | Phase::Ending { .. } | Phase::Suspended | Phase::Ended(_) => Vec::new(),
        }
    }

    fn start_over(&mut self, failed_only: bool) -> Vec<Effect> {
        if failed_only && self.parts.count() > 0 && self.parts.count_of(PartState::Done) == self.parts.count() {
            return vec![Effect::Refuse(Refusal::NothingFailed)];
        }
        match failed_only {
            true => self.parts.wait_again(),
            // The media as they are now may have other parts.
            false => self.parts = Parts::default(),
        }
        (self.barren, self.cut_short, self.has_begun) = (0, 0, false);
        self.phase = Phase::Preparing;
        let state = Change::State { state: JobState::Queued, cause: None };
        vec![Effect::Persist(vec![Change::StartedOver { failed_only }, state]), Effect::Prepare, Effect::Announce]
    }

    /// Begins to end a program in order: its input, then a request, then by force.
    fn end_program(&mut self, attempt: Attempt, why: Why) -> Vec<Effect> {
        let number = attempt.number;
        self.phase = Phase::Ending { attempt, why, next: Push::Terminate };
        vec![Effect::EndInput, self.grace(number, self.rules.input_grace)]
    }

    fn grace(&self, attempt: u32, after: Duration) -> Effect {
        Effect::Alarm { alarm: Alarm::Grace { attempt }, after }
    }

    fn end(&mut self, state: JobState, cause: Option<String>, effects: Vec<Effect>) -> Vec<Effect> {
        self.end_after(state, cause, Vec::new(), effects)
    }

    fn end_after(
        &mut self,
        state: JobState,
        cause: Option<String>,
        mut changes: Vec<Change>,
        mut effects: Vec<Effect>,
    ) -> Vec<Effect> {
        self.phase = Phase::Ended(state);
        changes.push(Change::State { state, cause });
        effects.insert(0, Effect::Persist(changes));
        effects.extend([Effect::ReleaseMedia, Effect::Announce]);
        effects
    }

    /// Where it stands, in a word or two.
    #[cfg(test)]
    pub(super) fn phase_name(&self) -> String {
        let why = |why: &Why| match why {
            Why::Stopped => "stop",
            Why::Suspended => "suspend",
            Why::Misbehaved { .. } => "misbehaved",
        };
        match &self.phase {
            Phase::New => "new".into(),
            Phase::Preparing => "preparing".into(),
            Phase::Waiting => "waiting".into(),
            Phase::Resting { is_whole: true } => "resting as a whole".into(),
            Phase::Resting { is_whole: false } => "resting".into(),
            Phase::Attempting(attempt) => format!("attempt {}", attempt.number),
            Phase::Ending { why: w, next, .. } => format!("ending ({}, then {next:?})", why(w)).to_lowercase(),
            Phase::CallingOff { is_stop: true } => "calling off (stop)".into(),
            Phase::CallingOff { is_stop: false } => "calling off (suspend)".into(),
            Phase::Suspended => "suspended".into(),
            Phase::Ended(state) => format!("ended ({state:?})").to_lowercase(),
        }
    }
}
