//! Container engines: the program, its socket, the runtime below it, and its limits. All of it is for models in
//! containers only.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::{Resource, getrlimit};
use tagger_engine::{Client, Place, places};
use toml::Table;

use super::{Observation, version_of};

/// The number of open files that Podman asks for where nothing else is configured.
const USUAL_FILES: u64 = 1_048_576;

pub async fn examine() -> Vec<Observation> {
    let engine = engine().await;
    let mut observations = vec![engine.observation, socket(engine.program).await, oci_runtime().await];
    if engine.program == Some("podman") {
        observations.push(ulimits());
    }
    observations
}

struct Engine {
    program: Option<&'static str>,
    observation: Observation,
}

async fn engine() -> Engine {
    for program in ["podman", "docker"] {
        if let Some(version) = version_of(program, "--version").await {
            return Engine { program: Some(program), observation: Observation::fine("container-engine", version) };
        }
    }
    let found = "neither `podman` nor `docker` on the search path; only models in containers need one";
    let mend = "apt-get install --no-install-recommends podman runc netavark catatonit";
    Engine { program: None, observation: Observation::remark("container-engine", found, mend) }
}

async fn socket(engine: Option<&str>) -> Observation {
    const SUBJECT: &str = "container-socket";
    let mut silent = Vec::new();
    for Place { socket, .. } in places() {
        match Client::at(&socket).await {
            Ok(client) => {
                let engine = client.engine().told();
                return Observation::fine(SUBJECT, format!("{engine} answers on `{}`", socket.display()));
            }
            Err(_) if socket.exists() => silent.push(format!("`{}`", socket.display())),
            Err(_) => {}
        }
    }
    let found = match silent.as_slice() {
        [] => "no engine's socket found".to_owned(),
        some => format!("nobody answers on {}", some.join(", ")),
    };
    let is_root = rustix::process::geteuid().is_root();
    let mend = match (engine, Path::new("/run/systemd/system").exists()) {
        (Some("docker"), true) => "systemctl enable --now docker.socket",
        (Some("docker"), false) => "dockerd & (as root)",
        (None, _) => "install an engine first",
        (_, true) if is_root => "systemctl enable --now podman.socket",
        (_, true) => "systemctl --user enable --now podman.socket",
        (_, false) if is_root => "podman system service --time=0 unix:///run/podman/podman.sock &",
        (_, false) => "podman system service --time=0 unix://$XDG_RUNTIME_DIR/podman/podman.sock &",
    };
    Observation::remark(SUBJECT, found, mend)
}

/// What starts containers for the engine.
async fn oci_runtime() -> Observation {
    const SUBJECT: &str = "oci-runtime";
    let runc = version_of("runc", "--version").await;
    let crun = version_of("crun", "--version").await;
    let groups = ControlGroups::of(&fs::read_to_string("/proc/self/mounts").unwrap_or_default());
    judge_runtimes(runc, crun, groups).unwrap_or_else(|found| {
        let mend = "apt-get install --no-install-recommends runc";
        Observation::remark(SUBJECT, found, mend)
    })
}

/// What is fine, or what is wrong.
fn judge_runtimes(runc: Option<String>, crun: Option<String>, groups: ControlGroups) -> Result<Observation, String> {
    match (runc, crun) {
        (None, None) => Err("neither `runc` nor `crun` on the search path; only models in containers need one".into()),
        (None, Some(crun)) if groups == ControlGroups::Hybrid => {
            Err(format!("{crun}, which starts nothing where both versions of control groups are mounted"))
        }
        (runc, crun) => {
            Ok(Observation::fine("oci-runtime", [runc, crun].into_iter().flatten().collect::<Vec<_>>().join(", ")))
        }
    }
}

/// Which versions of control groups are mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ControlGroups {
    /// Only one of them, whichever it is.
    One,
    /// Both.
    Hybrid,
}

impl ControlGroups {
    /// By the text of `/proc/self/mounts`.
    pub fn of(mounts: &str) -> Self {
        let has = |kind: &str| mounts.lines().any(|line| line.split(' ').nth(2) == Some(kind));
        if has("cgroup") && has("cgroup2") { Self::Hybrid } else { Self::One }
    }
}

