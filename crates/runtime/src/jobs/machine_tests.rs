//! The job machine: every state against every event, and what holds over any order of events.

use std::fmt::Write as _;
use std::time::Duration;

use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;

fn ending(how: How, at: Option<PartNumber>) -> Ending {
    let cause = match how {
        How::Clean => "it exited with status 0",
        How::Failed => "it exited with status 1",
        How::CutShort => "the disk is full",
    };
    Ending { how, at, cause: cause.into() }
}

fn ended(attempt: u32, how: How) -> Event {
    Event::AttemptEnded { attempt, ending: ending(how, None) }
}

fn done(part: PartNumber) -> Event {
    Event::PartDone { attempt: 1, part }
}

/// A job of two parts, taken through these events.
fn job(events: impl IntoIterator<Item = Event>) -> Job {
    let mut job = Job::new(Rules::default());
    for event in events {
        job.on(event);
    }
    job
}

fn attempting() -> Vec<Event> {
    vec![Event::Begin, Event::Prepared { parts: 2 }, Event::Granted]
}

fn attempting_and(events: impl IntoIterator<Item = Event>) -> Job {
    job(attempting().into_iter().chain(events))
}

fn failing_over(part: PartNumber, attempt: u32) -> [Event; 2] {
    [Event::PartFailed { attempt, part, cause: "no picture".into() }, ended(attempt, How::Failed)]
}

/// A job that waits for its second part to rest.
fn resting() -> Vec<Event> {
    [done(0)].into_iter().chain(failing_over(1, 1)).collect()
}

fn every_state() -> Vec<Job> {
    let stop = || [Event::Stop];
    let quarantined = resting().into_iter().chain((2..4).flat_map(|attempt| {
        let awake = Event::Rang(Alarm::Part { part: 1, attempts: attempt - 1 });
        [awake, Event::Granted].into_iter().chain(failing_over(1, attempt))
    }));
    let grace = || Event::Rang(Alarm::Grace { attempt: 1 });
    vec![
        job([]),
        job([Event::Begin]),
        job([Event::Begin, Event::Stop]),
        job([Event::Begin, Event::Suspend]),
        job([Event::Begin, Event::Prepared { parts: 2 }]),
        attempting_and([]),
        attempting_and(resting()),
        attempting_and([ended(1, How::Failed)]),
        attempting_and(stop()),
        attempting_and([Event::Stop, grace()]),
        attempting_and([Event::Stop, grace(), grace()]),
        attempting_and([Event::Suspend]),
        attempting_and([Event::Misbehaved { attempt: 1, at: Some(0), cause: "it stalls".into() }]),
        attempting_and([Event::Suspend, ended(1, How::Failed)]),
        attempting_and([done(0), done(1), ended(1, How::Clean)]),
        attempting_and(quarantined),
        job([Event::Begin, Event::NotPrepared { cause: "it has vanished".into() }]),
        attempting_and([Event::Stop, ended(1, How::Failed)]),
    ]
}

fn every_event() -> Vec<(&'static str, Event)> {
    vec![
        ("begin", Event::Begin),
        ("prepared", Event::Prepared { parts: 2 }),
        ("prepared, empty", Event::Prepared { parts: 0 }),
        ("prepared, fewer", Event::Prepared { parts: 1 }),
        ("not prepared", Event::NotPrepared { cause: "it has changed".into() }),
        ("granted", Event::Granted),
        ("refused", Event::Refused { cause: "2 gpus are needed, and there is 1".into() }),
        ("part 0 done", done(0)),
        ("part 0 done, late", Event::PartDone { attempt: 0, part: 0 }),
        ("part 0 failed", Event::PartFailed { attempt: 1, part: 0, cause: "no picture".into() }),
        ("misbehaved at 1", Event::Misbehaved { attempt: 1, at: Some(1), cause: "it floods".into() }),
        ("exit 0", ended(1, How::Clean)),
        ("exit 1", ended(1, How::Failed)),
        ("exit 1 at part 1", Event::AttemptEnded { attempt: 1, ending: ending(How::Failed, Some(1)) }),
        ("cut short", ended(1, How::CutShort)),
        ("another's exit", ended(9, How::Failed)),
        ("part 1 rested", Event::Rang(Alarm::Part { part: 1, attempts: 1 })),
        ("job rested", Event::Rang(Alarm::Job { after: 1 })),
        ("grace over", Event::Rang(Alarm::Grace { attempt: 1 })),
        ("stop", Event::Stop),
        ("suspend", Event::Suspend),
        ("retry", Event::Retry { failed_only: false }),
        ("retry failed", Event::Retry { failed_only: true }),
    ]
}

