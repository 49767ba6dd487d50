//! Model programs in containers, by whatever engine this machine has.
//!
//! - [`engine`]: the way to the engine, or one of our own, which has a [`folder`]. [`owner`]: whose a container is, and
//!   which are nobody's.
//! - [`recipe`]: what a container is made of. [`media`]: how it comes to see files, and only these.
//! - [`survivors`]: those that a killed service has left running, for the next one.
//! - [`program`]: one that runs: fed, watched, stopped, removed. [`explain`]: how it ended, and why it did not start.
//!   [`crowd`]: whether it has had all the processes that it may have.
//! - [`image`]: what an image says of itself.

mod crowd;
mod engine;
mod explain;
mod folder;
mod image;
mod media;
mod owner;
mod program;
mod recipe;
mod survivors;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tagger_engine::{Client, EngineError};
use tagger_wire::{Description, ManifestError};
use tokio::time::timeout;

use crate::executor::{Container, Executor, Launch, RunningProgram};
use crate::process::ProcessExecutor;
use crate::{Guard, Model, ModelError};

use engine::Engine;
use program::Contained;
use survivors::Survivors;

pub(crate) use image::ImageModel;
pub use image::{MANIFEST_LABEL, PARAMETERS_LABEL, Written, read_labels};
pub(crate) use media::{MEDIA, OUTPUT, OUTPUT_FILE, lay_out};
pub(crate) use recipe::HOME;

/// How long a program may take to say what it is.
const DESCRIBE_PATIENCE: Duration = Duration::from_secs(20);

/// When images are fetched from their registries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Pull {
    /// When they are not on this machine.
    #[default]
    Missing,
    /// Never.
    Never,
    /// Whenever a model is looked up.
    Always,
}

/// How containers are used.
#[derive(Debug, Clone, Default)]
pub struct ContainerSetup {
    /// When images are fetched. Default: when they are missing.
    pub pull: Pull,
    /// Who ends an engine of our own when this process dies.
    pub guard: Option<Guard>,
    /// A folder for images and containers of an engine of our own, which then is the one to be used. Default: the engine
    /// that this machine has, and else one of our own over its images.
    pub store: Option<PathBuf>,
    /// The socket of the engine. Default: where one answers.
    pub socket: Option<PathBuf>,
    /// What marks the containers of this service and those before it. Default: nothing does.
    pub place: Option<String>,
    /// Where folders are that models keep between their runs. Default: nothing is kept.
    pub cache: Option<PathBuf>,
    /// Speak as with Docker also where Podman answers.
    pub as_docker: bool,
}

/// Why a model's image cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ContainerError {
    /// The engine says no, or is not there.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// There is no such image here.
    #[error(
        "image `{image}` is not on this machine, and images are never fetched here: `podman pull {image}` or `docker pull {image}`, or set `pull = \"missing\"`"
    )]
    NotHere {
        /// Its name.
        image: String,
    },
    /// There is no such image here, and it cannot be had.
    #[error(
        "image `{image}` is not on this machine and cannot be fetched: build it (`tagger build`), or name it with its registry"
    )]
    NotFetched {
        /// Its name.
        image: String,
        /// The engine's reason.
        source: EngineError,
    },
    /// The image is to be fetched every time, and cannot be had. Whether one is here does not matter then.
    #[error(
        "image `{image}` cannot be fetched, which `pull = \"always\"` asks for: mend what the registry says, or set `pull = \"missing\"` to use what is on this machine"
    )]
    NotRenewed {
        /// Its name.
        image: String,
        /// The engine's reason.
        source: EngineError,
    },
    /// What is written on the image is no manifest.
    #[error(
        "image `{image}` has a label {label} that cannot be read: build it again, or name its `image` and `kind` under [model.NAME] of a server's configuration or in a manifest of its own"
    )]
    Label {
        /// The image.
        image: String,
        /// The label.
        label: &'static str,
        /// What is wrong with it.
        source: ManifestError,
    },
    /// Podman is here, and its service cannot be started.
    #[error("cannot start a service of Podman: {told}")]
    Service {
        /// The system's reason, or what Podman said last.
        told: String,
    },
}

/// Starts model programs in containers. Nothing is asked or started before the first one is wanted; copies are the same.
#[derive(Clone)]
pub struct Containers {
    inner: Arc<Inner>,
}

