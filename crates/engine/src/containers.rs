//! Containers: made from a [`Spec`], started, attached to, waited for, killed and removed.

use std::collections::BTreeMap;
use std::time::Duration;

use hyper::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::UnixStream;

use crate::spec::Spec;
use crate::{Client, EngineError};

/// How often Podman looks whether a container has ended. By itself it looks every 250 ms.
const LOOK_EVERY: &str = "10ms";
/// How long an engine may take to end and remove a container with all its files.
const REMOVING_PATIENCE: Duration = Duration::from_secs(60);

/// A container in a list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// How it stands: `created`, `running`, `exited`, …
    pub state: String,
    /// What its maker has written on it.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// How a container stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Whether its program runs.
    pub is_running: bool,
    /// The number of its first process, as this machine's engine counts. `None`: it does not run.
    pub pid: Option<u32>,
    /// Whether its program has been started at all.
    pub was_started: bool,
    /// The status it has exited with; 128 and more for a signal.
    pub exit_code: i64,
    /// Whether the engine says that memory ran out. Podman may say no when it did.
    pub is_out_of_memory: bool,
}

/// Which of a container's streams a connection carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Streams {
    /// What is written goes to its standard input, which ends with the connection.
    Input,
    /// What it says on standard output and error comes in frames; see [`crate::Frames`].
    Output,
}

impl Client {
    /// Makes a container. Gives its id.
    ///
    /// # Errors
    /// [`EngineError`]: no such image, a mount's source is not there, no such device.
    pub async fn create_container(&self, spec: &Spec) -> Result<String, EngineError> {
        let doing = format!("create a container of image `{}`", spec.image);
        let call = self.call(Method::POST, "/containers/create", doing);
        let call = match self.is_podman() {
            true => call.json(&spec.for_podman()),
            false => call.json(&spec.for_docker()),
        };
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Created {
            id: String,
        }
        Ok(call.send().await?.json::<Created>().await?.id)
    }

    /// Connects to a container's streams. Before it is started, so that nothing is lost.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn attach(&self, id: &str, streams: Streams) -> Result<UnixStream, EngineError> {
        let flag = |is_wanted: bool| if is_wanted { "1" } else { "0" };
        let (input, output) = (flag(streams == Streams::Input), flag(streams == Streams::Output));
        self.call(Method::POST, &format!("/containers/{id}/attach"), "attach to the container")
            .query("stream", "1")
            .query("stdin", input)
            .query("stdout", output)
            .query("stderr", output)
            .hijack()
            .await
    }

    /// Starts a container.
    ///
    /// # Errors
    /// [`EngineError`], with the words of the runtime: its program is not there, or is none.
    pub async fn start_container(&self, id: &str) -> Result<(), EngineError> {
        self.call(Method::POST, &format!("/containers/{id}/start"), "start the container").send().await?.end().await
    }

    /// Waits for a container's end. Gives the status it has exited with.
    ///
    /// # Errors
    /// [`EngineError`]: there is no such container any more, or the engine has gone.
    pub async fn wait_container(&self, id: &str) -> Result<i64, EngineError> {
        let call = self.call(Method::POST, &format!("/containers/{id}/wait"), "wait for the container").patiently();
        let call = match self.is_podman() {
            true => call.query("condition", "stopped").query("condition", "exited").query("interval", LOOK_EVERY),
            false => call.query("condition", "not-running"),
        };
        let answer: Value = call.send().await?.json().await?;
        // A container that vanished while it was waited for has status 0 and an error beside it.
        if let Some(message) = answer.get("Error").and_then(|error| error.get("Message").or(Some(error))?.as_str()) {
            return Err(EngineError::Odd { doing: "wait for the container".into(), problem: message.to_owned() });
        }
        answer.as_i64().or_else(|| answer.get("StatusCode")?.as_i64()).ok_or_else(|| EngineError::Odd {
            doing: "wait for the container".into(),
            problem: format!("no exit status in {answer}"),
        })
    }

    /// Sends a signal, such as `TERM`, to a container's first process. One that does not run is no error.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn signal_container(&self, id: &str, signal: &str) -> Result<(), EngineError> {
        let call =
            self.call(Method::POST, &format!("/containers/{id}/kill"), format!("send {signal} to the container"));
        match call.query("signal", signal).send().await {
            Ok(answer) => answer.end().await,
            // Which words say that it has ended differs with the engine and its version.
            Err(error) => match self.container(id).await {
                Ok(Some(Standing { is_running: true, .. })) => Err(error),
                _ => Ok(()),
            },
        }
    }

    /// How a container stands. `None`: there is none of that id.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn container(&self, id: &str) -> Result<Option<Standing>, EngineError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Inspected {
            state: State,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct State {
            status: String,
            running: bool,
            exit_code: i64,
            #[serde(default)]
            pid: u32,
            #[serde(default, rename = "OOMKilled")]
            oom_killed: bool,
        }
        let call = self.call(Method::GET, &format!("/containers/{id}/json"), "look at the container");
        match call.send().await {
            Ok(answer) => {
                let state = answer.json::<Inspected>().await?.state;
                Ok(Some(Standing {
                    is_running: state.running,
                    pid: Some(state.pid).filter(|pid| *pid != 0),
                    was_started: !["created", "configured", "initialized"].contains(&state.status.as_str()),
                    exit_code: state.exit_code,
                    is_out_of_memory: state.oom_killed,
                }))
            }
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All containers that carry a label, running or not.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn containers_with(&self, label: &str) -> Result<Vec<Listed>, EngineError> {
        let call = self.call(Method::GET, "/containers/json", "list the containers").query("all", "true");
        let filters = json!({ "label": [label] }).to_string();
        call.query("filters", &filters).send().await?.json().await
    }

    /// Kills a container if it runs, and removes it. One that is not there is no error.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn remove_container(&self, id: &str) -> Result<(), EngineError> {
        let mut tries = 0;
        loop {
            let call = self.call(Method::DELETE, &format!("/containers/{id}"), "remove the container");
            let call = call.query("force", "true").query("v", "true").patience(REMOVING_PATIENCE);
            let call = if self.is_podman() { call.query("timeout", "0") } else { call };
            match call.send().await {
                Ok(answer) => return answer.end().await,
                Err(error) if error.is_not_found() => return Ok(()),
                // Podman refuses once when the process that watches the container is gone.
                Err(EngineError::Refused { .. }) if tries == 0 => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }
}

fn null_is_empty<'de, D: serde::Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}
