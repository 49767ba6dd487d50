//! Who descends from whom among the running processes.

use std::collections::HashMap;
use std::fs;

use rustix::process::Pid;

/// Everybody below `root`, parents before children. Empty where the system does not show its processes.
pub(crate) fn descendants(root: Pid) -> Vec<Pid> {
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    for (pid, parent) in processes() {
        children.entry(parent).or_default().push(pid);
    }
    let mut found = children.remove(&root.as_raw_nonzero().get()).unwrap_or_default();
    let mut next = 0;
    while let Some(pid) = found.get(next) {
        let below = children.remove(pid).unwrap_or_default();
        found.extend(below);
        next += 1;
    }
    found.into_iter().filter_map(Pid::from_raw).collect()
}

/// Every process with its parent.
fn processes() -> impl Iterator<Item = (i32, i32)> {
    let folders = fs::read_dir("/proc").into_iter().flatten();
    folders.filter_map(|folder| {
        let pid: i32 = folder.ok()?.file_name().to_str()?.parse().ok()?;
        let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
        // Behind the name in brackets, which may hold anything: state, then parent.
        let behind = stat.iter().rposition(|byte| *byte == b')')? + 1;
        let parent = std::str::from_utf8(&stat[behind..]).ok()?.split_ascii_whitespace().nth(1)?.parse().ok()?;
        Some((pid, parent))
    })
}
