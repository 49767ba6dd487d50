//! What the system allows one user or program: open files, processes, memory, watched files.

use std::fs;
use std::io;
use std::path::Path;

use rustix::fs::inotify;
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit};

use super::Observation;
use super::storage::size;

/// A run of several models opens a few dozen files and pipes for each, and libraries of models more.
const FEW_FILES: u64 = 1024;
/// Numeric libraries start a thread a core in each program, and threads count.
const FEW_PROCESSES: u64 = 1024;
/// A decoder, its frames and an interpreter with numpy, twice.
const LITTLE_BYTES: u64 = 1 << 30;
/// Each running program is watched with one, and desktops use dozens.
const FEW_WATCHERS: u64 = 64;

pub fn examine() -> Vec<Observation> {
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    vec![
        limit("open-files", "open files", "-n", FEW_FILES, getrlimit(Resource::Nofile)),
        limit("processes", "processes and threads", "-u", FEW_PROCESSES, getrlimit(Resource::Nproc)),
        memory(&meminfo, memory_limit()),
        watched_files(),
    ]
}

fn limit(subject: &'static str, what: &str, option: &str, few: u64, limit: Rlimit) -> Observation {
    match (limit.current, limit.maximum) {
        (None, _) => Observation::fine(subject, format!("any number of {what}")),
        (Some(soft), _) if soft >= few => Observation::fine(subject, format!("{soft} {what}")),
        (Some(soft), hard) if hard.is_none_or(|hard| hard >= few) => {
            let found = format!("{soft} {what}; several models at once may need {few}");
            Observation::remark(subject, found, format!("ulimit {option} {few}"))
        }
        (Some(soft), _) => {
            let found = format!("{soft} {what}, and no more may be asked for; several models at once may need {few}");
            Observation::remark(subject, found, format!("as root: ulimit {option} {few}, then start tagger from there"))
        }
    }
}

/// What is free, and never more than the control group allows.
fn memory(meminfo: &str, limit_bytes: Option<u64>) -> Observation {
    const SUBJECT: &str = "memory";
    let field = |name: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        Some(line.split_whitespace().next()?.parse::<u64>().ok()? << 10)
    };
    let (Some(free), Some(total)) = (field("MemAvailable"), field("MemTotal")) else {
        return Observation::fine(SUBJECT, "the system does not tell");
    };
    let limit_bytes = limit_bytes.filter(|limit| *limit < total);
    let usable = limit_bytes.map_or(free, |limit| limit.min(free));
    let bound = limit_bytes.map(|limit| format!(", limited to {} here", size(limit))).unwrap_or_default();
    let found = format!("{} of {} available{bound}", size(free), size(total));
    if usable < LITTLE_BYTES {
        return Observation::remark(
            SUBJECT,
            found,
            "end other programs (`ps aux --sort -rss | head` names the largest)",
        );
    }
    Observation::fine(SUBJECT, found)
}

/// What the control group that we see as the topmost allows: in a container, that of the container.
fn memory_limit() -> Option<u64> {
    let files = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    files.iter().find_map(|file| fs::read_to_string(file).ok()?.trim().parse().ok())
}

/// The system tells when an output file grows, up to a number of watchers that all programs of a user share.
fn watched_files() -> Observation {
    const SUBJECT: &str = "watched-files";
    let number = |name: &str| -> Option<u64> {
        fs::read_to_string(Path::new("/proc/sys/fs/inotify").join(name)).ok()?.trim().parse().ok()
    };
    let (watchers, watches) = (number("max_user_instances"), number("max_user_watches"));
    let told = match (watchers, watches) {
        (Some(watchers), Some(watches)) => format!("{watchers} watchers of {watches} files"),
        _ => "the system does not tell how many".to_owned(),
    };
    match watch_something() {
        Ok(()) if watchers.is_none_or(|watchers| watchers >= FEW_WATCHERS) => Observation::fine(SUBJECT, told),
        Ok(()) => Observation::remark(SUBJECT, told, MORE_WATCHERS),
        Err(error) => {
            let found = format!("{told}, all in use ({error}); tags are seen later than they could be");
            let mend = match Errno::from_io_error(&error) {
                Some(Errno::NOSPC) => "sysctl fs.inotify.max_user_watches=1048576 (as root)",
                _ => MORE_WATCHERS,
            };
            Observation::remark(SUBJECT, found, mend)
        }
    }
}

const MORE_WATCHERS: &str = "sysctl fs.inotify.max_user_instances=1024 (as root)";

fn watch_something() -> io::Result<()> {
    let watcher = inotify::init(inotify::CreateFlags::CLOEXEC)?;
    inotify::add_watch(&watcher, "/", inotify::WatchFlags::DELETE_SELF)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Condition;

    #[test]
    fn a_low_limit_is_raised_as_far_as_the_user_may() {
        let found = |current, maximum| limit("open-files", "open files", "-n", 1024, Rlimit { current, maximum });
        assert_eq!(found(None, None).condition, Condition::Fine);
        assert_eq!(found(Some(1024), Some(1024)).condition, Condition::Fine);
        assert_eq!(found(Some(256), Some(4096)).mend.as_deref(), Some("ulimit -n 1024"));
        assert_eq!(found(Some(256), None).mend.as_deref(), Some("ulimit -n 1024"));
        assert!(found(Some(256), Some(512)).mend.is_some_and(|mend| mend.starts_with("as root")));
    }

    #[test]
    fn memory_is_what_is_free_within_the_limit() {
        let meminfo = "MemTotal:       16777216 kB\nMemFree:  1 kB\nMemAvailable:    8388608 kB\n";
        assert_eq!(memory(meminfo, None), Observation::fine("memory", "8.0 GiB of 16.0 GiB available"));
        assert_eq!(memory(meminfo, Some(1 << 62)), memory(meminfo, None), "no limit is a very large one");
        let limited = memory(meminfo, Some(512 << 20));
        assert_eq!(limited.condition, Condition::Remark);
        assert_eq!(limited.found, "8.0 GiB of 16.0 GiB available, limited to 512 MiB here");
    }
}
