//! What a container is made of, and how it is said to each engine.
//!
//! Every container is locked down: no capabilities, no new privileges, the engine's own filter of system calls. What else
//! it may do, the spec says.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

/// A period of the system's processor accounting, in microseconds.
const PERIOD_US: u64 = 100_000;

/// What a container is made of.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Spec {
    /// The image, by name or id.
    pub image: String,
    /// The program, in place of the image's own.
    pub entrypoint: Option<Vec<String>>,
    /// Its arguments, in place of the image's own.
    pub command: Vec<String>,
    /// Where it starts. Default: where the image says.
    pub folder: Option<String>,
    /// Variables besides those of the image.
    pub env: BTreeMap<String, String>,
    /// What it is found by.
    pub labels: BTreeMap<String, String>,
    /// Who it runs as. Default: whom the image names, else root without capabilities.
    pub user: Option<String>,
    /// Whether its standard input can be attached to.
    pub has_input: bool,
    /// Whether it shares the network of this machine. Otherwise it has none.
    pub has_network: bool,
    /// Whether the files of the image can be written over, in a copy of its own.
    pub is_root_writable: bool,
    /// What of this machine it sees.
    pub mounts: Vec<Mount>,
    /// How much memory it may take, swap included. Default: all there is.
    pub memory_bytes: Option<u64>,
    /// How many processors' time it may take. Default: all there is.
    pub cpus: Option<f64>,
    /// How many processes and threads it may have. Default: as the engine chooses.
    pub processes: Option<u64>,
    /// How many files it may have open. Default: as the engine chooses.
    pub open_files: Option<u64>,
    /// Devices by their CDI names, as in `nvidia.com/gpu=0`.
    pub devices: Vec<String>,
}

/// Something that a container sees besides its image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mount {
    /// A file or folder of this machine.
    Bind {
        /// Its path here, which must exist.
        source: PathBuf,
        /// Its path there.
        target: String,
        /// Whether it can be written to.
        is_writable: bool,
    },
    /// A folder in memory, which goes with the container.
    Memory {
        /// Its path there.
        target: String,
        /// How much it holds.
        max_bytes: u64,
    },
}

impl Spec {
    /// For Podman's own interface.
    pub(crate) fn for_podman(&self) -> Value {
        let mounts: Vec<Value> = self.mounts.iter().map(Mount::for_podman).collect();
        let devices: Vec<Value> = self.devices.iter().map(|name| json!({ "path": name })).collect();
        let mut limits = json!({});
        if let Some(bytes) = self.memory_bytes {
            limits["memory"] = json!({ "limit": bytes, "swap": bytes });
        }
        if let Some(cpus) = self.cpus {
            limits["cpu"] = json!({ "quota": quota_us(cpus), "period": PERIOD_US });
        }
        if let Some(count) = self.processes {
            limits["pids"] = json!({ "limit": count });
        }
        let mut spec = json!({
            "image": self.image,
            "command": self.command,
            "env": self.env,
            "labels": self.labels,
            "stdin": self.has_input,
            "terminal": false,
            "netns": { "nsmode": if self.has_network { "host" } else { "none" } },
            "read_only_filesystem": !self.is_root_writable,
            "no_new_privileges": true,
            "cap_drop": ["ALL"],
            "resource_limits": limits,
            "mounts": mounts,
            "devices": devices,
            // Its output is read from the connection; a second copy on disk would have no bound.
            "log_configuration": { "driver": "none" },
            "image_volume_mode": "ignore",
            "unsetenv": ["container"],
        });
        if let Some(entrypoint) = &self.entrypoint {
            spec["entrypoint"] = json!(entrypoint);
        }
        if let Some(folder) = &self.folder {
            spec["work_dir"] = json!(folder);
        }
        if let Some(user) = &self.user {
            spec["user"] = json!(user);
        }
        if let Some(count) = self.open_files {
            // Equal numbers: Podman 4.3 swaps them.
            let limit = |name: &str| json!({ "type": name, "soft": count, "hard": count });
            spec["r_limits"] = json!([limit("nofile"), limit("nproc")]);
        }
        spec
    }

