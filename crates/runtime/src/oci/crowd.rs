//! Whether a program has come up against the number of processes that its container may have.
//!
//! Only the kernel knows, and only as long as the container's control group is there: it counts how often it let the
//! program start no more.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use tagger_engine::Client;

/// What is known of it.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    /// The file with the kernel's count. Empty: not found yet, or not to be seen from here.
    counter: OnceLock<PathBuf>,
    was_full: AtomicBool,
}

impl Crowd {
    /// Looks at the count of a container while it runs.
    pub async fn look(&self, client: &Client, id: &str) {
        if self.counter.get().is_none()
            && let Some(counter) = find(client, id).await
        {
            // Whoever has found it before has found the same.
            let _ = self.counter.set(counter);
        }
        let Some(counter) = self.counter.get() else { return };
        if fs::read_to_string(counter).is_ok_and(|text| refusals(&text) > 0) {
            self.was_full.store(true, Ordering::Relaxed);
        }
    }

    /// Whether the program was ever seen to be let start no more.
    pub fn was_full(&self) -> bool {
        self.was_full.load(Ordering::Relaxed)
    }
}

async fn find(client: &Client, id: &str) -> Option<PathBuf> {
    let pid = client.container(id).await.ok()??.pid?;
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    // An engine in a machine of its own counts processes otherwise: then the number is somebody else's here.
    let group = folder(&groups, &mounts).filter(|group| group.to_string_lossy().contains(id))?;
    let counter = group.join("pids.events");
    counter.is_file().then_some(counter)
}

/// The folder of the control group that counts processes, by what the system says of a process and of its mounts: a
/// hierarchy of its own, or the one for everything.
fn folder(groups: &str, mounts: &str) -> Option<PathBuf> {
    let group = |is_it: &dyn Fn(&str) -> bool| {
        groups.lines().find_map(|line| {
            let (_, rest) = line.split_once(':')?;
            let (controllers, path) = rest.split_once(':')?;
            is_it(controllers).then(|| path.trim_start_matches('/'))
        })
    };
    let mounted = |kind: &str, option: &str| {
        mounts.lines().find_map(|line| {
            let mut words = line.split(' ').skip(1);
            let (place, found, options) = (words.next()?, words.next()?, words.next()?);
            let is_it = found == kind && (option.is_empty() || options.split(',').any(|word| word == option));
            is_it.then(|| Path::new(place).to_owned())
        })
    };
    let own = || Some(mounted("cgroup", "pids")?.join(group(&|names| names.split(',').any(|name| name == "pids"))?));
    own().or_else(|| Some(mounted("cgroup2", "")?.join(group(&str::is_empty)?)))
}

/// How often the kernel said no.
fn refusals(events: &str) -> u64 {
    let count = events.lines().find_map(|line| line.strip_prefix("max ")?.trim().parse().ok());
    count.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_is_found_where_processes_are_counted() {
        let old =
            ("8:pids:/docker/a\n0::/\n", "t /sys/fs/cgroup tmpfs rw 0 0\nc /sys/fs/cgroup/pids cgroup rw,pids 0 0\n");
        assert_eq!(folder(old.0, old.1), Some("/sys/fs/cgroup/pids/docker/a".into()));
        let new = ("0::/machine.slice/a.scope\n", "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n");
        assert_eq!(folder(new.0, new.1), Some("/sys/fs/cgroup/machine.slice/a.scope".into()));
        assert_eq!(folder("", new.1), None);
    }

    #[test]
    fn what_was_never_refused_is_none() {
        assert_eq!(["max 0\n", "max 12\n", ""].map(refusals), [0, 12, 0]);
    }
}
