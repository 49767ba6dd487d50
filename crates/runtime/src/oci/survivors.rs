//! Containers that run although the service which started them has been killed, for the next one to take over.
//!
//! Their input has ended with that service, so they finish what they were given and need nobody for that. What they write
//! is in their folders, from the first line on. One is taken over by an attempt of its job that would start the very same
//! program over files which it has; any other is removed.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};
use tagger_engine::{Client, Listed};

use super::Containers;
use super::media::{MEDIA, OUTPUT, OUTPUT_FILE};
use crate::digest::hex;
use crate::executor::Launch;
use crate::handover::base_name;

/// The label with the job that a container works for.
const JOB: &str = "io.tagger.job";
/// The label with what was started: see [`start_of`].
const START: &str = "io.tagger.start";
/// The label with the folder of its own that a container has on this machine.
const FOLDER: &str = "io.tagger.folder";
/// The label with the devices that it was lent.
const DEVICES: &str = "io.tagger.devices";

/// What a container is known by when it is to be taken over.
pub(super) fn labels(launch: &Launch) -> BTreeMap<String, String> {
    let Some((container, job)) = launch.container.as_ref().and_then(|it| Some((it, it.job.clone()?))) else {
        return BTreeMap::new();
    };
    let folder = container.folder.display().to_string();
    let devices = container.devices.join(",");
    [(JOB, job), (START, start_of(launch)), (FOLDER, folder), (DEVICES, devices)]
        .map(|(label, value)| (label.to_owned(), value))
        .into()
}

/// All that decides what a program does and may do, but for its files: equal for starts that are the same.
fn start_of(launch: &Launch) -> String {
    let container = launch.container.as_ref();
    let container = container.map(|it| (&it.image, &it.cache, &it.limits, &it.grants, &it.devices));
    // How it is written is of no account: a later release that writes it otherwise takes nothing over.
    let all = format!("{} {:?} {:?} {container:?}", env!("CARGO_PKG_VERSION"), launch.command, launch.env);
    hex(&Sha256::digest(all))
}

/// One of them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Survivor {
    id: String,
    job: String,
    start: String,
    folder: PathBuf,
    devices: Vec<String>,
}

impl Survivor {
    /// `None`: it has ended, was not started for a job, or is nothing that could go on.
    pub fn of(listed: &Listed) -> Option<Self> {
        let label = |name| listed.labels.get(name).cloned();
        let folder = PathBuf::from(label(FOLDER)?);
        if listed.state != "running" || !folder.join(OUTPUT).is_dir() {
            return None;
        }
        let devices = label(DEVICES)?.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        Some(Self { id: listed.id.clone(), job: label(JOB)?, start: label(START)?, folder, devices })
    }

    /// Whether it has each of these files: the very ones, not others of the same name.
    fn has(&self, paths: &[String]) -> bool {
        let number = |path: &Path| fs::metadata(path).ok().map(|facts| (facts.dev(), facts.ino()));
        let is_there = |path: &String| {
            let own = number(&self.folder.join(MEDIA).join(base_name(path)));
            own.is_some() && own == number(Path::new(path))
        };
        paths.iter().all(is_there)
    }

    /// The names of the files that it was given besides `paths`.
    fn others(&self, paths: &[String]) -> Vec<String> {
        let given = fs::read_dir(self.folder.join(MEDIA)).into_iter().flatten().flatten();
        let names = given.filter_map(|entry| entry.file_name().into_string().ok());
        names.filter(|name| paths.iter().all(|path| base_name(path) != name)).collect()
    }

    /// The folder of the attempt that started it.
    fn attempt_folder(&self) -> &Path {
        self.folder.parent().unwrap_or(&self.folder)
    }

    /// Removes it with what it has written.
    pub async fn remove(self, client: &Client) {
        // If not now, then at the next start.
        let _ = client.remove_container(&self.id).await;
        let _ = fs::remove_dir_all(self.attempt_folder());
    }
}

/// Those that nobody has taken over yet.
#[derive(Debug, Default)]
pub(super) struct Survivors(Mutex<Vec<Survivor>>);

impl Survivors {
    pub fn put(&self, found: Vec<Survivor>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(found);
    }

    fn take(&self, is_meant: impl Fn(&Survivor) -> bool) -> Vec<Survivor> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extract_if(.., |survivor| is_meant(survivor)).collect()
    }

    pub fn folders(&self) -> Vec<PathBuf> {
        let survivors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        survivors.iter().map(|survivor| survivor.attempt_folder().to_owned()).collect()
    }
}

/// A program that was taken over.
pub(crate) struct TakenOver {
    /// Where it writes, from its first line on.
    pub output: PathBuf,
    /// Files that it was given and that are of no interest any more.
    pub others: Vec<String>,
    /// What is to be removed when it has ended.
    pub folder: PathBuf,
}

impl Containers {
    /// Makes a start into the taking over of a program that does the same for this job over these files already, if there
    /// is one. Whatever else runs for the job, or with the devices that it was lent, is removed.
    pub(crate) async fn take_over(&self, launch: &mut Launch, paths: &[String]) -> Option<TakenOver> {
        let start = start_of(launch);
        let container = launch.container.as_mut()?;
        let job = container.job.clone()?;
        let is_meant = |survivor: &Survivor| {
            survivor.job == job || survivor.devices.iter().any(|device| container.devices.contains(device))
        };
        let mut found = None;
        for survivor in self.inner.survivors.take(is_meant) {
            let is_same = survivor.job == job && survivor.start == start && survivor.has(paths);
            if is_same && found.is_none() {
                found = Some(survivor);
            } else if let Ok(client) = self.client().await {
                survivor.remove(&client).await;
            }
        }
        let survivor = found?;
        container.running = Some(survivor.id.clone());
        container.folder = survivor.folder.clone();
        Some(TakenOver {
            output: survivor.folder.join(OUTPUT).join(OUTPUT_FILE),
            others: survivor.others(paths),
            folder: survivor.attempt_folder().to_owned(),
        })
    }

    /// Removes what still runs for a job that will not take it over.
    pub(crate) fn let_go(&self, job: &str) {
        self.remove_soon(self.inner.survivors.take(|survivor| survivor.job == job));
    }

    /// Removes all that nobody has taken over.
    pub(crate) fn let_all_go(&self) {
        self.remove_soon(self.inner.survivors.take(|_| true));
    }

    fn remove_soon(&self, survivors: Vec<Survivor>) {
        if survivors.is_empty() {
            return;
        }
        let containers = self.clone();
        tokio::spawn(async move {
            let Ok(client) = containers.client().await else { return };
            for survivor in survivors {
                survivor.remove(&client).await;
            }
        });
    }
}