    /// For the interface that Podman shares with Docker.
    pub(crate) fn for_docker(&self) -> Value {
        let mounts: Vec<Value> = self.mounts.iter().filter_map(Mount::for_docker).collect();
        let memory_mounts: BTreeMap<&str, String> = self.mounts.iter().filter_map(Mount::memory_for_docker).collect();
        let env: Vec<String> = self.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut host = json!({
            "NetworkMode": if self.has_network { "host" } else { "none" },
            "ReadonlyRootfs": !self.is_root_writable,
            "SecurityOpt": ["no-new-privileges"],
            "CapDrop": ["ALL"],
            "Mounts": mounts,
            "Tmpfs": memory_mounts,
            "LogConfig": { "Type": "none" },
        });
        if let Some(bytes) = self.memory_bytes {
            (host["Memory"], host["MemorySwap"]) = (json!(bytes), json!(bytes));
        }
        if let Some(cpus) = self.cpus {
            (host["CpuQuota"], host["CpuPeriod"]) = (json!(quota_us(cpus)), json!(PERIOD_US));
        }
        if let Some(count) = self.processes {
            host["PidsLimit"] = json!(count);
        }
        if let Some(count) = self.open_files {
            let limit = |name: &str| json!({ "Name": name, "Soft": count, "Hard": count });
            host["Ulimits"] = json!([limit("nofile"), limit("nproc")]);
        }
        if !self.devices.is_empty() {
            host["DeviceRequests"] = json!([{ "Driver": "cdi", "DeviceIDs": self.devices }]);
        }
        let mut spec = json!({
            "Image": self.image,
            "Cmd": self.command,
            "Env": env,
            "Labels": self.labels,
            "OpenStdin": self.has_input,
            "StdinOnce": true,
            "AttachStdin": self.has_input,
            "AttachStdout": true,
            "AttachStderr": true,
            "Tty": false,
            "HostConfig": host,
        });
        if let Some(entrypoint) = &self.entrypoint {
            spec["Entrypoint"] = json!(entrypoint);
        }
        if let Some(folder) = &self.folder {
            spec["WorkingDir"] = json!(folder);
        }
        if let Some(user) = &self.user {
            spec["User"] = json!(user);
        }
        spec
    }
}

impl Mount {
    fn for_podman(&self) -> Value {
        match self {
            Self::Bind { source, target, is_writable } => json!({
                "type": "bind", "source": source, "destination": target,
                "options": [if *is_writable { "rw" } else { "ro" }, "rbind", "rprivate", "nosuid", "nodev"],
            }),
            Self::Memory { target, max_bytes } => json!({
                "type": "tmpfs", "source": "tmpfs", "destination": target,
                "options": [format!("size={max_bytes}"), "mode=1777", "nosuid", "nodev"],
            }),
        }
    }

    fn for_docker(&self) -> Option<Value> {
        match self {
            Self::Bind { source, target, is_writable } => Some(json!({
                "Type": "bind", "Source": source, "Target": target, "ReadOnly": !is_writable,
            })),
            Self::Memory { .. } => None,
        }
    }

    fn memory_for_docker(&self) -> Option<(&str, String)> {
        match self {
            Self::Bind { .. } => None,
            Self::Memory { target, max_bytes } => Some((target, format!("size={max_bytes},mode=1777,nosuid,nodev"))),
        }
    }
}

/// How many microseconds of a period a program may run, on all processors together. The system takes no less than 1 ms.
fn quota_us(cpus: f64) -> u64 {
    ((cpus * PERIOD_US as f64).round() as u64).max(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_allowed_that_the_spec_does_not_say() {
        let spec = Spec { image: "x".into(), ..Spec::default() };
        let (podman, docker) = (spec.for_podman(), spec.for_docker());
        assert_eq!(podman["netns"]["nsmode"], "none");
        assert_eq!([&podman["read_only_filesystem"], &podman["no_new_privileges"]], [true, true]);
        assert_eq!(podman["cap_drop"], json!(["ALL"]));
        let host = &docker["HostConfig"];
        assert_eq!((&host["NetworkMode"], &host["ReadonlyRootfs"]), (&json!("none"), &json!(true)));
        assert_eq!((&host["CapDrop"], &host["SecurityOpt"]), (&json!(["ALL"]), &json!(["no-new-privileges"])));
    }

    #[test]
    fn processors_are_time_of_a_period() {
        assert_eq!([0.0, 0.5, 2.25].map(quota_us), [1000, 50_000, 225_000]);
    }
}
