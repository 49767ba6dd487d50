//! The engine: one task that owns all jobs that have not ended, puts what happens to them in order, and carries out what
//! the pure machine says.
//!
//! Programs, media and clocks are at work in tasks of their own, which send [`Message`]s. What a step changes is stored
//! before anything else of it is done, so whatever the engine has begun the store knows of.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tagger_store::{AttemptOutcome, Change, Counts, Job, JobId, Part, Store, StoreError, StreamName, Version};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, WeakUnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use super::announce::{Announcer, News};
use super::error::{ServiceError, told};
use super::tidying::Looks;
use super::totals::Totals;
use super::work::{Work, device_env, provenance, selected};
use crate::attempt::{Order, Patience};
use crate::config::Config;
use crate::executor::{Bounds, Executor, LogFile};
use crate::jobs::{self, Effect, Event, How, JobState, Refusal};
use crate::schedule::{Lease, Needs, Rank, Waiting, plan};
use crate::sources::{Held, Listed, Shelf, SourceError, Wanted};
use crate::{Containers, Model};

/// Milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// How long to wait before a store that refuses is asked again: a full disk, for the most part.
const STORE_REST: Duration = Duration::from_millis(500);
/// How often a store is asked again when the server is to end.
const STORE_TRIES_AT_END: u32 = 4;
/// How long to wait before parts are cut again that could not be written: a full disk, for the most part.
const CUT_REST: Duration = Duration::from_millis(500);
/// How often an engine that nobody wants anything of looks at the clock.
const LOOK_EVERY: Duration = Duration::from_secs(3600);

/// An answer to who asked.
pub(super) type Reply<T> = oneshot::Sender<Result<T, ServiceError>>;

/// What is sent to the engine.
pub(super) enum Message {
    /// A job that is to be done: new, or found in the store.
    Enter(Box<Entering>),
    /// Something has happened to a job.
    Event(JobId, Event),
    /// A job's media were looked into.
    Prepared(JobId, Result<(Listed, Held), SourceError>),
    /// A part is stored.
    Committed { job: JobId, attempt: u32, part: u32, counts: Counts },
    /// A job's row has changed.
    Row(Box<Job>),
    /// A program is being ended for what it did.
    Misbehaved(JobId, AttemptOutcome),
    /// Somebody wants a job to stop.
    Stop(JobId, Reply<()>),
    /// Somebody wants an ended job to be done again.
    Retry { entering: Box<Entering>, failed_only: bool, reply: Reply<()> },
    /// Somebody wants to remove a job. Answered with whether the engine has it.
    Holds(JobId, oneshot::Sender<bool>),
    /// Let running jobs end, and begin no others; answered when all is at rest.
    Quiesce(oneshot::Sender<()>),
    /// End all programs in order; answered when all is at rest.
    Drain(oneshot::Sender<()>),
}

/// A job as it comes to the engine.
pub(super) struct Entering {
    pub row: Job,
    pub version: Version,
    /// What becomes of its parts; none that are listed yet.
    pub parts: jobs::Parts,
    /// The stream's parts, where they are listed.
    pub listed: Option<(StreamName, Vec<Part>)>,
    /// The model, or why it cannot be had.
    pub model: Result<Model, String>,
    pub needs: Needs,
    /// Keeps part files that are there already.
    pub held: Option<Held>,
}

/// Everything the engine works with.
pub(super) struct Context {
    pub config: Config,
    pub store: Arc<dyn Store>,
    pub executor: Arc<dyn Executor>,
    pub containers: Containers,
    pub clock: Clock,
    pub shelf: Shelf,
    pub announcer: Arc<Announcer>,
    pub totals: Totals,
}

/// A job that has not ended.
struct Slot {
    machine: jobs::Job,
    row: Job,
    version: Version,
    model: Result<Arc<Model>, String>,
    needs: Needs,
    sequence: u64,
    listed: Option<(StreamName, Arc<Vec<Part>>)>,
    held: Option<Held>,
    call_off: CancellationToken,
    /// The way to its program, while one runs.
    orders: Option<UnboundedSender<Order>>,
    /// How many parts its program was given.
    given: u32,
    /// How many parts were done before.
    done_before: usize,
    /// What its program did for which it has to end.
    misdeed: Option<AttemptOutcome>,
}

