//! Asks programs what they are before they are started: `--describe`.
//!
//! The answer says what a model takes and which parameters, so that both are checked before any weights are loaded. To be
//! asked does no harm: standard input is closed, time is limited, and a program that does not know the question counts
//! as one that says nothing. A script that cannot know it is not even started.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tagger_wire::Description;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::process::Process;
use crate::{Containers, Model};

/// How long a program may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How much of a file is looked at to tell whether it is a script.
const LOOKED_AT_BYTES: usize = 1 << 20;

/// What a script mentions that may know the question: the question itself, or the SDK.
const SIGNS: [&[u8]; 2] = [b"--describe", b"common_ml"];

/// Asks all of `models` at once whose parameters are not known yet, and notes what they answer.
///
/// What goes wrong is no error: such a model simply is not described.
pub async fn describe_models(models: &mut [Model], containers: &Containers) {
    let mut asked = JoinSet::new();
    for (place, model) in models.iter().enumerate() {
        if model.image.is_some() && model.parameters().is_none() {
            let (model, containers) = (model.clone(), containers.clone());
            asked.spawn(async move { (place, containers.describe(&model).await) });
        } else if model.parameters().is_none() && may_know(model) {
            let (mut command, folder) = (model.command.clone(), model.folder.clone());
            command.push("--describe".into());
            asked.spawn(async move { (place, ask(&command, &folder, place, PATIENCE).await) });
        }
    }
    while let Some(answer) = asked.join_next().await {
        let (place, description) = answer.unwrap_or_else(|e| std::panic::resume_unwind(e.into_panic()));
        models[place].described = description;
    }
}

async fn ask(command: &[OsString], folder: &Path, place: usize, patience: Duration) -> Option<Description> {
    let mark = OsString::from(format!("describe-{}-{place}", std::process::id()));
    let mut process = Process::ask(command, folder, &mark).ok()?;
    let ended = timeout(patience, process.wait()).await;
    let is_clean = ended.is_ok_and(|status| status.is_ok_and(|status| status.success()));
    if !is_clean {
        process.kill().await;
    }
    let output = process.finish().await;
    if is_clean { Description::find(&output) } else { None }
}

/// Whether the program may know the question. What is no script may.
fn may_know(model: &Model) -> bool {
    // The last word that names a file is the script, if there is one: what stands before it runs it.
    let mut files = model.command.iter().rev().map(|word| model.folder.join(word)).filter(|path| path.is_file());
    let Some(file) = files.next() else { return false };
    // An interpreter alone tells nothing of the module or text that it is to run.
    if file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("python")) {
        return false;
    }
    let Some(beginning) = beginning(&file) else { return false };
    let is_script = !beginning.contains(&0);
    !is_script || SIGNS.iter().any(|sign| beginning.windows(sign.len()).any(|window| window == *sign))
}

fn beginning(path: &PathBuf) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(LOOKED_AT_BYTES as u64).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use tempfile::TempDir;

    /// A model of a shell script in a folder of its own.
    fn script(text: &str) -> (TempDir, Model) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("model.sh"), text).unwrap();
        let command = vec!["/bin/sh".into(), "model.sh".into()];
        let model = Model {
            name: "m".into(),
            manifest: None,
            described: None,
            command,
            folder: folder.path().into(),
            image: None,
        };
        (folder, model)
    }

    async fn described(text: &str) -> (TempDir, Option<Description>) {
        let (folder, model) = script(text);
        let mut models = [model];
        describe_models(&mut models, &Containers::new(Default::default())).await;
        let [model] = models;
        (folder, model.described)
    }

    #[tokio::test]
    async fn what_a_program_says_is_noted() {
        let text = r#"echo noise; [ "$1" = --describe ] && echo '{"name": "m", "kind": "audio", "parameters": {}}'"#;
        let (_folder, description) = described(text).await;
        assert_eq!(description.unwrap().kind, Some(tagger_wire::ModelKind::Audio));
    }

    #[tokio::test]
    async fn a_long_description_among_much_noise_is_found() {
        let text = r#"# --describe
            i=0; while [ $i -lt 2000 ]; do echo "0123456789 0123456789 0123456789" >&2; i=$((i+1)); done
            printf '{"name": "m", "description": "%050000d", "parameters": {}}\n' 7"#;
        let (_folder, description) = described(text).await;
        assert_eq!(description.unwrap().description.len(), 50_000);
    }

    #[tokio::test]
    async fn a_program_that_fails_has_said_nothing() {
        let (_folder, description) = described(r#"echo '{"name": "--describe", "parameters": {}}'; exit 1"#).await;
        assert_eq!(description, None);
    }

    #[tokio::test]
    async fn a_script_that_cannot_know_the_question_is_not_started() {
        let (folder, description) = described("touch started").await;
        assert_eq!(description, None);
        assert!(!folder.path().join("started").exists());
    }

    #[tokio::test]
    async fn who_does_not_answer_is_given_up() {
        let (folder, model) = script("sleep 600 & sleep 600");
        assert_eq!(ask(&model.command, folder.path(), 0, Duration::ZERO).await, None);
    }
}