struct Inner {
    setup: ContainerSetup,
    engine: Engine,
    survivors: Survivors,
}

impl Containers {
    /// Containers by this setup.
    pub fn new(setup: ContainerSetup) -> Self {
        let inner = Inner { engine: Engine::new(setup.clone()), setup, survivors: Survivors::default() };
        Self { inner: Arc::new(inner) }
    }

    /// The engine, started if it has to be.
    ///
    /// # Errors
    /// [`ContainerError`].
    pub async fn client(&self) -> Result<Client, ContainerError> {
        self.inner.engine.client().await
    }

    /// Reads what the images of those `models` say that have one; fetches them if they have to be.
    ///
    /// # Errors
    /// [`ModelError::Image`].
    pub async fn look_up(&self, models: &mut [Model]) -> Result<(), ModelError> {
        for model in models {
            if model.image.as_ref().is_some_and(|image| image.id.is_empty()) {
                let looked_up = async { image::look_up(&self.client().await?, model, self.inner.setup.pull).await };
                if let Err(source) = looked_up.await {
                    return Err(ModelError::Image { model: model.name.clone(), source });
                }
            }
        }
        Ok(())
    }

    /// Asks a model's program what it is: without media, network or devices. `None` if it does not say.
    pub(crate) async fn describe(&self, model: &Model) -> Option<Description> {
        let image = model.image.as_ref()?;
        let folder = tempfile::tempdir().ok()?;
        let container = Container { image: image.id.clone(), folder: folder.path().into(), ..Container::default() };
        lay_out(&container.folder).ok()?;
        let mut command = model.command.clone();
        command.push("--describe".into());
        let launch = Launch { command, container: Some(container), ..Launch::default() };
        let mut program = Contained::start(self, &launch, true).await.ok()?;
        program.close_input();
        let ended = timeout(DESCRIBE_PATIENCE, program.wait()).await;
        let is_clean = ended.is_ok_and(|ended| ended.is_ok_and(|ending| ending.is_clean));
        let answer = Box::new(program).finish().await;
        Description::find(&answer).filter(|_| is_clean)
    }

    /// Removes the containers of those who have died, and ends an engine of our own.
    pub async fn close(&self) {
        self.let_all_go().await;
        self.inner.engine.close().await;
    }

    /// Removes what services of this place have left behind, if there is an engine that may know of any. Containers that
    /// still run for a job, and write to its folder in `work`, stay to be taken over: gives these folders.
    pub async fn sweep(&self, work: &Path) -> Vec<PathBuf> {
        // Without one, nothing runs; and none is started just to look.
        self.inner.survivors.put(self.inner.engine.sweep_if_there(work).await);
        self.inner.survivors.folders()
    }

    /// The folder that programs of an image keep between their runs.
    pub(crate) fn cache_of(&self, image: &ImageModel) -> io::Result<Option<PathBuf>> {
        self.inner.setup.cache.as_ref().map(|folder| media::cache(folder, &image.name, &image.user)).transpose()
    }
}

#[async_trait]
impl Executor for Containers {
    async fn start(&self, launch: &Launch) -> io::Result<Box<dyn RunningProgram>> {
        Ok(Box::new(Contained::start(self, launch, false).await?))
    }
}

/// Starts each program as it wants: as a process, or in a container.
#[derive(Clone)]
pub struct Executors {
    /// Starts processes.
    pub processes: ProcessExecutor,
    /// Starts containers.
    pub containers: Containers,
}

#[async_trait]
impl Executor for Executors {
    async fn start(&self, launch: &Launch) -> io::Result<Box<dyn RunningProgram>> {
        match launch.container {
            None => self.processes.start(launch).await,
            Some(_) => self.containers.start(launch).await,
        }
    }
}

/// A program of the search path.
fn on_search_path(name: &str) -> Option<OsString> {
    let path = std::env::var_os("PATH")?;
    let mut found =
        std::env::split_paths(&path).map(|folder| folder.join(name)).filter(|file: &PathBuf| file.is_file());
    found.next().map(PathBuf::into_os_string)
}

/// Whether systemd runs here.
fn has_systemd() -> bool {
    Path::new("/run/systemd/system").exists()
}