/// Owns the jobs.
pub(super) struct Engine {
    context: Arc<Context>,
    /// The way to ourselves, for what is at work elsewhere. Weak, so that the engine ends with its last user.
    sender: WeakUnboundedSender<Message>,
    messages: UnboundedReceiver<Message>,
    /// What came while the store refused, in order.
    put_off: VecDeque<Message>,
    /// Who waits for the stop that is being stored.
    asks_to_stop: Option<(JobId, Reply<()>)>,
    slots: BTreeMap<JobId, Slot>,
    leases: Vec<Lease<JobId>>,
    waiting: Vec<Waiting<JobId>>,
    /// Steps that are still to be made, in order.
    events: VecDeque<(JobId, Event)>,
    sequence: u64,
    is_quiescing: bool,
    is_draining: bool,
    when_at_rest: Vec<oneshot::Sender<()>>,
    /// When replaced batches are looked through.
    looks: Looks,
}

impl Engine {
    /// Starts an engine, which lives until the last sender is gone.
    pub fn start(context: Arc<Context>) -> UnboundedSender<Message> {
        let (sender, messages) = unbounded_channel();
        let engine = Self {
            looks: Looks::over(&context.config.data),
            context,
            sender: sender.downgrade(),
            messages,
            put_off: VecDeque::new(),
            asks_to_stop: None,
            slots: BTreeMap::new(),
            leases: Vec::new(),
            waiting: Vec::new(),
            events: VecDeque::new(),
            sequence: 0,
            is_quiescing: false,
            is_draining: false,
            when_at_rest: Vec::new(),
        };
        tokio::spawn(engine.run());
        sender
    }

    async fn run(mut self) {
        self.tidy().await;
        loop {
            let message = match self.put_off.pop_front() {
                Some(message) => message,
                None => tokio::select! {
                    message = self.messages.recv() => match message {
                        Some(message) => message,
                        None => break,
                    },
                    () = sleep(LOOK_EVERY) => {
                        self.tidy().await;
                        continue;
                    }
                },
            };
            self.take(message).await;
            self.settle().await;
            self.context.totals.lend(&self.leases);
            self.tidy().await;
            if !self.slots.is_empty() {
                continue;
            }
            if self.is_draining {
                break;
            }
            if self.is_quiescing {
                self.when_at_rest.drain(..).for_each(answer);
            }
        }
        let waiting = std::mem::take(&mut self.when_at_rest);
        // Who is told that all is at rest may open the store for himself.
        drop(self);
        waiting.into_iter().for_each(answer);
    }

    /// Once a day gives up batches that were replaced long ago.
    async fn tidy(&mut self) {
        let now_ms = (self.context.clock)();
        if self.is_draining || !self.looks.is_due(now_ms, !self.leases.is_empty()) {
            return;
        }
        let (agreed_ms, written) = self.looks.look(now_ms);
        if let Err(error) = written {
            self.trouble(format!("cannot write into the data folder: {error}"));
        }
        let Some(agreed_ms) = agreed_ms else { return };
        match self.context.store.prune(self.context.config.store.keeps_since_ms(agreed_ms)).await {
            Ok(0) => {}
            Ok(batches) => self.context.announcer.announce(News::Pruned { batches }),
            Err(error) => self.trouble(format!("replaced batches stay: {}", told(&error))),
        }
    }

    /// Makes all steps that are to be made, and gives the machine to those who wait for it.
    async fn settle(&mut self) {
        loop {
            while let Some((job, event)) = self.events.pop_front() {
                self.step(&job, event).await;
            }
            let begun = plan(&self.context.config.machine, &self.leases, &self.waiting);
            if begun.is_empty() {
                // Who has to wait for the machine may not use it meanwhile.
                self.waiting.iter().for_each(|waiting| self.context.containers.let_go(waiting.id.as_ref()));
                return;
            }
            for lease in begun {
                self.waiting.retain(|waiting| waiting.id != lease.request.id);
                self.events.push_back((lease.request.id.clone(), Event::Granted));
                self.leases.push(lease);
            }
        }
    }

