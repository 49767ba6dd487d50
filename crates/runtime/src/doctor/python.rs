//! Python: the interpreter that models run in, and the SDK there.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use serde::Deserialize;

use super::{Observation, answer_of};

/// Imports the SDK as a model does, and prints an [`Answer`].
const QUESTION: &str = include_str!("question.py");

/// The oldest Python that the SDK runs on.
const OLDEST: (u32, u32) = (3, 8);

/// What an interpreter says of itself.
#[derive(Debug, Deserialize)]
struct Answer {
    version: String,
    executable: String,
    /// Whether it is that of a virtual environment, where packages may be installed.
    is_virtual: bool,
    /// The SDK's version.
    common_ml: Option<String>,
    /// Why the SDK cannot be imported.
    error: Option<String>,
}

pub async fn examine(interpreter: &Path) -> Vec<Observation> {
    let command: [OsString; 3] = [interpreter.into(), "-c".into(), QUESTION.into()];
    let name = interpreter.display();
    let told = match answer_of(&command).await {
        Ok(Some(told)) => told,
        Ok(None) => {
            let found = format!("`{name}` does not run a script; models in Python cannot run");
            return vec![Observation::lack("python", found, ANOTHER)];
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let found = format!("no interpreter `{name}`; models in Python cannot run");
            return vec![Observation::lack("python", found, if interpreter.is_absolute() { ANOTHER } else { INSTALL })];
        }
        Err(error) => {
            let found = format!("cannot start `{name}`: {error}; models in Python cannot run");
            return vec![Observation::lack("python", found, ANOTHER)];
        }
    };
    // What is printed while Python starts stands before the answer.
    match told.lines().last().and_then(|line| serde_json::from_str(line).ok()) {
        Some(answer) => judge(&answer),
        None => {
            vec![Observation::lack("python", format!("`{name}` is no Python; models in Python cannot run"), ANOTHER)]
        }
    }
}

const INSTALL: &str = "apt-get install python3 python3-venv";
const ANOTHER: &str = "name another interpreter with --python or TAGGER_PYTHON";

fn judge(answer: &Answer) -> Vec<Observation> {
    let Answer { version, executable, .. } = answer;
    if version_number(version).is_none_or(|number| number < OLDEST) {
        let found = format!("Python {version} (`{executable}`); {}.{} or newer is needed", OLDEST.0, OLDEST.1);
        return vec![Observation::lack("python", found, ANOTHER)];
    }
    let sdk = match (&answer.common_ml, &answer.error) {
        (Some(version), None) => Observation::fine("common_ml", version),
        (_, error) => {
            let why = error.as_deref().unwrap_or("it says no version");
            let found = format!("cannot be imported by `{executable}`: {why}");
            // Elsewhere the system's own Python refuses packages that are not the system's.
            let mend = match answer.is_virtual {
                true => {
                    format!("{executable} -m pip install ./python (in Tagger's checkout, or the path of its wheel)")
                }
                false => {
                    "make build (in Tagger's checkout), then export TAGGER_PYTHON=$PWD/.venv/bin/python".to_owned()
                }
            };
            Observation::lack("common_ml", found, mend)
        }
    };
    vec![Observation::fine("python", format!("Python {version} (`{executable}`)")), sdk]
}

fn version_number(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Condition;

    fn answer(version: &str, is_virtual: bool, error: Option<&str>) -> Answer {
        let common_ml = error.is_none().then(|| "0.1.0".to_owned());
        let (version, executable) = (version.to_owned(), "/opt/python".to_owned());
        Answer { version, executable, is_virtual, common_ml, error: error.map(str::to_owned) }
    }

    #[test]
    fn an_interpreter_with_the_sdk_is_fine() {
        let found = judge(&answer("3.8.18", false, None));
        assert!(found.iter().all(|observation| observation.condition == Condition::Fine), "{found:?}");
    }

    #[test]
    fn an_old_python_is_a_lack_whatever_is_installed() {
        for version in ["3.7.16", "2.7.18", "nonsense"] {
            let found = judge(&answer(version, true, None));
            assert_eq!((found.len(), found[0].condition), (1, Condition::Lack), "{version}");
        }
    }

    #[test]
    fn packages_are_only_installed_into_virtual_environments() {
        let mend = |is_virtual| judge(&answer("3.11.2", is_virtual, Some("gone"))).remove(1).mend.unwrap();
        assert!(mend(true).starts_with("/opt/python -m pip install"));
        assert!(mend(false).starts_with("make build"));
    }
}
