//! A Docker Engine of the tests' own: its socket, images and containers lie in one folder, and go with it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long the daemon may take to answer, and to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// The daemon.
pub struct Dockerd {
    folder: PathBuf,
    daemon: Child,
}

impl Dockerd {
    /// Starts one over `folder`, whose path has to be short, as sockets lie below it. `None`, with a word about it, where
    /// there is none to start; under `CI=true` there has to be.
    pub fn start(folder: &Path) -> Option<Self> {
        let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
        let is_here = Command::new("dockerd").arg("--version").output().is_ok();
        if !is_here && std::env::var("CI").is_ok_and(|value| value == "true") {
            panic!("dockerd is missing: `scripts/system-packages.sh containers` installs it");
        }
        if !is_here || !is_root {
            println!(
                "not on Docker: {}",
                if is_here { "only root can start its daemon" } else { "it is not installed" }
            );
            return None;
        }
        fs::create_dir_all(folder).unwrap();
        Some(Self { folder: folder.to_owned(), daemon: spawn(folder) })
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.join("docker.sock")
    }

    /// Kills the daemon where it stands, and starts another one over the same folder.
    #[allow(dead_code)] // one of the two programs of tests that have this module kills it
    pub fn kill_and_start_again(&mut self) {
        self.daemon.kill().unwrap();
        self.daemon.wait().unwrap();
        // What the daemon had started dies with it. Where nobody buries that, its number would be taken for a process.
        for name in ["pid", "exec/containerd/containerd.pid"] {
            fs::remove_file(self.folder.join(name)).unwrap();
        }
        self.daemon = spawn(&self.folder);
    }
}

impl Drop for Dockerd {
    /// Ends the daemon, which ends what it has started, and removes the folder.
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.daemon.id().to_string()).status();
        let begun = Instant::now();
        while self.daemon.try_wait().is_ok_and(|ended| ended.is_none()) {
            if begun.elapsed() > PATIENCE {
                let _ = self.daemon.kill();
            }
            sleep(Duration::from_millis(10));
        }
        // Where a test has failed, a daemon may have gone without ending its containers.
        for process in watchers(&self.folder) {
            let below = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
            for number in below.split_whitespace().chain([process.as_str()]) {
                let _ = Command::new("kill").args(["-KILL", number]).status();
            }
        }
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let mounted = mounts.lines().filter_map(|line| line.split(' ').nth(1)).map(Path::new);
        for mount in mounted.filter(|mount| mount.starts_with(&self.folder)) {
            let _ = Command::new("umount").arg("--lazy").arg(mount).output();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The processes that watch the containers of a daemon over `folder`.
fn watchers(folder: &Path) -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().into_string().ok());
    let address = folder.join("exec").display().to_string();
    let is_one = |number: &String| {
        let command = fs::read_to_string(format!("/proc/{number}/cmdline")).unwrap_or_default();
        command.contains("containerd-shim") && command.contains(&address)
    };
    numbers.filter(is_one).collect()
}

fn spawn(folder: &Path) -> Child {
    let at = |name: &str| folder.join(name);
    // Should the test be killed, the daemon is asked to end.
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM", "dockerd", "--host"]).arg(format!("unix://{}", at("docker.sock").display()));
    for (option, name) in [("--data-root", "root"), ("--exec-root", "exec"), ("--pidfile", "pid")] {
        command.arg(option).arg(at(name));
    }
    // Nothing of this machine's network is touched.
    command.args(["--iptables=false", "--ip6tables=false", "--bridge=none"]);
    command.args(["--exec-opt", "native.cgroupdriver=cgroupfs"]);
    let log = fs::File::create(at("log")).unwrap();
    let mut daemon = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
    let begun = Instant::now();
    while UnixStream::connect(at("docker.sock")).is_err() {
        let is_well = daemon.try_wait().unwrap().is_none() && begun.elapsed() < PATIENCE;
        assert!(is_well, "dockerd: {}", fs::read_to_string(at("log")).unwrap_or_default());
        sleep(Duration::from_millis(10));
    }
    daemon
}