    async fn take(&mut self, message: Message) {
        match message {
            Message::Enter(entering) => {
                let job = self.enter(*entering);
                self.events.push_back((job.clone(), Event::Begin));
                if self.is_quiescing || self.is_draining {
                    self.events.push_back((job, Event::Suspend));
                }
            }
            Message::Event(job, event) => self.events.push_back((job, event)),
            Message::Prepared(job, result) => self.prepared(job, result).await,
            Message::Committed { job, attempt, part, counts } => {
                if let Some(slot) = self.slots.get_mut(&job) {
                    slot.row.counts = counts;
                }
                self.events.push_back((job, Event::PartDone { attempt, part }));
            }
            Message::Row(row) => {
                if let Some(slot) = self.slots.get_mut(&row.id) {
                    slot.row = *row;
                    self.context.announcer.announce(News::Job(Arc::new(slot.row.clone())));
                }
            }
            Message::Misbehaved(job, outcome) => {
                if let Some(slot) = self.slots.get_mut(&job) {
                    slot.misdeed = Some(outcome);
                }
            }
            Message::Stop(job, reply) => {
                self.asks_to_stop = Some((job.clone(), reply));
                // A job that has ended needs no stopping.
                if self.slots.contains_key(&job) {
                    self.step(&job, Event::Stop).await;
                }
                if let Some((_, reply)) = self.asks_to_stop.take() {
                    let _ = reply.send(Ok(()));
                }
            }
            Message::Retry { entering, failed_only, reply } => self.retry(*entering, failed_only, reply).await,
            Message::Holds(job, reply) => {
                let _ = reply.send(self.slots.contains_key(&job));
            }
            Message::Quiesce(reply) => {
                self.is_quiescing = true;
                self.when_at_rest.push(reply);
                for (job, slot) in &self.slots {
                    if slot.machine.state() == JobState::Queued {
                        self.events.push_back((job.clone(), Event::Suspend));
                    }
                }
            }
            Message::Drain(reply) => {
                self.is_draining = true;
                self.when_at_rest.push(reply);
                self.events.extend(self.slots.keys().map(|job| (job.clone(), Event::Suspend)));
            }
        }
    }

    fn enter(&mut self, entering: Entering) -> JobId {
        let Entering { row, version, parts, listed, model, needs, held } = entering;
        let job = row.id.clone();
        self.sequence += 1;
        let machine = jobs::Job::restore(self.context.config.rules, state_of(row.state), parts, row.attempts);
        let slot = Slot {
            machine,
            row,
            version,
            model: model.map(Arc::new),
            needs,
            sequence: self.sequence,
            listed: listed.map(|(stream, parts)| (stream, Arc::new(parts))),
            held,
            call_off: CancellationToken::new(),
            orders: None,
            given: 0,
            done_before: 0,
            misdeed: None,
        };
        self.slots.insert(job.clone(), slot);
        job
    }

    async fn retry(&mut self, entering: Entering, failed_only: bool, reply: Reply<()>) {
        let job = entering.row.id.clone();
        if self.slots.contains_key(&job) {
            let _ = reply.send(Err(Refusal::NotEnded.into()));
            return;
        }
        if self.is_quiescing || self.is_draining {
            let _ = reply.send(Err(Refusal::ShuttingDown.into()));
            return;
        }
        self.enter(entering);
        let refusal = self.step(&job, Event::Retry { failed_only }).await;
        let _ = reply.send(refusal.map_or(Ok(()), |refusal| Err(refusal.into())));
    }

