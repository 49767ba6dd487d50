//! Engines of the tests' own, Podman and Docker, with one image: a static program and nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tagger_runtime::{ContainerSetup, Containers, Guard, Pull};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::dockerd::Dockerd;

/// The image's name.
pub const IMAGE: &str = "localhost/habits:1";
/// The same with labels that make no sense.
pub const ODD_IMAGE: &str = "localhost/odd:1";
/// An image whose program is not there.
pub const EMPTY_IMAGE: &str = "localhost/empty:1";
/// An image that asks for more.
pub const GREEDY_IMAGE: &str = "localhost/greedy:1";

/// An image that may go at any time.
pub const FLEETING_IMAGE: &str = "localhost/fleeting:1";
/// An image of something else altogether.
pub const STRANGE_IMAGE: &str = "localhost/stranger:1";

/// An engine, the program, and where both live.
pub struct Scratch {
    pub tokio: Runtime,
    pub containers: Containers,
    /// The program of the image, as a file of this machine.
    pub program: PathBuf,
    /// Docker's daemon. `None`: the engine is Podman.
    dockerd: Mutex<Option<Dockerd>>,
    folder: TempDir,
}

/// The engines that this machine has, once a test has wanted them.
static ENGINES: OnceLock<Vec<Scratch>> = OnceLock::new();

/// Each engine that this machine has. Made at the first use.
pub fn engines() -> &'static [Scratch] {
    ENGINES.get_or_init(|| {
        let has_podman = Command::new("podman").arg("--version").output().is_ok();
        if !has_podman && std::env::var_os("CI").is_some_and(|value| value == "true") {
            panic!("podman is missing: `scripts/system-packages.sh containers` installs it");
        }
        has_podman.then(Scratch::of_podman).into_iter().chain(Scratch::of_docker()).collect()
    })
}

/// Ends the engines, if any test has used them.
pub fn clear_up() {
    ENGINES.get().into_iter().flatten().for_each(Scratch::clear_up);
}

impl Scratch {
    fn of_podman() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("store")).unwrap();
        let setup = ContainerSetup {
            guard: Some(Guard::this_program("guard").unwrap()),
            store: Some(folder.path().join("store")),
            ..ContainerSetup::default()
        };
        Self::new(folder, setup, None)
    }

    fn of_docker() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let dockerd = Dockerd::start(&folder.path().join("docker"))?;
        let setup = ContainerSetup { socket: Some(dockerd.socket()), ..ContainerSetup::default() };
        Some(Self::new(folder, setup, Some(dockerd)))
    }

    fn new(folder: TempDir, setup: ContainerSetup, dockerd: Option<Dockerd>) -> Self {
        let program = folder.path().join("program");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/contained/program.rs");
        let compiled = Command::new("rustc")
            .args(["--edition", "2024", "-C", "target-feature=+crt-static", "-C", "panic=abort", "-C", "strip=symbols"])
            .args(["--target", &format!("{}-unknown-linux-gnu", std::env::consts::ARCH), "-o"])
            .args([&program, &source])
            .status()
            .unwrap();
        assert!(compiled.success());
        let tokio = Runtime::new().unwrap();
        let place = Some(folder.path().display().to_string());
        let containers = Containers::new(ContainerSetup { pull: Pull::Never, place, ..setup });
        let manifest = |needs: &[&str]| json!({"name": "habits", "kind": "video", "needs": needs}).to_string();
        let written = |manifest: String| json!({"io.tagger.manifest": manifest});
        let images = [
            (IMAGE, &["/program"][..], written(manifest(&[]))),
            (ODD_IMAGE, &["/program"], written("{nonsense".into())),
            (EMPTY_IMAGE, &["/no-program"], written(manifest(&[]))),
            (GREEDY_IMAGE, &["/program"], written(manifest(&["network", "token"]))),
            (STRANGE_IMAGE, &["/program", "be-a-stranger"], json!({})),
        ];
        let scratch = Self { tokio, containers, program, dockerd: Mutex::new(dockerd), folder };
        scratch.tokio.block_on(async {
            for (name, entrypoint, labels) in images {
                scratch.load(name, entrypoint, &labels).await;
            }
            scratch.load_fleeting().await;
        });
        scratch
    }

    /// Loads the image that may go.
    pub async fn load_fleeting(&self) {
        let manifest = json!({"name": "fleeting", "kind": "video"}).to_string();
        self.load(FLEETING_IMAGE, &["/program"], &json!({"io.tagger.manifest": manifest})).await;
    }

    /// Loads an image of the program, with these labels.
    async fn load(&self, name: &str, entrypoint: &[&str], labels: &Value) {
        let archive = archive(name, &fs::read(&self.program).unwrap(), entrypoint, labels);
        self.containers.client().await.unwrap().load_images(std::io::Cursor::new(archive)).await.unwrap();
    }

    /// Whether the engine is Docker.
    pub fn is_docker(&self) -> bool {
        self.dockerd.lock().unwrap().is_some()
    }

    /// The text for this engine.
    pub fn one_of<T>(&self, podman: T, docker: T) -> T {
        if self.is_docker() { docker } else { podman }
    }

    /// Kills the engine as it stands. Podman is started again by who needs it, Docker by its machine.
    pub fn kill_engine(&self) {
        match self.dockerd.lock().unwrap().as_mut() {
            Some(dockerd) => dockerd.kill_and_start_again(),
            None => {
                for service in self.services() {
                    kill_process(service, Signal::KILL).unwrap();
                }
            }
        }
    }

    /// Starts another service of Podman over the same images, at a socket in `folder`, which by `registries` speaks with registries.
    pub fn start_another_service(&self, folder: &Path, registries: &Path) -> Child {
        let command = |service: Pid| fs::read_to_string(format!("/proc/{service}/cmdline")).unwrap_or_default();
        // Not the guard, of which it is the last argument.
        let is_podman = |command: &String| command.split('\0').next().is_some_and(|word| word.ends_with("podman"));
        let command = self.services().into_iter().map(command).find(is_podman).unwrap();
        let mut words: Vec<&str> = command.trim_end_matches('\0').split('\0').collect();
        let address = format!("unix://{}", folder.join("engine.sock").display());
        *words.last_mut().unwrap() = &address;
        let mut podman = Command::new(words[0]);
        podman.args(&words[1..]).current_dir(folder).env("CONTAINERS_REGISTRIES_CONF", registries);
        podman.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// The processes of Podman's service.
    fn services(&self) -> Vec<Pid> {
        let store = self.folder.path().join("store").display().to_string();
        let is_service = |command: &str| command.contains(&store) && command.contains("\0system\0service\0");
        let numbers =
            fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let services: Vec<Pid> = numbers
            .filter(|number: &i32| {
                is_service(&fs::read_to_string(format!("/proc/{number}/cmdline")).unwrap_or_default())
            })
            .filter_map(Pid::from_raw)
            .collect();
        assert_ne!(services, []);
        services
    }

    /// Ends the engine and removes what it leaves.
    fn clear_up(&self) {
        self.tokio.block_on(self.containers.close());
        drop(self.dockerd.lock().unwrap().take());
        for mount in ["store/root/overlay", "store/root"] {
            // Which of them are mounted differs.
            let _ = Command::new("umount").arg(self.folder.path().join(mount)).output();
        }
        let _ = fs::remove_dir_all(self.folder.path());
    }
}

