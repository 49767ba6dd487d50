//! Feeds media to model programs and collects their tags.
//!
//! A [`Run`] is one or more models over one or more inputs: [`find_inputs`] turns what the user named into [`Input`]s,
//! [`Model::resolve`] finds the programs, and [`Run::carry_out`] starts each as a child process under the contract,
//! tails its output and keeps a ledger of what every input came to. [`Conformance`] drives one model through the contract
//! and its corner cases instead, and gives a verdict on each rule. Nothing outside this crate starts a process.

mod align;
mod attempt;
mod causes;
mod collector;
pub mod config;
mod conformance;
mod damage;
mod describe;
mod digest;
mod doctor;
mod excerpt;
mod executor;
pub mod formats;
mod guard;
mod handover;
mod input;
pub mod jobs;
mod ledger;
mod log;
mod model;
mod oci;
mod params;
mod process;
mod python;
mod run;
pub mod schedule;
pub mod service;
mod sources;
mod starting;
mod strays;
mod tree;

pub use align::TagRow;
pub use conformance::{Advice, Conformance, ConformanceError, Finding, Report, Rule, Sort, Verdict};
pub use damage::describe_damage;
pub use describe::describe_models;
pub use doctor::{Condition, Observation, examine_machine};
pub use excerpt::{Window, time_of_frame};
pub use executor::{Bounds, Container, Ending, Executor, Grants, Launch, LogFile, RunningProgram};
pub use guard::{Guard, run_guard};
pub use input::{Input, InputError, find_inputs};
pub use ledger::Warning;
pub use model::{Model, ModelError, find_program, shipped_models};
pub use oci::{
    ContainerError, ContainerSetup, Containers, Executors, MANIFEST_LABEL, PARAMETERS_LABEL, Pull, Written, read_labels,
};
pub use params::{ParamError, ParamSet};
pub use process::{ProcessExecutor, run_script, run_tool};
pub use python::{Interpreter, is_python};
pub use run::{Event, Failure, Outcome, Run, RunError, Settings};
pub use sources::SourceError;
pub use tagger_store::StreamName;