    /// Enters a job's parts, once its media were looked into.
    async fn prepared(&mut self, job: JobId, result: Result<(Listed, Held), SourceError>) {
        let Some(slot) = self.slots.get(&job) else { return };
        let event = match result {
            Err(error) => Event::NotPrepared { cause: told(&error) },
            Ok((listed, held)) => {
                let parts = u32::try_from(listed.parts.len()).unwrap_or(u32::MAX);
                let provenance = match &slot.model {
                    Ok(model) => {
                        let seconds = self.context.config.parts.length.as_secs_f64();
                        provenance(model, &slot.row.model_digest, &slot.row.params, &listed, seconds)
                    }
                    Err(_) => serde_json::Value::Null,
                };
                let change = Change::Prepared {
                    stream: listed.stream.clone(),
                    parts: listed.parts.clone(),
                    provenance,
                    at_ms: (self.context.clock)(),
                };
                let warned = listed.is_silent.map(|last| Change::Warned { count: 1, last });
                match self.persist(&job, [change].into_iter().chain(warned).collect()).await {
                    Err(error) => Event::NotPrepared { cause: told(&error) },
                    Ok(()) => {
                        if let Some(slot) = self.slots.get_mut(&job) {
                            slot.listed = Some((listed.stream.name, Arc::new(listed.parts)));
                            slot.held = Some(held);
                        }
                        Event::Prepared { parts }
                    }
                }
            }
        };
        self.events.push_back((job, event));
    }

    /// Makes one step of a job and carries out what it asks for. Gives the refusal, if it is one.
    async fn step(&mut self, job: &JobId, event: Event) -> Option<Refusal> {
        let slot = self.slots.get_mut(job)?;
        let attempt_ended = match &event {
            Event::AttemptEnded { attempt, .. } => Some(*attempt),
            _ => None,
        };
        let is_granted = event == Event::Granted;
        let effects = slot.machine.on(event);
        if attempt_ended.is_some() {
            slot.orders = None;
        }
        let mut refusal = None;
        let given = effects.iter().find_map(|effect| match effect {
            Effect::Start { parts, .. } => Some(parts.len()),
            _ => None,
        });
        if let Some(given) = given {
            slot.given = u32::try_from(given).unwrap_or(u32::MAX);
            slot.done_before = slot.machine.parts().count_of(jobs::PartState::Done);
        }
        for effect in effects {
            match effect {
                Effect::Persist(changes) => {
                    let changes = self.store_changes(job, changes);
                    if let Err(error) = self.persist(job, changes).await {
                        self.trouble(format!("job `{job}`: {}", told(&error)));
                    }
                }
                Effect::Refuse(why) => refusal = Some(why),
                other => self.carry_out(job, other),
            }
        }
        let slot = self.slots.get(job)?;
        if slot.machine.is_at_rest() {
            // A lease that was granted too late, or is out still, is nobody's now.
            if is_granted || attempt_ended.is_some() {
                self.leases.retain(|lease| lease.request.id != *job);
            }
            self.waiting.retain(|waiting| waiting.id != *job);
            self.context.containers.let_go(job.as_ref());
            let is_ended = slot.machine.state().is_ended();
            if let Some(held) = self.slots.remove(job).and_then(|slot| slot.held)
                && !is_ended
            {
                held.leave();
            }
        }
        refusal
    }

    fn carry_out(&mut self, job: &JobId, effect: Effect) {
        let Some(slot) = self.slots.get_mut(job) else { return };
        let send_order = |slot: &Slot, order| {
            if let Some(orders) = &slot.orders {
                // A program that has ended by itself needs no orders.
                let _ = orders.send(order);
            }
        };
        match effect {
            Effect::Prepare => self.prepare(job),
            Effect::CallOffPreparation => slot.call_off.cancel(),
            Effect::Acquire => {
                let rank = Rank { priority: slot.row.priority, sequence: slot.sequence };
                let (model, needs) = (slot.row.model.clone(), slot.needs.clone());
                // The configuration may have changed since it was submitted.
                match self.context.config.machine.check(&needs) {
                    Ok(()) => self.waiting.push(Waiting { id: job.clone(), rank, model, needs }),
                    Err(error) => {
                        let cause = error.to_string();
                        self.events.push_back((job.clone(), Event::Refused { cause }));
                    }
                }
            }
            Effect::Withdraw => self.waiting.retain(|waiting| waiting.id != *job),
            Effect::Release => self.leases.retain(|lease| lease.request.id != *job),
            Effect::Start { attempt, parts } => self.start_attempt(job, attempt, &parts),
            Effect::EndInput => send_order(slot, Order::EndInput),
            Effect::Terminate => send_order(slot, Order::Terminate),
            Effect::Kill => send_order(slot, Order::Kill),
            Effect::Alarm { alarm, after } => {
                let (sender, job) = (self.sender.clone(), job.clone());
                tokio::spawn(async move {
                    sleep(after).await;
                    if let Some(sender) = sender.upgrade() {
                        // An engine that has gone needs no alarms.
                        let _ = sender.send(Message::Event(job, Event::Rang(alarm)));
                    }
                });
            }
            Effect::ReleaseMedia => slot.held = None,
            Effect::Announce => self.context.announcer.announce(News::Job(Arc::new(slot.row.clone()))),
            // Carried out by the step itself.
            Effect::Persist(_) | Effect::Refuse(_) => {}
        }
    }