fn in_words(effect: &Effect) -> String {
    match effect {
        Effect::Persist(changes) => {
            let changes: Vec<String> = changes.iter().map(change_in_words).collect();
            format!("persist[{}]", changes.join(", "))
        }
        Effect::Start { attempt, parts } => format!("start {attempt} with {parts:?}"),
        Effect::Alarm { alarm, after } => format!("alarm in {} s: {alarm:?}", after.as_secs()),
        Effect::Refuse(refusal) => format!("refuse: {refusal}"),
        other => format!("{other:?}"),
    }
}

fn change_in_words(change: &Change) -> String {
    let because = |cause: &Option<String>| cause.as_ref().map(|cause| format!(" ({cause})")).unwrap_or_default();
    match change {
        Change::State { state, cause } => format!("{state:?}{}", because(cause)).to_lowercase(),
        Change::AttemptStarted { attempt } => format!("attempt {attempt} started"),
        Change::AttemptEnded { attempt, how, cause } => format!("attempt {attempt} ended {how:?} ({cause})"),
        Change::PartFailed { part, attempts, cause, rest } => {
            let then = rest.map_or("quarantined".to_owned(), |rest| format!("rests {} s", rest.as_secs()));
            format!("part {part} failed {attempts} times ({cause}), {then}")
        }
        Change::Warning { message } => format!("warning: {message}"),
        Change::StartedOver { failed_only } => {
            format!("started over{}", if *failed_only { " with what failed" } else { "" })
        }
    }
}

/// What a state answers to each event, and last the events that it passes over.
fn table() -> String {
    let mut table = String::new();
    for state in every_state() {
        let before = state.phase_name();
        writeln!(table, "{before} ({:?})", state.state()).unwrap();
        let mut passed_over = Vec::new();
        for (name, event) in every_event() {
            let mut job = state.clone();
            let effects: Vec<String> = job.on(event).iter().map(in_words).collect();
            let after = job.phase_name();
            if after == before && effects.is_empty() {
                passed_over.push(name);
                continue;
            }
            let after = if after == before { "=".to_owned() } else { after };
            writeln!(table, "  {name} -> {after}: {}", effects.join("; ")).unwrap();
        }
        writeln!(table, "  nothing: {}", passed_over.join(" · ")).unwrap();
    }
    table
}

#[test]
fn every_state_answers_every_event_as_reviewed() {
    // In a file of its own: it is long, and is read as a page.
    assert_snapshot!(table());
}

#[test]
fn a_job_without_trouble_succeeds() {
    let mut job = attempting_and([done(0), done(1)]);
    assert_eq!(job.state(), JobState::Running);
    job.on(ended(1, How::Clean));
    assert_eq!(job.state(), JobState::Succeeded);
}

#[test]
fn a_program_that_fails_after_its_last_part_costs_a_warning() {
    let mut job = attempting_and([done(0), done(1)]);
    let effects = job.on(ended(1, How::Failed));
    assert_eq!(job.state(), JobState::Succeeded);
    assert!(matches!(&effects[0], Effect::Persist(changes) if matches!(changes[1], Change::Warning { .. })));
}

