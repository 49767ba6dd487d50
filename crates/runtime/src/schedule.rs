//! Says which waiting jobs may begin now, and with which GPUs.
//!
//! [`plan`] is a function of the machine, the leases that are out and the requests that wait; nothing in here knows a
//! process or a clock. Its rules:
//!
//! - A higher priority goes first, and within one who came first.
//! - What fits begins. The first request that does not fit is the *head*, and is not overtaken for ever: it reserves what
//!   it needs. One that comes after it begins only if head, newcomer and everything that runs and comes after the head
//!   fit the machine together. So the head waits for no more than leases that rank before it or were out when it came.
//! - How long a program runs is not known, so nothing is promised to begin "in time" before the head.
//! - A request that only waits for its model's limit reserves nothing: others may use the machine meanwhile.
//! - A GPU is lent whole, to one lease at a time.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;

/// The resource whose units are devices.
const GPU: &str = "gpu";

/// An amount of a resource, exact to a thousandth, so that sums have no rounding in them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(u64);

impl Amount {
    /// The amount nearest to `units`. `None` if that is negative, no number, or more than 10¹⁶.
    pub fn from_units(units: f64) -> Option<Self> {
        // Any larger, and doubles no longer tell thousandths apart from nothing.
        (0.0..=1e16).contains(&units).then_some(Self((units * 1000.0).round() as u64))
    }

    /// The sum; the largest amount for what is beyond it.
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// In units.
    pub fn units(self) -> f64 {
        self.0 as f64 / 1000.0
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.units().fmt(f)
    }
}

/// What a lease takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// Amounts of named resources, without GPUs.
    pub amounts: BTreeMap<String, Amount>,
    /// How many GPUs.
    pub gpus: usize,
}

/// What there is to lend.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// Amounts of named resources, without GPUs. What is not named is not there.
    pub amounts: BTreeMap<String, Amount>,
    /// GPUs by the names they are handed to programs with.
    pub gpus: Vec<String>,
    /// How many leases a model may have at once, by model. Default: as many as fit.
    pub model_limits: BTreeMap<String, usize>,
}

/// Why needs can never be met.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NeedsError {
    /// An amount that is none.
    #[error("resource `{resource}` is {amount}: a number from 0 is needed")]
    NotAnAmount {
        /// The resource.
        resource: String,
        /// What was asked for.
        amount: f64,
    },
    /// A piece of a GPU.
    #[error("resource `gpu` is {amount}: GPUs are lent whole")]
    FractionOfGpu {
        /// What was asked for.
        amount: f64,
    },
    /// More than there is.
    #[error("it needs {needed} of resource `{resource}`, and this machine has {available}")]
    BeyondMachine {
        /// The resource.
        resource: String,
        /// What it needs.
        needed: Amount,
        /// What there is in all.
        available: Amount,
    },
}

/// Who goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rank {
    /// Higher goes first. Default: 0.
    pub priority: i32,
    /// Lower goes first: the order of submission.
    pub sequence: u64,
}

impl Rank {
    fn key(self) -> (Reverse<i32>, u64) {
        (Reverse(self.priority), self.sequence)
    }

    fn is_after(self, other: Self) -> bool {
        self.key() > other.key()
    }
}

/// A request for a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting<K> {
    /// Whose it is.
    pub id: K,
    /// Who goes first.
    pub rank: Rank,
    /// The model that is to run.
    pub model: String,
    /// What it takes.
    pub needs: Needs,
}

/// A part of the machine that is lent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease<K> {
    /// To whom and for what.
    pub request: Waiting<K>,
    /// Its GPUs, by their places in [`Machine::gpus`], in order.
    pub gpus: Vec<usize>,
}