    /// Begins to look into a job's media.
    fn prepare(&mut self, job: &JobId) {
        let Some(slot) = self.slots.get_mut(job) else { return };
        slot.call_off = CancellationToken::new();
        let model = match &slot.model {
            Ok(model) => model.clone(),
            Err(cause) => {
                let cause = cause.clone();
                self.events.push_back((job.clone(), Event::NotPrepared { cause }));
                return;
            }
        };
        let wanted = Wanted {
            source: PathBuf::from(&slot.version.source),
            fingerprint: slot.version.fingerprint,
            version: slot.version.id,
            kind: model.kind(),
            known: slot.listed.as_ref().map(|(stream, parts)| (*stream, parts.to_vec())),
        };
        // Without users nobody waits for it.
        let Some(sender) = self.sender.upgrade() else { return };
        let (shelf, call_off, announcer) =
            (self.context.shelf.clone(), slot.call_off.clone(), self.context.announcer.clone());
        let job = job.clone();
        tokio::spawn(async move {
            let mut was_told = false;
            let result = loop {
                match shelf.prepare(wanted.clone(), &call_off).await {
                    Err(error @ SourceError::Unwritable { .. }) if !call_off.is_cancelled() => {
                        if !std::mem::replace(&mut was_told, true) {
                            announcer.announce(News::Trouble(format!("job `{job}` waits: {}", told(&error)).into()));
                        }
                        tokio::select! {
                            () = sleep(CUT_REST) => {}
                            () = call_off.cancelled() => break Err(SourceError::CalledOff),
                        }
                    }
                    result => break result,
                }
            };
            let _ = sender.send(Message::Prepared(job, result));
        });
    }

    fn start_attempt(&mut self, job: &JobId, attempt: u32, numbers: &[u32]) {
        let config = &self.context.config;
        let lease = self.leases.iter().find(|lease| lease.request.id == *job);
        let gpus: Vec<&str> =
            lease.into_iter().flat_map(|lease| &lease.gpus).map(|gpu| config.machine.gpus[*gpu].as_str()).collect();
        let env = if config.machine.gpus.is_empty() { Vec::new() } else { device_env(&gpus) };
        let Some(slot) = self.slots.get_mut(job) else { return };
        // Whoever starts was prepared, which needs a model.
        let (Ok(model), Some((stream, parts))) = (&slot.model, &slot.listed) else { return };
        let Some(engine) = self.sender.upgrade() else { return };
        let parts: Vec<(Part, PathBuf)> = selected(parts, numbers)
            .into_iter()
            .map(|part| (part.clone(), self.context.shelf.path_of(&part)))
            .collect();
        let is_source = parts.iter().any(|(part, _)| part.is_source);
        let silence = model.manifest.as_ref().and_then(|manifest| manifest.progress_timeout_seconds);
        let timeout = config.progress_timeout(&model.name, silence);
        let limits = Bounds::of(Some(&config.resources(&model.name, &slot.row.resources)));
        let (orders, orders_receiver) = unbounded_channel();
        let work = Work {
            job: job.clone(),
            attempt,
            model: model.clone(),
            params: slot.row.params.clone(),
            stream: *stream,
            parts,
            source: is_source.then(|| (PathBuf::from(&slot.version.source), slot.version.fingerprint)),
            content: slot.row.content.to_string(),
            env: if model.image.is_some() { Vec::new() } else { env },
            devices: gpus.iter().map(|gpu| config.containers.device(gpu)).collect(),
            limits: Bounds { output_bytes: config.limits.output_bytes, ..limits },
            folder: work_folder(config).join(format!("{job}-{attempt}")),
            log: LogFile { path: config.data.join(log_name(job, attempt)), max_bytes: config.limits.log_bytes },
            patience: Patience {
                input: timeout,
                progress: Some(timeout),
                output_bytes: Some(config.limits.output_bytes),
            },
            max_tags: config.limits.tags_per_part,
            context: self.context.clone(),
            engine,
        };
        slot.orders = Some(orders);
        slot.misdeed = None;
        tokio::spawn(work.carry_out(orders_receiver));
    }