/// An archive with an image of one file.
fn archive(name: &str, program: &[u8], entrypoint: &[&str], labels: &Value) -> Vec<u8> {
    let layer = tar(&[("program", program, 0o755)]);
    let digest = |bytes: &[u8]| Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let described = |kind: &str, bytes: &[u8]| {
        let media_type = format!("application/vnd.oci.image.{kind}");
        json!({"mediaType": media_type, "digest": format!("sha256:{}", digest(bytes)), "size": bytes.len()})
    };
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let config = json!({
        "architecture": architecture, "os": "linux",
        "config": {"Entrypoint": entrypoint, "Labels": labels},
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{}", digest(&layer))]},
    })
    .to_string();
    let manifest = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": described("config.v1+json", config.as_bytes()), "layers": [described("layer.v1.tar", &layer)],
    })
    .to_string();
    let mut listed = described("manifest.v1+json", manifest.as_bytes());
    listed["annotations"] = json!({"org.opencontainers.image.ref.name": name});
    let index = json!({"schemaVersion": 2, "manifests": [listed]}).to_string();
    let blob = |bytes: &[u8]| format!("blobs/sha256/{}", digest(bytes));
    // Docker before its release 25 reads an index of its own.
    let docker = json!([{"Config": blob(config.as_bytes()), "RepoTags": [name], "Layers": [blob(&layer)]}]).to_string();
    tar(&[
        ("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#, 0o644),
        ("index.json", index.as_bytes(), 0o644),
        ("manifest.json", docker.as_bytes(), 0o644),
        (&blob(&layer), &layer, 0o644),
        (&blob(config.as_bytes()), config.as_bytes(), 0o644),
        (&blob(manifest.as_bytes()), manifest.as_bytes(), 0o644),
    ])
}

/// A tar archive of files.
fn tar(files: &[(&str, &[u8], u32)]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, bytes, mode) in files {
        let mut head = [0_u8; 512];
        let mut put = |at: usize, text: &str| head[at..at + text.len()].copy_from_slice(text.as_bytes());
        put(0, name);
        put(100, &format!("{mode:07o}\0{:07o}\0{:07o}\0{:011o}\0{:011o}\0        0", 0, 0, bytes.len(), 0));
        put(257, "ustar\x0000");
        let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
        head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        archive.extend_from_slice(&head);
        archive.extend_from_slice(bytes);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}