impl Needs {
    /// Needs as a manifest states them: numbers by name.
    ///
    /// # Errors
    /// [`NeedsError`] for a number that is no amount, or a piece of a GPU.
    pub fn from_resources(resources: &BTreeMap<String, f64>) -> Result<Self, NeedsError> {
        let mut needs = Self::default();
        for (resource, &amount) in resources {
            if resource == GPU {
                if !(0.0..=1e6).contains(&amount) || amount.fract() != 0.0 {
                    return Err(NeedsError::FractionOfGpu { amount });
                }
                needs.gpus = amount as usize;
                continue;
            }
            let wrong = || NeedsError::NotAnAmount { resource: resource.clone(), amount };
            needs.amounts.insert(resource.clone(), Amount::from_units(amount).ok_or_else(wrong)?);
        }
        Ok(needs)
    }

    fn amount(&self, resource: &str) -> u64 {
        self.amounts.get(resource).map_or(0, |amount| amount.0)
    }
}

impl Machine {
    /// Checks that the whole machine, with nothing else on it, would do.
    ///
    /// # Errors
    /// [`NeedsError::BeyondMachine`] with the first resource that would not.
    pub fn check(&self, needs: &Needs) -> Result<(), NeedsError> {
        let gpus = |count: usize| Amount(count as u64 * 1000);
        let wanted = needs.amounts.iter().map(|(resource, needed)| {
            (resource.as_str(), *needed, self.amounts.get(resource).copied().unwrap_or_default())
        });
        for (resource, needed, available) in wanted.chain([(GPU, gpus(needs.gpus), gpus(self.gpus.len()))]) {
            if needed > available {
                return Err(NeedsError::BeyondMachine { resource: resource.into(), needed, available });
            }
        }
        Ok(())
    }

    /// Whether `needs` fit beside what `taken` sums up.
    fn fits(&self, taken: &Sum, needs: &Needs) -> bool {
        needs.gpus + taken.gpus <= self.gpus.len()
            && needs.amounts.iter().all(|(resource, needed)| {
                let available = self.amounts.get(resource).map_or(0, |amount| amount.0);
                needed.0 == 0 || needed.0 + taken.amounts.get(resource.as_str()).copied().unwrap_or(0) <= available
            })
    }
}

/// What several leases take together.
#[derive(Debug, Clone, Default)]
struct Sum<'a> {
    amounts: BTreeMap<&'a str, u64>,
    gpus: usize,
}

impl<'a> Sum<'a> {
    fn of(needs: impl IntoIterator<Item = &'a Needs>) -> Self {
        let mut sum = Self::default();
        needs.into_iter().for_each(|needs| sum.add(needs));
        sum
    }

    fn add(&mut self, needs: &'a Needs) {
        self.gpus += needs.gpus;
        for resource in needs.amounts.keys() {
            *self.amounts.entry(resource).or_default() += needs.amount(resource);
        }
    }
}

