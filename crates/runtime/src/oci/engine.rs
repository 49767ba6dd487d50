//! The way to the engine: the one that this machine has, or a service of Podman that we start.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::Duration;

use tagger_engine::{Client, EngineError};
use tempfile::TempDir;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use super::survivors::Survivor;
use super::{ContainerError, ContainerSetup, folder, has_systemd, on_search_path, owner};
use crate::doctor::ControlGroups;
use crate::process::Daemon;

/// How long a service of our own may take to answer.
const SERVICE_PATIENCE: Duration = Duration::from_secs(20);
/// How often it is asked meanwhile.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// Finds the engine, and keeps one of our own alive.
pub(super) struct Engine {
    setup: ContainerSetup,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    client: Option<Client>,
    service: Option<Service>,
    is_swept: bool,
}

/// A service of Podman that we have started.
struct Service {
    daemon: Daemon,
    /// Its private working directory, with its socket.
    folder: TempDir,
}

impl Engine {
    pub fn new(setup: ContainerSetup) -> Self {
        Self { setup, state: Mutex::default() }
    }

    /// An engine that answers.
    pub async fn client(&self) -> Result<Client, ContainerError> {
        let mut state = self.state.lock().await;
        if let Some(client) = &state.client
            && Client::at(client.socket()).await.is_ok()
        {
            return Ok(client.clone());
        }
        let client = match self.find().await {
            Ok(client) => client,
            Err(error) if self.setup.socket.is_some() => return Err(error.into()),
            Err(error) => self.own(&mut state).await?.ok_or(error)?,
        };
        let client = if self.setup.as_docker { client.as_docker() } else { client };
        state.client = Some(client.clone());
        if !state.is_swept {
            // What cannot be removed now harms nobody, and is looked for again at the next start.
            let _ = owner::sweep(&client, self.setup.place.as_deref(), None).await;
            state.is_swept = true;
        }
        Ok(client)
    }

    /// An engine that is there already.
    async fn find(&self) -> Result<Client, EngineError> {
        match &self.setup {
            ContainerSetup { socket: Some(socket), .. } => Client::at(socket).await,
            ContainerSetup { store: Some(_), .. } => Err(EngineError::NoneAnswers { tried: Vec::new() }),
            _ => Client::find().await,
        }
    }

    /// Looks through what is left, if there is an engine. Gives what could be taken over of that which writes to `work`.
    pub async fn sweep_if_there(&self, work: &Path) -> Vec<Survivor> {
        let Ok(client) = self.find().await else { return Vec::new() };
        match owner::sweep(&client, self.setup.place.as_deref(), Some(work)).await {
            Ok(survivors) => {
                self.state.lock().await.is_swept = true;
                survivors
            }
            // It is looked for again when an engine is wanted.
            Err(_) => Vec::new(),
        }
    }

    pub async fn close(&self) {
        let mut state = self.state.lock().await;
        state.client = None;
        if let Some(Service { daemon, folder }) = state.service.take() {
            daemon.close().await;
            drop(folder);
        }
    }

    /// A service of our own: the one that runs, or a new one. `None`: Podman is not installed.
    async fn own(&self, state: &mut State) -> Result<Option<Client>, ContainerError> {
        let failed = |told: String| ContainerError::Service { told };
        let Some(podman) = on_search_path("podman") else { return Ok(None) };
        if state.service.as_mut().is_none_or(|service| service.daemon.has_ended()) {
            let folder = folder::make(&std::env::temp_dir()).map_err(|error| failed(error.to_string()))?;
            let command = command(podman, &self.setup, folder.path());
            let log = folder.path().join("log");
            let daemon = Daemon::start(&command, folder.path(), &log, self.setup.guard.as_ref());
            let daemon = daemon.map_err(|error| failed(error.to_string()))?;
            state.service = Some(Service { daemon, folder });
        }
        let Some(service) = &mut state.service else { return Ok(None) };
        let socket = service.folder.path().join("engine.sock");
        let begun = Instant::now();
        loop {
            match Client::at(&socket).await {
                Ok(client) => return Ok(Some(client)),
                Err(error) if service.daemon.has_ended() || begun.elapsed() > SERVICE_PATIENCE => {
                    let log = fs::read_to_string(service.folder.path().join("log")).unwrap_or_default();
                    let last = log.lines().rev().find(|line| !line.trim().is_empty()).map(str::to_owned);
                    state.service = None;
                    return Err(failed(last.unwrap_or_else(|| error.to_string())));
                }
                Err(_) => sleep(ASK_EVERY).await,
            }
        }
    }
}

/// The command of a service with its socket in `folder`. What Podman would choose wrongly on this machine is chosen for it.
fn command(podman: OsString, setup: &ContainerSetup, folder: &Path) -> Vec<OsString> {
    let mut command = vec![podman];
    if let Some(store) = &setup.store {
        command.extend(["--root".into(), store.join("root").into(), "--runroot".into(), store.join("run").into()]);
    }
    let groups = ControlGroups::of(&fs::read_to_string("/proc/self/mounts").unwrap_or_default());
    if groups == ControlGroups::Hybrid && on_search_path("runc").is_some() {
        command.extend(["--runtime".into(), "runc".into()]);
    }
    if !has_systemd() {
        command.extend(["--cgroup-manager", "cgroupfs", "--events-backend", "file"].map(OsString::from));
    }
    command.extend(["system", "service", "--time=0"].map(OsString::from));
    let mut address = OsString::from("unix://");
    address.push(folder.join("engine.sock"));
    command.push(address);
    command
}
