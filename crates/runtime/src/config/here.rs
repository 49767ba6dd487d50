//! What this machine has, where the configuration does not say.

use std::fs;
use std::thread::available_parallelism;

/// How many processors may be used.
pub(super) fn processors() -> f64 {
    available_parallelism().map_or(1.0, |count| count.get() as f64)
}

/// The memory in bytes; 0 where it cannot be known.
pub(super) fn memory_bytes() -> f64 {
    let total = || {
        let facts = fs::read_to_string("/proc/meminfo").ok()?;
        let line = facts.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()
    };
    // A limit of the container that this runs in is what counts there.
    let limit = || fs::read_to_string("/sys/fs/cgroup/memory.max").ok()?.trim().parse::<u64>().ok();
    let kilobytes = total().unwrap_or(0);
    limit().map_or(kilobytes * 1024, |limit| limit.min(kilobytes * 1024)) as f64
}

/// How many processes and threads there can be; 0 where it cannot be known.
pub(super) fn processes() -> f64 {
    let number = |path: &str| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let limits = ["/proc/sys/kernel/pid_max", "/proc/sys/kernel/threads-max"].into_iter().filter_map(number);
    limits.min().unwrap_or(0) as f64
}

/// The numbers of the GPUs that the driver shows, in order.
pub(super) fn gpus() -> Vec<String> {
    let devices = fs::read_dir("/dev").into_iter().flatten().flatten();
    let mut numbers: Vec<u32> =
        devices.filter_map(|device| device.file_name().to_str()?.strip_prefix("nvidia")?.parse().ok()).collect();
    numbers.sort_unstable();
    numbers.iter().map(ToString::to_string).collect()
}