/// Says which of `waiting` may begin beside `leases`, in order, each with its GPUs.
///
/// Requests that the machine could never meet are passed over: see [`Machine::check`].
pub fn plan<K: Clone>(machine: &Machine, leases: &[Lease<K>], waiting: &[Waiting<K>]) -> Vec<Lease<K>> {
    let mut in_order: Vec<&Waiting<K>> = waiting.iter().filter(|one| machine.check(&one.needs).is_ok()).collect();
    in_order.sort_by_key(|one| one.rank.key());
    let mut taken = Sum::of(leases.iter().map(|lease| &lease.request.needs));
    let mut of_model: BTreeMap<&str, usize> = BTreeMap::new();
    for lease in leases {
        *of_model.entry(&lease.request.model).or_default() += 1;
    }
    let mut free_gpus: Vec<usize> = (0..machine.gpus.len())
        .filter(|gpu| !leases.iter().any(|lease| lease.gpus.contains(gpu)))
        .rev() // the lowest is handed out first
        .collect();
    // What the head needs, together with all that runs and comes after it.
    let mut beside_head: Option<Sum> = None;
    let mut begun = Vec::new();
    for one in in_order {
        let running = of_model.entry(&one.model).or_default();
        if machine.model_limits.get(&one.model).is_some_and(|limit| *running >= *limit) {
            continue;
        }
        if !machine.fits(&taken, &one.needs) {
            if beside_head.is_none() {
                let after = leases.iter().filter(|lease| lease.request.rank.is_after(one.rank));
                let mut sum = Sum::of(after.map(|lease| &lease.request.needs));
                sum.add(&one.needs);
                beside_head = Some(sum);
                // Its place within its model's limit is reserved as well, or later ones of the model would take it.
                *running += 1;
            }
            continue;
        }
        if let Some(beside_head) = &mut beside_head {
            if !machine.fits(beside_head, &one.needs) {
                continue;
            }
            beside_head.add(&one.needs);
        }
        taken.add(&one.needs);
        *running += 1;
        let mut gpus = free_gpus.split_off(free_gpus.len() - one.needs.gpus);
        gpus.reverse();
        begun.push(Lease { request: one.clone(), gpus });
    }
    begun
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use insta::assert_snapshot;
    use proptest::prelude::*;

    fn amounts(amounts: &[(&str, f64)]) -> BTreeMap<String, f64> {
        amounts.iter().map(|(name, amount)| ((*name).to_owned(), *amount)).collect()
    }

    fn needs(cpu: f64, gpus: usize) -> Needs {
        Needs::from_resources(&amounts(&[("cpu", cpu), ("gpu", gpus as f64)])).unwrap()
    }

    fn machine(cpu: f64, gpus: usize) -> Machine {
        Machine {
            amounts: needs(cpu, 0).amounts,
            gpus: (0..gpus).map(|gpu| gpu.to_string()).collect(),
            model_limits: BTreeMap::new(),
        }
    }

    fn waiting(sequence: u64, priority: i32, needs: Needs) -> Waiting<u64> {
        Waiting { id: sequence, rank: Rank { priority, sequence }, model: "shot".into(), needs }
    }

    fn ids(leases: &[Lease<u64>]) -> Vec<u64> {
        leases.iter().map(|lease| lease.request.id).collect()
    }

    #[test]
    fn who_comes_first_begins_first_and_a_higher_priority_before() {
        let queue = [waiting(1, 0, needs(1.0, 0)), waiting(2, 5, needs(1.0, 0)), waiting(3, 0, needs(1.0, 0))];
        assert_eq!(ids(&plan(&machine(2.0, 0), &[], &queue)), [2, 1]);
    }

    #[test]
    fn gpus_are_lent_whole_and_the_lowest_free_ones_first() {
        let machine = machine(8.0, 4);
        let first = plan(&machine, &[], &[waiting(1, 0, needs(1.0, 1)), waiting(2, 0, needs(1.0, 2))]);
        assert_eq!(first.iter().map(|lease| lease.gpus.clone()).collect::<Vec<_>>(), [vec![0], vec![1, 2]]);
        let second = plan(&machine, &first[1..], &[waiting(3, 0, needs(1.0, 2))]);
        assert_eq!(second[0].gpus, [0, 3]);
    }

    #[test]
    fn nothing_overtakes_a_big_job_by_taking_what_it_waits_for() {
        let machine = machine(4.0, 0);
        let running = plan(&machine, &[], &[waiting(1, 0, needs(3.0, 0))]);
        let queue = [waiting(2, 0, needs(4.0, 0)), waiting(3, 0, needs(1.0, 0))];
        assert!(plan(&machine, &running, &queue).is_empty());
        assert_eq!(ids(&plan(&machine, &[], &queue)), [2]);
    }

    #[test]
    fn what_leaves_room_for_the_big_job_may_go_before_it() {
        let machine = machine(4.0, 0);
        let running = plan(&machine, &[], &[waiting(1, 0, needs(3.0, 0))]);
        let queue = [waiting(2, 0, needs(3.0, 0)), waiting(3, 0, needs(1.0, 0)), waiting(4, 0, needs(1.0, 0))];
        let begun = plan(&machine, &running, &queue);
        assert_eq!(ids(&begun), [3]);
        let running: Vec<_> = running.into_iter().chain(begun).collect();
        assert!(plan(&machine, &running, &queue[..1]).is_empty());
        assert_eq!(ids(&plan(&machine, &running[1..], &queue[..1])), [2], "beside the small one that overtook it");
    }

    #[test]
    fn a_model_at_its_limit_keeps_nobody_else_waiting() {
        let mut machine = machine(4.0, 0);
        machine.model_limits.insert("shot".into(), 1);
        let other = Waiting { model: "ocr".into(), ..waiting(3, 0, needs(1.0, 0)) };
        let queue = [waiting(1, 0, needs(1.0, 0)), waiting(2, 0, needs(3.0, 0)), other];
        assert_eq!(ids(&plan(&machine, &[], &queue)), [1, 3]);
    }

    #[test]
    fn a_request_beyond_the_machine_is_refused_with_what_there_is() {
        let told = |resources: &[(&str, f64)]| {
            let needs = Needs::from_resources(&amounts(resources));
            needs.and_then(|needs| machine(4.0, 1).check(&needs)).unwrap_err().to_string()
        };
        assert_snapshot!(told(&[("cpu", 4.5)]), @"it needs 4.5 of resource `cpu`, and this machine has 4");
        assert_snapshot!(told(&[("gpu", 2.0)]), @"it needs 2 of resource `gpu`, and this machine has 1");
        assert_snapshot!(told(&[("licence", 1.0)]), @"it needs 1 of resource `licence`, and this machine has 0");
        assert_snapshot!(told(&[("gpu", 0.5)]), @"resource `gpu` is 0.5: GPUs are lent whole");
        assert_snapshot!(told(&[("cpu", -1.0)]), @"resource `cpu` is -1: a number from 0 is needed");
        assert!(machine(4.0, 1).check(&needs(4.0, 1)).is_ok());
    }

    #[test]
    fn tenths_add_up() {
        let queue: Vec<_> = (0..11).map(|sequence| waiting(sequence, 0, needs(0.1, 0))).collect();
        assert_eq!(plan(&machine(1.0, 0), &[], &queue).len(), 10);
    }

    /// A request of three resources, one of them GPUs, of one of three models.
    fn any_request(priorities: i32) -> impl Strategy<Value = (i32, usize, [u8; 2], usize)> {
        (0..priorities, 0..3_usize, [0..5_u8, 0..5_u8], 0..4_usize)
    }

    fn request(sequence: u64, (priority, model, [cpu, memory], gpus): (i32, usize, [u8; 2], usize)) -> Waiting<u64> {
        let resources = [("cpu", f64::from(cpu)), ("memory", f64::from(memory)), ("gpu", gpus as f64)];
        Waiting {
            id: sequence,
            rank: Rank { priority, sequence },
            model: ["shot", "ocr", "asr"][model].into(),
            needs: Needs::from_resources(&amounts(&resources)).unwrap(),
        }
    }

    fn any_machine() -> impl Strategy<Value = Machine> {
        (4..8_u8, 4..8_u8, 3..5_usize, prop::option::of(1..3_usize)).prop_map(|(cpu, memory, gpus, limit)| Machine {
            amounts: Needs::from_resources(&amounts(&[("cpu", cpu.into()), ("memory", memory.into())]))
                .unwrap()
                .amounts,
            gpus: (0..gpus).map(|gpu| gpu.to_string()).collect(),
            model_limits: limit.map(|limit| ("ocr".to_owned(), limit)).into_iter().collect(),
        })
    }

    /// Checks that the machine holds all leases, and that no device is lent twice.
    fn assert_within(machine: &Machine, leases: &[Lease<u64>]) {
        let mut owners = HashMap::new();
        for lease in leases {
            assert_eq!(lease.gpus.len(), lease.request.needs.gpus);
            for gpu in &lease.gpus {
                assert!(*gpu < machine.gpus.len());
                assert_eq!(owners.insert(*gpu, lease.request.id), None, "device {gpu} is lent twice");
            }
        }
        for (resource, available) in &machine.amounts {
            let taken: u64 = leases.iter().map(|lease| lease.request.needs.amount(resource)).sum();
            assert!(taken <= available.0, "{resource}: {taken} of {available:?}");
        }
        for (model, limit) in &machine.model_limits {
            assert!(leases.iter().filter(|lease| lease.request.model == *model).count() <= *limit);
        }
    }

    proptest! {
        #[test]
        fn nothing_is_ever_lent_twice_and_an_idle_machine_always_begins(
            machine in any_machine(), requests in prop::collection::vec(any_request(3), 0..20), ends: Vec<u8>,
        ) {
            let mut queue: Vec<_> = (0..).zip(requests).map(|(sequence, one)| request(sequence, one)).collect();
            let mut leases: Vec<Lease<u64>> = Vec::new();
            let mut ends = ends.into_iter();
            while !queue.is_empty() {
                let begun = plan(&machine, &leases, &queue);
                prop_assert!(!leases.is_empty() || !begun.is_empty(), "an idle machine begins something");
                queue.retain(|one| !begun.iter().any(|lease| lease.request.id == one.id));
                leases.extend(begun);
                assert_within(&machine, &leases);
                prop_assert!(plan(&machine, &leases, &queue).is_empty(), "what can begin has begun");
                leases.swap_remove(usize::from(ends.next().unwrap_or(0)) % leases.len());
            }
        }

        #[test]
        fn equal_needs_begin_in_the_order_they_came(
            machine in any_machine(), requests in prop::collection::vec(any_request(2), 0..30), ends: Vec<u8>,
        ) {
            let mut queue: Vec<_> = (0..).zip(requests).map(|(sequence, one)| request(sequence, one)).collect();
            let mut leases: Vec<Lease<u64>> = Vec::new();
            let mut ends = ends.into_iter();
            while !queue.is_empty() {
                let begun = plan(&machine, &leases, &queue);
                queue.retain(|one| !begun.iter().any(|lease| lease.request.id == one.id));
                for lease in &begun {
                    let overtaken = queue.iter().find(|one| {
                        let ranks = (one.rank.priority, lease.request.rank.priority);
                        ranks.0 == ranks.1 && one.rank.sequence < lease.request.rank.sequence
                            && one.needs == lease.request.needs && one.model == lease.request.model
                    });
                    prop_assert_eq!(overtaken, None);
                }
                leases.extend(begun);
                leases.swap_remove(usize::from(ends.next().unwrap_or(0)) % leases.len());
            }
        }

        /// Small jobs come without end; a job that needs the whole machine is not kept waiting by those that came after.
        #[test]
        fn a_job_is_not_overtaken_for_ever(
            machine in any_machine(), requests in prop::collection::vec(any_request(1), 1..12), seed: u64,
        ) {
            let whole = Waiting {
                id: 0,
                rank: Rank { priority: 0, sequence: 12 },
                model: "whole".into(),
                needs: Needs { amounts: machine.amounts.clone(), gpus: machine.gpus.len() },
            };
            let mut queue: Vec<_> = (1..).zip(&requests).map(|(sequence, one)| request(sequence, *one)).collect();
            queue.push(whole);
            let mut leases: Vec<Lease<u64>> = Vec::new();
            let (mut sequence, mut dice) = (100, seed);
            for _ in 0..200 {
                let begun = plan(&machine, &leases, &queue);
                if begun.iter().any(|lease| lease.request.id == 0) {
                    return Ok(());
                }
                queue.retain(|one| !begun.iter().any(|lease| lease.request.id == one.id));
                leases.extend(begun);
                dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                if !leases.is_empty() {
                    leases.swap_remove((dice >> 33) as usize % leases.len());
                }
                sequence += 1;
                queue.push(request(sequence, requests[(dice >> 40) as usize % requests.len()]));
            }
            prop_assert!(false, "it has not begun within 200 turns");
        }
    }
}