#[test]
fn a_poison_part_is_quarantined_and_the_others_are_done_beside_it() {
    let mut job = attempting_and([]);
    // It dies over the first part without a word; the next program goes without that part and finishes the other.
    job.on(ended(1, How::Failed));
    job.on(Event::Rang(Alarm::Job { after: 1 }));
    assert_eq!(job.on(Event::Granted)[1], Effect::Start { attempt: 2, parts: vec![1] });
    job.on(Event::PartDone { attempt: 2, part: 1 });
    job.on(ended(2, How::Clean));
    for attempt in 3..5 {
        job.on(Event::Rang(Alarm::Part { part: 0, attempts: attempt - 2 }));
        job.on(Event::Granted);
        job.on(ended(attempt, How::Failed));
        job.on(Event::Rang(Alarm::Job { after: attempt }));
    }
    assert_eq!(job.state(), JobState::Quarantined);
}

#[test]
fn a_model_that_never_gets_anywhere_fails_the_job_after_three_attempts() {
    let mut job = attempting_and([]);
    for attempt in 1..4 {
        job.on(ended(attempt, How::Failed));
        job.on(Event::Rang(Alarm::Part { part: 0, attempts: 1 }));
        job.on(Event::Rang(Alarm::Job { after: attempt }));
        job.on(Event::Granted);
    }
    assert_eq!((job.state(), job.parts().count_of(PartState::Quarantined)), (JobState::Failed, 0));
}

#[test]
fn a_job_that_was_running_when_the_runtime_died_goes_on_with_what_is_left() {
    let part = |state, attempts| Part { state, attempts };
    let parts =
        Parts::restore([part(PartState::Done, 0), part(PartState::Resting, 2), part(PartState::Quarantined, 3)]);
    let mut job = Job::restore(Rules::default(), JobState::Running, parts, 4);
    job.on(Event::Begin);
    job.on(Event::Prepared { parts: 3 });
    assert_eq!(job.on(Event::Granted)[1], Effect::Start { attempt: 5, parts: vec![1] });
    job.on(Event::PartDone { attempt: 5, part: 1 });
    job.on(ended(5, How::Clean));
    assert_eq!(job.state(), JobState::Quarantined);
}

#[test]
fn a_job_whose_last_part_was_done_when_the_runtime_died_ends_without_another_program() {
    let parts = Parts::restore([Part { state: PartState::Done, attempts: 0 }]);
    let mut job = Job::restore(Rules::default(), JobState::Running, parts, 1);
    job.on(Event::Begin);
    job.on(Event::Prepared { parts: 1 });
    assert_eq!(job.state(), JobState::Succeeded);
}

#[test]
fn a_stop_that_was_asked_for_outlives_the_runtime() {
    let mut job = Job::restore(Rules::default(), JobState::Stopping, Parts::default(), 1);
    job.on(Event::Begin);
    assert_eq!(job.state(), JobState::Stopped);
}

/// Everything around a job, as made up as it can be: it answers what was asked for, in any order, and lies about the rest.
#[derive(Default)]
struct World {
    preparing: bool,
    asked: bool,
    leased: bool,
    program: Option<(u32, Vec<PartNumber>)>,
    /// The programs that have been asked to end, to terminate, or were killed.
    pushes: Vec<&'static str>,
    alarms: Vec<Alarm>,
    starts: usize,
}

impl World {
    /// Carries out effects, and checks that each makes sense.
    fn carry_out(&mut self, job: &Job, effects: Vec<Effect>) {
        for (nth, effect) in effects.into_iter().enumerate() {
            match effect {
                Effect::Persist(changes) => {
                    assert_eq!(nth, 0, "what is durable comes first");
                    let last = changes.iter().rev().find_map(|change| match change {
                        Change::State { state, .. } => Some(*state),
                        _ => None,
                    });
                    assert!(last.is_none_or(|last| last == job.state()), "stored {last:?}, and is {:?}", job.state());
                }
                Effect::Prepare => assert!(!std::mem::replace(&mut self.preparing, true)),
                Effect::CallOffPreparation => assert!(self.preparing),
                Effect::Acquire => assert!(!self.leased && !std::mem::replace(&mut self.asked, true)),
                Effect::Withdraw => assert!(std::mem::take(&mut self.asked)),
                Effect::Release => {
                    assert!(std::mem::take(&mut self.leased), "a lease is given back once");
                    assert!(self.program.is_none(), "the program has ended before");
                }
                Effect::Start { attempt, parts } => {
                    assert!(self.leased && !parts.is_empty());
                    assert!(self.program.replace((attempt, parts)).is_none(), "one program at a time");
                    self.pushes.clear();
                    self.starts += 1;
                }
                Effect::EndInput => self.push("end"),
                Effect::Terminate => self.push("terminate"),
                Effect::Kill => self.push("kill"),
                Effect::Alarm { alarm, after } => {
                    assert!(after > Duration::ZERO);
                    self.alarms.push(alarm);
                }
                Effect::ReleaseMedia => {
                    assert!(job.state().is_ended() && !self.preparing && self.program.is_none() && !self.asked);
                }
                Effect::Announce => {}
                Effect::Refuse(_) => {}
            }
        }
    }

