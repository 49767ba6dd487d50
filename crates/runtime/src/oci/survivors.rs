//! Containers that run although the service which started them has been killed, for the next one to take over.
//!
//! Their input has ended with that service, so they finish what they were given and need nobody for that. What they write
//! is in their folders, from the first line on. One is taken over by an attempt of its job that would start the very same
//! program over files which it has; any other is removed.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};
use tagger_engine::Listed;

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

/// What a container is known by when it is to be taken over. All labels are always there: those that are missing, its
/// image could bring along.
pub(super) fn labels(launch: &Launch) -> BTreeMap<String, String> {
    let container = launch.container.as_ref();
    let job = container.and_then(|container| container.job.clone()).unwrap_or_default();
    let folder = container.map_or(String::new(), |container| container.folder.display().to_string());
    let devices = container.map_or(String::new(), |container| container.devices.join(","));
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
    /// `None`: it has ended, was not started for a job, or does not write to a folder of an attempt in `work`.
    pub fn of(listed: &Listed, work: &Path) -> Option<Self> {
        let label = |name| listed.labels.get(name).cloned();
        let folder = PathBuf::from(label(FOLDER)?);
        let within: Vec<Component> = folder.strip_prefix(work).ok()?.components().collect();
        let is_of_an_attempt = matches!(within[..], [Component::Normal(_), Component::Normal(_)]);
        let job = label(JOB).filter(|job| !job.is_empty())?;
        if listed.state != "running" || !is_of_an_attempt || !folder.join(OUTPUT).is_dir() {
            return None;
        }
        let devices = label(DEVICES)?.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        Some(Self { id: listed.id.clone(), job, start: label(START)?, folder, devices })
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
        let mut others = self.inner.survivors.take(is_meant);
        let is_same = |survivor: &Survivor| survivor.job == job && survivor.start == start && survivor.has(paths);
        let same = others.iter().position(is_same).map(|place| others.swap_remove(place));
        self.remove(others).await;
        let survivor = same?;
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
        let survivors = self.inner.survivors.take(|survivor| survivor.job == job);
        if !survivors.is_empty() {
            // An engine may take its time, which is no matter of who calls.
            let containers = self.clone();
            tokio::spawn(async move { containers.remove(survivors).await });
        }
    }

    /// Removes all that nobody has taken over.
    pub(crate) async fn let_all_go(&self) {
        self.remove(self.inner.survivors.take(|_| true)).await;
    }

    async fn remove(&self, survivors: Vec<Survivor>) {
        if survivors.is_empty() {
            return;
        }
        let Ok(client) = self.client().await else { return };
        for survivor in survivors {
            // If not now, then at the next start.
            let _ = client.remove_container(&survivor.id).await;
            let _ = fs::remove_dir_all(survivor.attempt_folder());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::Container;

    fn launch(job: Option<&str>, folder: &Path) -> Launch {
        let container = Container { job: job.map(str::to_owned), folder: folder.to_owned(), ..Container::default() };
        Launch { container: Some(container), ..Launch::default() }
    }

    fn listed(labels: BTreeMap<String, String>) -> Listed {
        Listed { id: "1".into(), state: "running".into(), labels }
    }

    #[test]
    fn an_image_cannot_say_what_a_container_of_it_works_for() {
        let names = |job| labels(&launch(job, Path::new("/x"))).into_keys().collect::<Vec<_>>();
        assert_eq!(names(None), names(Some("job")));
    }

    #[test]
    fn only_what_writes_for_an_attempt_is_taken_over() {
        let work = tempfile::tempdir().unwrap();
        let survives = |job, folder: &str| {
            let folder = work.path().join(folder);
            fs::create_dir_all(folder.join(OUTPUT)).unwrap();
            Survivor::of(&listed(labels(&launch(job, &folder))), work.path()).is_some()
        };
        assert!(survives(Some("job"), "job-1/output"));
        assert!(!survives(None, "job-1/output"));
        assert!(!survives(Some("job"), "job-1"));
        let elsewhere = tempfile::tempdir().unwrap();
        for outside in ["job-1/../x", elsewhere.path().join("a/b").to_str().unwrap()] {
            assert!(!survives(Some("job"), outside), "{outside}");
        }
    }

    #[test]
    fn a_file_of_the_same_name_is_not_the_same_file() {
        let work = tempfile::tempdir().unwrap();
        let own = work.path().join("job-1/output");
        fs::create_dir_all(own.join(OUTPUT)).unwrap();
        fs::create_dir_all(own.join(MEDIA)).unwrap();
        let [one, other] = ["one", "other"].map(|folder| {
            fs::create_dir(work.path().join(folder)).unwrap();
            let path = work.path().join(folder).join("a.mp4");
            fs::write(&path, "x").unwrap();
            path.to_str().unwrap().to_owned()
        });
        fs::hard_link(&one, own.join(MEDIA).join("a.mp4")).unwrap();
        let survivor = Survivor::of(&listed(labels(&launch(Some("job"), &own))), work.path()).unwrap();
        assert!(survivor.has(std::slice::from_ref(&one)));
        assert!(!survivor.has(&[other]));
        assert_eq!(survivor.others(&[]), ["a.mp4"]);
        assert_eq!(survivor.others(&[one]), [""; 0]);
    }
}