    /// The changes of a step as the store takes them.
    fn store_changes(&self, job: &JobId, changes: Vec<jobs::Change>) -> Vec<Change> {
        let at_ms = (self.context.clock)();
        let Some(slot) = self.slots.get(job) else { return Vec::new() };
        let is_stopping =
            changes.iter().any(|change| matches!(change, jobs::Change::State { state: JobState::Stopped, .. }));
        let mut stored = Vec::new();
        for change in changes {
            match change {
                jobs::Change::State { state, cause } => {
                    stored.push(Change::State { state: stored_state(state), cause, at_ms })
                }
                jobs::Change::AttemptStarted { attempt } => stored.push(Change::AttemptStarted {
                    number: attempt,
                    parts: slot.given,
                    log: Some(log_name(job, attempt)),
                    at_ms,
                }),
                jobs::Change::AttemptEnded { attempt, how, cause } => {
                    let done = slot.machine.parts().count_of(jobs::PartState::Done) - slot.done_before;
                    let is_through = done == slot.given as usize;
                    let outcome = match how {
                        _ if is_through => AttemptOutcome::Finished,
                        How::CutShort if is_stopping => AttemptOutcome::Stopped,
                        How::CutShort => AttemptOutcome::Interrupted,
                        How::Clean | How::Failed => slot.misdeed.unwrap_or(AttemptOutcome::Failed),
                    };
                    self.context.totals.attempt(outcome);
                    let cause = Some(cause).filter(|_| outcome != AttemptOutcome::Finished);
                    let is_counted = how != How::CutShort;
                    stored.push(Change::AttemptEnded { number: attempt, outcome, cause, is_counted, at_ms });
                }
                jobs::Change::PartFailed { part, attempts, cause, rest } => stored.push(match rest {
                    Some(rest) => {
                        let rest_ms = i64::try_from(rest.as_millis()).unwrap_or(i64::MAX);
                        let not_before_ms = Some(at_ms.saturating_add(rest_ms));
                        Change::PartWaits { number: part, attempts, cause: Some(cause), not_before_ms }
                    }
                    None => Change::PartQuarantined { number: part, attempts, cause },
                }),
                jobs::Change::Warning { message } => stored.push(Change::Warned { count: 1, last: message }),
                jobs::Change::StartedOver { failed_only: true } => {
                    let parts = slot.machine.parts();
                    let count = u32::try_from(parts.count()).unwrap_or(u32::MAX);
                    let waits = (0..count)
                        .filter(|number| parts.get(*number).is_some_and(|part| part.state != jobs::PartState::Done));
                    stored.extend(waits.map(|number| Change::PartWaits {
                        number,
                        attempts: 0,
                        cause: None,
                        not_before_ms: None,
                    }));
                }
                jobs::Change::StartedOver { failed_only: false } => {
                    stored.push(Change::Redo { fingerprint: slot.version.fingerprint, at_ms });
                }
            }
        }
        stored
    }

