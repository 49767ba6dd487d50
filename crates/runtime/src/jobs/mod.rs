//! What becomes of a job, decided without a clock, a process or a database.
//!
//! A [`Job`] takes one [`Event`] after the other and answers each with [`Effect`]s, which somebody else carries out.
//! What its parts go through is in `parts`; the job as a whole is in `machine`.

mod machine;
mod parts;

#[cfg(test)]
mod machine_tests;

pub use machine::{Alarm, Change, Effect, Event, Job, JobState, Refusal};
pub use parts::{BackOff, Ending, How, Part, PartNumber, PartState, Parts, Rules};
