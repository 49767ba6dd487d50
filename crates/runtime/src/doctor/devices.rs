//! GPUs, and how containers get them: by names that files of the Container Device Interface (CDI) give.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Observation;

/// Where engines look for CDI files.
const FOLDERS: [&str; 2] = ["/etc/cdi", "/var/run/cdi"];

pub fn examine() -> Observation {
    judge(&gpus(Path::new("/dev")), &FOLDERS.iter().flat_map(|folder| kinds(Path::new(folder))).collect::<Vec<_>>())
}

fn judge(gpus: &[String], kinds: &[String]) -> Observation {
    const SUBJECT: &str = "gpu";
    let named = || format!("for containers: {}", kinds.join(", "));
    match (gpus, kinds) {
        ([], []) => Observation::fine(SUBJECT, "none"),
        ([], _) => Observation::fine(SUBJECT, named()),
        (_, []) => {
            let found = format!("{}, which containers have no name for", gpus.join(", "));
            let mend = match gpus.iter().any(|gpu| gpu.starts_with("nvidia")) {
                true => "nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml",
                false => "describe the device in a CDI file in /etc/cdi",
            };
            Observation::remark(SUBJECT, found, mend)
        }
        _ => Observation::fine(SUBJECT, format!("{}; {}", gpus.join(", "), named())),
    }
}

/// The device files of GPUs: `nvidia0`, `kfd`.
fn gpus(devices: &Path) -> Vec<String> {
    let is_gpu = |name: &String| {
        let number = name.strip_prefix("nvidia").unwrap_or_default();
        name == "kfd" || (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let mut names: Vec<String> = entries(devices).iter().filter_map(|path| name_of(path)).filter(is_gpu).collect();
    names.sort();
    names
}

/// The kinds of device that the CDI files of a folder name.
fn kinds(folder: &Path) -> Vec<String> {
    let mut kinds: Vec<String> = entries(folder).iter().filter_map(|path| kind(path)).collect();
    kinds.sort();
    kinds.dedup();
    kinds
}

fn kind(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    match path.extension()?.to_str()? {
        "json" => Some(serde_json::from_str::<Value>(&text).ok()?.get("kind")?.as_str()?.to_owned()),
        // Of YAML one line is enough, which stands at the left in what tools write.
        "yaml" | "yml" => {
            let kind = text.lines().find_map(|line| line.strip_prefix("kind:"))?;
            Some(kind.trim().trim_matches(['"', '\'']).to_owned())
        }
        _ => None,
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect()
}

fn name_of(path: &Path) -> Option<String> {
    Some(path.file_name()?.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_and_their_names_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let files = [
            ("nvidia0", ""),
            ("nvidia1", ""),
            ("nvidiactl", ""),
            ("kfd", ""),
            ("fake.json", r#"{"cdiVersion": "0.5.0", "kind": "example.com/gpu", "devices": []}"#),
            ("nvidia.yaml", "cdiVersion: 0.5.0\nkind: nvidia.com/gpu\ndevices: []\n"),
            ("broken.json", "{"),
        ];
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        assert_eq!(gpus(folder.path()), ["kfd", "nvidia0", "nvidia1"]);
        assert_eq!(kinds(folder.path()), ["example.com/gpu", "nvidia.com/gpu"]);
    }

    #[test]
    fn a_gpu_without_a_name_for_containers_is_told_with_the_tool_that_makes_one() {
        let told = |gpus: &[&str], kinds: &[&str]| {
            let owned = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
            let observation = judge(&owned(gpus), &owned(kinds));
            format!("{:?}: {}; {}", observation.condition, observation.found, observation.mend.unwrap_or("-".into()))
        };
        let all = [
            told(&[], &[]),
            told(&["nvidia0", "nvidia1"], &[]),
            told(&["kfd"], &[]),
            told(&["nvidia0"], &["nvidia.com/gpu"]),
        ];
        insta::assert_snapshot!(all.join("\n"), @"
        Fine: none; -
        Remark: nvidia0, nvidia1, which containers have no name for; nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml
        Remark: kfd, which containers have no name for; describe the device in a CDI file in /etc/cdi
        Fine: nvidia0; for containers: nvidia.com/gpu; -
        ");
    }
}