    /// Stores changes; a store that has trouble is asked until it is over it.
    async fn persist(&mut self, job: &JobId, changes: Vec<Change>) -> Result<(), StoreError> {
        let mut tries = 0;
        loop {
            match self.context.store.apply(job, changes.clone()).await {
                Ok(row) => {
                    if let Some(slot) = self.slots.get_mut(job) {
                        // Media that are tagged anew as they are now are another version.
                        slot.version.id = row.version;
                        slot.row = row;
                    }
                    return Ok(());
                }
                Err(error) if error.is_transient() && !(self.is_draining && tries >= STORE_TRIES_AT_END) => {
                    if tries == 0 {
                        self.trouble(format!("job `{job}` waits for the store: {}", told(&error)));
                    }
                    if let Some((job, reply)) = self.asks_to_stop.take() {
                        self.stop_unstored(&job, reply, &error);
                    }
                    tries += 1;
                    self.rest(&error).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits before the store is asked again. Whoever wants programs to end does not wait for the store; everything else
    /// is put off.
    async fn rest(&mut self, trouble: &StoreError) {
        let until = Instant::now() + STORE_REST;
        loop {
            match timeout_at(until, self.messages.recv()).await {
                Ok(Some(Message::Stop(job, reply))) => {
                    self.stop_unstored(&job, reply, trouble);
                    // Stored as soon as it can be; whoever asked has his answer.
                    self.put_off.push_back(Message::Stop(job, oneshot::channel().0));
                }
                Ok(Some(message @ Message::Drain(_))) => {
                    self.is_draining = true;
                    self.slots.values().for_each(|slot| self.end_now(slot));
                    self.put_off.push_back(message);
                }
                Ok(Some(message)) => self.put_off.push_back(message),
                // Without users nothing more comes.
                Ok(None) => {
                    self.is_draining = true;
                    return tokio::time::sleep_until(until).await;
                }
                Err(_) => return,
            }
        }
    }

    /// Ends the program of a job that is to stop though this cannot be stored, and says so.
    fn stop_unstored(&self, job: &JobId, reply: Reply<()>, trouble: &StoreError) {
        let Some(slot) = self.slots.get(job) else {
            let _ = reply.send(Ok(()));
            return;
        };
        self.end_now(slot);
        let message = format!(
            "the program of job `{job}` is being ended, and the job is stopped as soon as that can be stored; not yet: {}",
            told(trouble)
        );
        let code = ServiceError::from(trouble).code;
        let _ = reply.send(Err(ServiceError::new(code, None, message)));
    }

    /// Ends a job's program in order, past its machine.
    fn end_now(&self, slot: &Slot) {
        let Some(orders) = slot.orders.clone() else { return };
        let rules = self.context.config.rules;
        tokio::spawn(async move {
            for (order, grace) in [
                (Order::EndInput, rules.input_grace),
                (Order::Terminate, rules.terminate_grace),
                (Order::Kill, Duration::ZERO),
            ] {
                // A program that has ended by itself needs no orders.
                if orders.send(order).is_err() {
                    return;
                }
                sleep(grace).await;
            }
        });
    }

    fn trouble(&self, message: String) {
        self.context.announcer.announce(News::Trouble(message.into()));
    }
}

/// Tells somebody that all is at rest. Who has stopped waiting needs no answer.
fn answer(waiting: oneshot::Sender<()>) {
    let _ = waiting.send(());
}

/// The folder for the output of running programs.
pub(super) fn work_folder(config: &Config) -> PathBuf {
    config.data.join("work")
}

/// The path of an attempt's log, told from the data folder.
pub(super) fn log_name(job: &JobId, attempt: u32) -> String {
    format!("logs/{job}/{attempt}.log")
}

fn state_of(state: tagger_store::JobState) -> JobState {
    use tagger_store::JobState as S;
    match state {
        S::Queued => JobState::Queued,
        S::Running => JobState::Running,
        S::Stopping => JobState::Stopping,
        S::Succeeded => JobState::Succeeded,
        S::Quarantined => JobState::Quarantined,
        S::Failed => JobState::Failed,
        S::Stopped => JobState::Stopped,
    }
}

fn stored_state(state: JobState) -> tagger_store::JobState {
    use tagger_store::JobState as S;
    match state {
        JobState::Queued => S::Queued,
        JobState::Running => S::Running,
        JobState::Stopping => S::Stopping,
        JobState::Succeeded => S::Succeeded,
        JobState::Quarantined => S::Quarantined,
        JobState::Failed => S::Failed,
        JobState::Stopped => S::Stopped,
    }
}

impl From<oneshot::error::RecvError> for ServiceError {
    fn from(_: oneshot::error::RecvError) -> Self {
        Self::closed()
    }
}
