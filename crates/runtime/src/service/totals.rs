//! What a service has done since it was started, and what of the machine is lent: for whoever watches over it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use tagger_store::{AttemptOutcome, JobId};

use crate::config::Config;
use crate::schedule::{Amount, Lease, Machine};

/// Counts, by whoever does what is counted.
#[derive(Debug, Default)]
pub(super) struct Totals {
    tags: AtomicU64,
    parts: AtomicU64,
    attempts: Mutex<BTreeMap<&'static str, u64>>,
    lent: Mutex<BTreeMap<String, f64>>,
}

/// What was counted.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Totalled {
    /// Tags stored.
    pub tags: u64,
    /// Parts done.
    pub parts: u64,
    /// Attempts that have ended, by how; every way is there.
    pub attempts: BTreeMap<&'static str, u64>,
    /// The machine's resources by name, `gpu` among them.
    pub resources: BTreeMap<String, Lent>,
}

/// A resource.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Lent {
    /// How much programs hold that run now.
    pub lent: f64,
    /// How much there is.
    pub total: f64,
}

impl Totals {
    /// A part is done, with so many tags.
    pub fn part(&self, tags: u64) {
        self.tags.fetch_add(tags, Ordering::Relaxed);
        self.parts.fetch_add(1, Ordering::Relaxed);
    }

    /// An attempt has ended.
    pub fn attempt(&self, outcome: AttemptOutcome) {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        *attempts.entry(name(outcome)).or_default() += 1;
    }

    /// These leases are out now.
    pub fn lend(&self, leases: &[Lease<JobId>]) {
        let mut lent: BTreeMap<String, Amount> = BTreeMap::new();
        let mut gpus = 0;
        for lease in leases {
            for (name, amount) in &lease.request.needs.amounts {
                let sum = lent.entry(name.clone()).or_default();
                *sum = sum.plus(*amount);
            }
            gpus += lease.gpus.len();
        }
        let units = lent.into_iter().map(|(name, amount)| (name, amount.units()));
        *self.lent.lock().unwrap_or_else(PoisonError::into_inner) =
            units.chain([("gpu".to_owned(), gpus as f64)]).collect();
    }

    pub fn read(&self, config: &Config) -> Totalled {
        let counted = self.attempts.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let attempts = OUTCOMES.map(name).map(|name| (name, counted.get(name).copied().unwrap_or(0)));
        let lent = self.lent.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Machine { amounts, gpus, .. } = &config.machine;
        let amounts = amounts.iter().map(|(name, amount)| (name.clone(), amount.units()));
        let all = amounts.chain([("gpu".to_owned(), gpus.len() as f64)]);
        let resources = all.map(|(name, total)| {
            let lent = lent.get(&name).copied().unwrap_or(0.0);
            (name, Lent { lent, total })
        });
        Totalled {
            tags: self.tags.load(Ordering::Relaxed),
            parts: self.parts.load(Ordering::Relaxed),
            attempts: attempts.into_iter().collect(),
            resources: resources.collect(),
        }
    }
}

const OUTCOMES: [AttemptOutcome; 6] = [
    AttemptOutcome::Finished,
    AttemptOutcome::Failed,
    AttemptOutcome::Stalled,
    AttemptOutcome::Flooded,
    AttemptOutcome::Stopped,
    AttemptOutcome::Interrupted,
];

fn name(outcome: AttemptOutcome) -> &'static str {
    match outcome {
        AttemptOutcome::Finished => "finished",
        AttemptOutcome::Failed => "failed",
        AttemptOutcome::Stalled => "stalled",
        AttemptOutcome::Flooded => "flooded",
        AttemptOutcome::Stopped => "stopped",
        AttemptOutcome::Interrupted => "interrupted",
    }
}
