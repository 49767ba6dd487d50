//! Finds the Python that runs a model, and starts model files with it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::process::run_tool;

/// Starts a model file: a program under the contract as it is, a file that only defines a model class by the SDK's
/// runner. It runs in the interpreter that was found, since only Python can say for sure what a Python file holds.
const START: &str = include_str!("start_python.py");

/// The interpreter to run Python models with.
#[derive(Debug, Clone, Default)]
pub struct Interpreter {
    /// What the user asked for. `None`: looked for.
    pub chosen: Option<PathBuf>,
}

impl Interpreter {
    /// The interpreter for a model in `folder`: the chosen one, else the folder's `.venv`, else the active virtual
    /// environment, else `python3` on the search path.
    pub fn locate(&self, folder: &Path) -> PathBuf {
        let chosen = self.chosen.clone().map(absolute);
        let own = Some(folder.join(".venv/bin/python")).filter(|path| path.exists());
        let active = std::env::var_os("VIRTUAL_ENV").map(|venv| Path::new(&venv).join("bin/python"));
        chosen.or(own).or(active.filter(|path| path.exists())).unwrap_or_else(|| "python3".into())
    }

    /// The arguments that go before the model file `file` where it is started without us, as in a container.
    ///
    /// # Errors
    /// What the interpreter says.
    pub fn plain_start(&self, file: &Path, folder: &Path) -> Result<Vec<String>, String> {
        let mut command = vec![self.locate(folder).into_os_string()];
        command.extend(Self::start_arguments(file));
        command.push("--show-start".into());
        let words = run_tool(&command, folder, |_| {})?;
        Ok(words.split_whitespace().map(str::to_owned).collect())
    }

    /// The arguments that make the interpreter start the model file `file`.
    pub(crate) fn start_arguments(file: &Path) -> Vec<OsString> {
        vec!["-c".into(), START.into(), file.into()]
    }
}

/// Programs start in the model's folder, so a path relative to ours must be made absolute; a bare name is looked up.
fn absolute(path: PathBuf) -> PathBuf {
    if path.components().count() > 1 { std::path::absolute(&path).unwrap_or(path) } else { path }
}

/// Whether a manifest's command begins with the interpreter, whichever that will be.
pub fn is_python(program: &str) -> bool {
    matches!(program, "python" | "python3")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chosen_interpreter_comes_first_then_the_model_s_own() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join(".venv/bin/python");
        std::fs::create_dir_all(own.parent().unwrap()).unwrap();
        std::fs::write(&own, "").unwrap();
        let chosen = Interpreter { chosen: Some("/opt/python".into()) };
        assert_eq!(chosen.locate(folder.path()), PathBuf::from("/opt/python"));
        assert_eq!(Interpreter::default().locate(folder.path()), own);
    }
}