/// The limits that Podman gives containers.
fn ulimits() -> Observation {
    const SUBJECT: &str = "container-limits";
    let files = configuration();
    let configured = files.iter().rev().find_map(|(path, table)| Some((path, ulimits_of(table)?)));
    let swapped = |limits: &[String]| limits.iter().find(|limit| is_unequal(limit)).cloned();
    let has_files = |limits: &[String]| limits.iter().any(|limit| limit.starts_with("nofile="));
    match &configured {
        Some((path, limits)) if swapped(limits).is_some() => {
            let limit = swapped(limits).unwrap_or_default();
            let found = format!(
                "`{}` sets {limit}; Podman 4.3 swaps the two numbers for containers that are made over its socket, which then do not start",
                path.display()
            );
            let mend = format!("make both numbers of default_ulimits equal in {}", path.display());
            Observation::remark(SUBJECT, found, mend)
        }
        Some((path, limits)) if has_files(limits) => {
            Observation::fine(SUBJECT, format!("{} (`{}`)", limits.join(", "), path.display()))
        }
        _ if is_limited() => {
            let limit = getrlimit(Resource::Nofile).maximum.unwrap_or(USUAL_FILES);
            let found = format!(
                "Podman asks for {USUAL_FILES} open files for each container, and only {limit} are allowed here: Tagger asks for fewer, `podman run` fails"
            );
            let mend = format!(
                "default_ulimits = [\"nofile={limit}:{limit}\"] under [containers] in /etc/containers/containers.conf"
            );
            Observation::remark(SUBJECT, found, mend)
        }
        _ => Observation::fine(SUBJECT, "as Podman chooses"),
    }
}

/// Podman's configuration files, later ones winning.
fn configuration() -> Vec<(PathBuf, Table)> {
    if let Some(only) = std::env::var_os("CONTAINERS_CONF") {
        return read(only.into()).into_iter().collect();
    }
    let mut folders = vec![PathBuf::from("/usr/share/containers"), PathBuf::from("/etc/containers")];
    folders.extend(std::env::home_dir().map(|home| home.join(".config/containers")));
    folders.iter().flat_map(|folder| of_folder(folder)).filter_map(read).collect()
}

fn of_folder(folder: &Path) -> Vec<PathBuf> {
    let dropped = fs::read_dir(folder.join("containers.conf.d")).into_iter().flatten();
    let mut dropped: Vec<PathBuf> = dropped.filter_map(|entry| Some(entry.ok()?.path())).collect();
    dropped.retain(|path| path.extension().is_some_and(|extension| extension == "conf"));
    dropped.sort();
    [vec![folder.join("containers.conf")], dropped].concat()
}

/// A file that is not there, or that is no TOML, sets nothing.
fn read(path: PathBuf) -> Option<(PathBuf, Table)> {
    let table = fs::read_to_string(&path).ok()?.parse().ok()?;
    Some((path, table))
}

fn ulimits_of(table: &Table) -> Option<Vec<String>> {
    let limits = table.get("containers")?.get("default_ulimits")?.as_array()?;
    Some(limits.iter().filter_map(|limit| limit.as_str().map(str::to_owned)).collect())
}

/// Whether `nofile=1024:2048` has two different numbers.
fn is_unequal(limit: &str) -> bool {
    limit.split_once('=').and_then(|(_, numbers)| numbers.split_once(':')).is_some_and(|(soft, hard)| soft != hard)
}

/// Whether root may not raise limits here, as in most containers and on some virtual machines. Podman of another user
/// does not ask for more than that user has.
fn is_limited() -> bool {
    const RAISES_LIMITS: u64 = 1 << 24; // CAP_SYS_RESOURCE
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let capabilities =
        status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("CapEff:")?.trim(), 16).ok());
    let is_root = rustix::process::geteuid().is_root();
    let is_low = getrlimit(Resource::Nofile).maximum.is_some_and(|maximum| maximum < USUAL_FILES);
    is_root && is_low && capabilities.is_some_and(|capabilities| capabilities & RAISES_LIMITS == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crun_alone_does_not_do_where_both_control_groups_are_mounted() {
        let both = "cgroup /sys/fs/cgroup/cpu cgroup rw 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
        let new = "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n";
        assert_eq!([both, new].map(ControlGroups::of), [ControlGroups::Hybrid, ControlGroups::One]);
        let judged = |runc: Option<&str>, crun: Option<&str>, groups| {
            judge_runtimes(runc.map(str::to_owned), crun.map(str::to_owned), groups).is_ok()
        };
        assert!(judged(None, Some("crun 1.8"), ControlGroups::One));
        assert!(!judged(None, Some("crun 1.8"), ControlGroups::Hybrid));
        assert!(judged(Some("runc 1.1"), Some("crun 1.8"), ControlGroups::Hybrid));
        assert!(!judged(None, None, ControlGroups::One));
    }

    #[test]
    fn limits_are_read_from_the_files_that_podman_reads() {
        let table: Table = "[containers]\ndefault_ulimits = ['nofile=1024:2048', 'nproc=9:9']\n".parse().unwrap();
        let limits = ulimits_of(&table).unwrap();
        assert_eq!(limits.iter().map(|limit| is_unequal(limit)).collect::<Vec<_>>(), [true, false]);
        assert_eq!(ulimits_of(&Table::new()), None);
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("containers.conf.d")).unwrap();
        for name in ["b.conf", "a.conf", "notes"] {
            fs::write(folder.path().join("containers.conf.d").join(name), "").unwrap();
        }
        let names = of_folder(folder.path()).into_iter().map(|path| path.file_name().unwrap().to_owned());
        assert_eq!(names.collect::<Vec<_>>(), ["containers.conf", "a.conf", "b.conf"]);
    }
}