    fn push(&mut self, push: &'static str) {
        assert!(self.program.is_some(), "{push} without a program");
        assert!(!self.pushes.contains(&push), "{push} twice");
        self.pushes.push(push);
    }

    /// The event that dice choose among what can happen now; `None` if nothing is under way.
    fn next(&mut self, dice: (u8, u8)) -> Option<Event> {
        let (which, detail) = (usize::from(dice.0), u32::from(dice.1));
        let mut can_happen: Vec<&str> = Vec::new();
        for (name, holds) in [
            ("prepared", self.preparing),
            ("granted", self.asked),
            ("alarm", !self.alarms.is_empty()),
            ("done", self.program.is_some()),
            ("failed", self.program.is_some()),
            ("ended", self.program.is_some()),
            ("misbehaved", self.program.is_some()),
        ] {
            if holds {
                can_happen.push(name);
            }
        }
        let name = *can_happen.get(which % can_happen.len().max(1))?;
        let program = self.program.clone();
        let part = |parts: &[PartNumber]| parts[usize::from(dice.1) % parts.len()];
        Some(match (name, program) {
            ("prepared", _) => {
                self.preparing = false;
                match detail {
                    0..5 => Event::NotPrepared { cause: "it has vanished".into() },
                    _ => Event::Prepared { parts: 4 },
                }
            }
            ("granted", _) => {
                self.asked = false;
                self.leased = true;
                Event::Granted
            }
            ("alarm", _) => Event::Rang(self.alarms.swap_remove(usize::from(dice.1) % self.alarms.len())),
            ("done", Some((attempt, parts))) => Event::PartDone { attempt, part: part(&parts) },
            ("failed", Some((attempt, parts))) => {
                Event::PartFailed { attempt, part: part(&parts), cause: "no picture".into() }
            }
            ("misbehaved", Some((attempt, parts))) => {
                Event::Misbehaved { attempt, at: Some(part(&parts)), cause: "it stalls".into() }
            }
            (_, Some((attempt, parts))) => {
                self.program = None;
                let how = [How::Clean, How::Failed, How::Failed][usize::from(dice.1) % 3];
                let at = (detail % 2 == 0).then(|| part(&parts));
                Event::AttemptEnded { attempt, ending: ending(how, at) }
            }
            (_, None) => return None,
        })
    }
}

/// Lets whatever is under way come to its end, and panics if it never does.
fn run_down(job: &mut Job, world: &mut World, mut dice: impl FnMut() -> (u8, u8)) {
    for _ in 0..20_000 {
        let Some(event) = world.next(dice()) else { return };
        let effects = job.on(event);
        world.carry_out(job, effects);
    }
    panic!("it never ends: {}", job.phase_name());
}

/// A plain generator of numbers, so that a failing case is named by its seed alone.
fn dice_from(seed: u64) -> impl FnMut() -> (u8, u8) {
    let mut state = seed | 1;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let [.., a, b, _, _] = state.to_le_bytes();
        (a, b)
    }
}

#[derive(Debug, Clone)]
enum Step {
    World(u8, u8),
    Command(Event),
}

