//! Looks at what this machine has and lacks for running models.
//!
//! Each module looks at one thing and answers with [`Observation`]s. What programs on this machine cannot do without is a
//! lack; what only some need, containers above all, is a remark. Nothing is changed.

mod containers;
mod devices;
mod limits;
mod media;
mod python;
mod storage;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) use containers::ControlGroups;

use serde::Serialize;
use tokio::time::timeout;

use crate::Interpreter;
use crate::process::Process;

/// How long a program may take to say what it is. Interpreters on a busy machine need seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// What was found about one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Observation {
    /// What was looked at, in one word that stays the same.
    pub subject: &'static str,
    /// How it stands.
    pub condition: Condition,
    /// What was found, for people.
    pub found: String,
    /// The command that mends it, or what else is to be done.
    pub mend: Option<String>,
}

/// How a thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Condition {
    /// As it should be.
    Fine,
    /// Models run, but not all, or not as well as they could.
    Remark,
    /// Models do not run.
    Lack,
}

impl Observation {
    fn fine(subject: &'static str, found: impl Into<String>) -> Self {
        Self { subject, condition: Condition::Fine, found: found.into(), mend: None }
    }

    fn remark(subject: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { subject, condition: Condition::Remark, found: found.into(), mend: Some(mend.into()) }
    }

    fn lack(subject: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { subject, condition: Condition::Lack, found: found.into(), mend: Some(mend.into()) }
    }
}

/// Looks at this machine. Python models would run in `interpreter`, started from the folder that we are in; a server would
/// keep its things in `data`.
pub async fn examine_machine(interpreter: &Interpreter, data: Option<&Path>) -> Vec<Observation> {
    let mut observations = media::examine().await;
    observations.extend(python::examine(&interpreter.locate(Path::new("."))).await);
    observations.push(storage::examine(&std::env::temp_dir()));
    observations.extend(data.map(storage::examine_data));
    observations.extend(limits::examine());
    observations.extend(containers::examine().await);
    observations.push(devices::examine());
    observations
}

/// A program on the search path.
fn on_search_path(program: &str) -> Option<PathBuf> {
    let search = std::env::var_os("PATH")?;
    std::env::split_paths(&search).map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// What a program says on standard output. `Ok(None)` if it fails or does not end.
///
/// # Errors
/// The system's, if it cannot be started.
async fn answer_of(command: &[OsString]) -> io::Result<Option<String>> {
    let name = command.first().map(|program| program.to_string_lossy().replace('/', "-")).unwrap_or_default();
    let mark = OsString::from(format!("doctor-{}-{name}", std::process::id()));
    let mut process = Process::ask(command, Path::new("."), &mark)?;
    let ended = timeout(PATIENCE, process.wait()).await;
    let is_clean = ended.is_ok_and(|status| status.is_ok_and(|status| status.success()));
    if !is_clean {
        process.kill().await;
    }
    let answer = process.finish().await;
    Ok(is_clean.then_some(answer))
}

/// The first line of what a program on the search path says to `--version` or its like. `None` without such a program.
async fn version_of(program: &str, question: &str) -> Option<String> {
    let path = on_search_path(program)?;
    let answer = answer_of(&[path.clone().into(), question.into()]).await.ok().flatten();
    let line = answer.as_deref().and_then(|text| text.lines().next()).map(str::to_owned);
    Some(line.unwrap_or_else(|| format!("`{}`, which does not tell its version", path.display())))
}
