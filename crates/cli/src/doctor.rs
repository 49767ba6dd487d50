//! `tagger doctor`: what this machine has and lacks for running models.

use std::path::Path;

use anyhow::Context;
use serde_json::json;
use tagger_runtime::{Condition, Interpreter, Observation, examine_machine};

use crate::args::DoctorArgs;
use crate::report::{count, harmless};
use crate::signals::Signals;
use crate::{FAILED, INTERRUPTED};

/// Runs the command; gives the exit status.
pub fn doctor(args: &DoctorArgs) -> anyhow::Result<u8> {
    let interpreter = Interpreter { chosen: args.python.clone() };
    let default = Path::new("tagger-data");
    let data = args.data.as_deref().or_else(|| Some(default).filter(|data| data.is_dir()));
    let tokio = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    // An engine or an interpreter may hang.
    let examined = tokio.block_on(async {
        let examination = examine_machine(&interpreter, data);
        anyhow::Ok(Signals::listen()?.unless_stopped(examination).await)
    });
    let Some(observations) = examined? else { return Ok(INTERRUPTED) };
    let lacks = number_of(&observations, Condition::Lack);
    let text = if args.json {
        serde_json::to_string_pretty(&json!({ "models_run": lacks == 0, "observations": observations }))? + "\n"
    } else {
        describe(&observations)
    };
    crate::output::to_stdout(&harmless(&text))?;
    Ok(if lacks == 0 { 0 } else { FAILED })
}

fn describe(observations: &[Observation]) -> String {
    let mut text = String::new();
    for Observation { subject, condition, found, mend } in observations {
        let mark = match condition {
            Condition::Fine => "ok",
            Condition::Remark => "remark",
            Condition::Lack => "LACK",
        };
        text += &format!("{mark:<6}  {subject:<16}  {found}\n");
        if let Some(mend) = mend {
            text += &format!("{:<6}  {:<16}  mend: {mend}\n", "", "");
        }
    }
    let (lacks, remarks) = (number_of(observations, Condition::Lack), number_of(observations, Condition::Remark));
    let verdict = if lacks == 0 { "models run here" } else { "not all models run here" };
    text + &format!("{verdict}: {}, {}\n", count(lacks, "lack"), count(remarks, "remark"))
}

fn number_of(observations: &[Observation], condition: Condition) -> u64 {
    observations.iter().filter(|observation| observation.condition == condition).count() as u64
}