fn any_step() -> impl Strategy<Value = Step> {
    let command = prop_oneof![
        Just(Event::Stop),
        Just(Event::Suspend),
        any::<bool>().prop_map(|failed_only| Event::Retry { failed_only }),
        Just(Event::Begin),
        // Late ones, of attempts long gone.
        Just(Event::PartDone { attempt: 0, part: 0 }),
        Just(ended(0, How::Failed)),
        Just(Event::Rang(Alarm::Grace { attempt: 0 })),
    ];
    prop_oneof![20 => any::<(u8, u8)>().prop_map(|(a, b)| Step::World(a, b)), 1 => command.prop_map(Step::Command)]
}

proptest! {
    #[test]
    fn a_job_left_alone_always_ends_with_every_part_accounted_for(seed: u64) {
        let (mut job, mut world) = (Job::new(Rules::default()), World::default());
        let effects = job.on(Event::Begin);
        world.carry_out(&job, effects);
        run_down(&mut job, &mut world, dice_from(seed));
        let (done, quarantined) =
            (job.parts().count_of(PartState::Done), job.parts().count_of(PartState::Quarantined));
        match job.state() {
            JobState::Succeeded => prop_assert_eq!((done, quarantined), (4, 0)),
            JobState::Quarantined => prop_assert!(done > 0 && quarantined > 0 && done + quarantined == 4),
            JobState::Failed => prop_assert!(done < 4),
            other => prop_assert!(false, "it has come to {:?}", other),
        }
        prop_assert!(!world.leased && !world.asked && !world.preparing && world.program.is_none());
        // Each failed attempt costs a part one of its three, or the job one of its three in a row.
        prop_assert!(world.starts <= 4 * 3 * 3 + 4, "{} starts", world.starts);
    }

    #[test]
    fn whatever_happens_effects_make_sense_and_a_stop_ends_the_job(
        steps in prop::collection::vec(any_step(), 0..200), seed: u64,
    ) {
        let (mut job, mut world) = (Job::new(Rules::default()), World::default());
        for step in steps {
            let event = match step {
                Step::World(a, b) => world.next((a, b)),
                Step::Command(event) => Some(event),
            };
            if let Some(event) = event {
                let effects = job.on(event);
                world.carry_out(&job, effects);
            }
        }
        let effects = job.on(Event::Stop);
        world.carry_out(&job, effects);
        let starts = world.starts;
        run_down(&mut job, &mut world, dice_from(seed));
        prop_assert!(job.state().is_ended(), "{}", job.phase_name());
        prop_assert!(!world.leased && !world.asked && !world.preparing && world.program.is_none());
        prop_assert_eq!(world.starts, starts, "nothing starts after a stop");
    }

    #[test]
    fn a_suspended_job_goes_on_in_the_next_runtime_as_if_nothing_had_been(
        before in prop::collection::vec(any::<(u8, u8)>(), 0..60), seed: u64,
    ) {
        let (mut job, mut world) = (Job::new(Rules::default()), World::default());
        let effects = job.on(Event::Begin);
        world.carry_out(&job, effects);
        for dice in before {
            let Some(event) = world.next(dice) else { break };
            let effects = job.on(event);
            world.carry_out(&job, effects);
        }
        let effects = job.on(Event::Suspend);
        world.carry_out(&job, effects);
        let mut dice = dice_from(seed);
        run_down(&mut job, &mut world, &mut dice);
        prop_assert!(job.is_at_rest() && !world.leased && world.program.is_none());
        if !job.state().is_ended() {
            let parts = Parts::restore((0..).map_while(|number| job.parts().get(number).cloned()));
            let mut next = Job::restore(Rules::default(), job.state(), parts, 100);
            let mut world = World::default();
            let effects = next.on(Event::Begin);
            world.carry_out(&next, effects);
            run_down(&mut next, &mut world, &mut dice);
            prop_assert!(next.state().is_ended());
            prop_assert!(next.parts().count_of(PartState::Done) >= job.parts().count_of(PartState::Done));
        }
    }
}
