//! `tagger build`, `inspect oci:` and `push`, on real engines with stores of their own: Podman, and Docker.

#[path = "../../../runtime/tests/programs/dockerd.rs"]
mod dockerd;

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use insta::assert_snapshot;
use serde_json::Value;
use tempfile::TempDir;

use crate::place::Place;
use dockerd::Dockerd;

/// A model that is a program: it answers what it is asked, as its name says.
const PROGRAM: &str = r##"
fn main() {
    let asked = std::env::args().any(|argument| argument == "--describe");
    if asked && option_env!("BROKEN").is_some() {
        eprintln!("cannot find the weights");
        std::process::exit(3);
    }
    if asked {
        println!(r#"{{"name": "x", "description": "Tells light.", "parameters": {{"type": "object"}}}}"#);
    }
}
"##;

/// An engine with a store that goes with it.
struct Engine {
    service: Service,
    folder: TempDir,
}

enum Service {
    Podman(Child),
    Docker(Dockerd),
}

/// Does a test with each engine that this machine has; under `CI=true` both have to be there.
fn on_each_engine(test: impl Fn(&Engine)) {
    for engine in [Engine::podman, Engine::docker].into_iter().filter_map(|start| start()) {
        insta::allow_duplicates! { test(&engine) }
    }
}

impl Engine {
    fn podman() -> Option<Self> {
        if !is_installed("podman") {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let mut service = podman(folder.path());
        let socket = folder.path().join("engine.sock");
        service.args(["system", "service", "--time=0"]).arg(format!("unix://{}", socket.display()));
        let service = service.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        until("the engine answers", || std::os::unix::net::UnixStream::connect(&socket).is_ok());
        println!("on Podman");
        Some(Self { service: Service::Podman(service), folder })
    }

    fn docker() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let dockerd = Dockerd::start(&folder.path().join("docker"))?;
        println!("on Docker");
        Some(Self { service: Service::Docker(dockerd), folder })
    }

    fn is_docker(&self) -> bool {
        matches!(self.service, Service::Docker(_))
    }

    fn address(&self) -> String {
        let socket = match &self.service {
            Service::Podman(_) => self.folder.path().join("engine.sock"),
            Service::Docker(dockerd) => dockerd.socket(),
        };
        format!("unix://{}", socket.display())
    }

    /// The engine's own command.
    fn own_command(&self) -> Command {
        match &self.service {
            Service::Podman(_) => podman(self.folder.path()),
            Service::Docker(_) => {
                let mut command = Command::new("docker");
                // The builder without a program of its own, which is not everywhere.
                command.args(["--host", &self.address()]).env("DOCKER_BUILDKIT", "0");
                command
            }
        }
    }

    fn tagger(&self, place: &Place, line: &str) -> String {
        let output = self.command(place, line).output().unwrap();
        place.tell(&output)
    }

    fn command(&self, place: &Place, line: &str) -> Command {
        let mut command = place.command(line.split(' '));
        command.env("CONTAINER_HOST", self.address());
        command.env_remove("SOURCE_DATE_EPOCH");
        command
    }

    fn json(&self, place: &Place, line: &str) -> Value {
        let output = self.command(place, line).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", place.tell(&output)))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Docker's daemon ends with its handle.
        let Service::Podman(service) = &mut self.service else { return };
        let _ = service.kill();
        let _ = service.wait();
        let _ = Command::new("umount").arg(self.folder.path().join("root/overlay")).stderr(Stdio::null()).status();
    }
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    assert!(is_there || std::env::var("CI").is_err(), "{program} is missing: `scripts/system-packages.sh containers`");
    if !is_there {
        println!("skipped: no {program} here");
    }
    is_there
}

fn podman(folder: &Path) -> Command {
    let mut command = Command::new("podman");
    command.arg("--root").arg(folder.join("root")).arg("--runroot").arg(folder.join("run"));
    if is_installed("runc") {
        command.args(["--runtime", "runc"]);
    }
    command.args(["--cgroup-manager", "cgroupfs", "--events-backend", "file"]);
    command
}

/// Waits for something that comes about in another process.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..1000 {
        if is_so() {
            return;
        }
        sleep(Duration::from_millis(20));
    }
    panic!("never came about: {what}");
}

/// A folder with a program as model, in `place`.
fn program(place: &Place, name: &str, is_broken: bool) {
    place.write(&format!("{name}/main.rs"), PROGRAM);
    let mut rustc = Command::new("rustc");
    rustc.args(["--edition", "2021", "-o"]).arg(place.path(name).join("model")).arg(place.path(name).join("main.rs"));
    if is_broken {
        rustc.env("BROKEN", "1");
    }
    assert!(rustc.status().unwrap().success());
    fs::remove_file(place.path(name).join("main.rs")).unwrap();
    let manifest = format!("name = '{name}'\nkind = 'frame'\ncommand = ['./model', '--quick']\nweights = ['*.bin']\n");
    place.write(&format!("{name}/tagger.toml"), &manifest);
    place.write(&format!("{name}/net.bin"), "weights");
}

/// The files of an image.
fn files_in(engine: &Engine, place: &Place, image: &str) -> Vec<String> {
    let created = engine.own_command().args(["create", "--network", "none", image]).output().unwrap();
    let id = String::from_utf8_lossy(&created.stdout).trim().to_owned();
    let archive = place.path("image.tar");
    let done = engine.own_command().args(["export", "-o"]).arg(&archive).arg(&id).status().unwrap();
    assert!(done.success());
    let listed = Command::new("tar").arg("tf").arg(&archive).output().unwrap();
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    // Engines put files of their own there, each others.
    let is_its_own = |name: &&str| {
        let folders = ["etc/", "run/", "dev/", "proc/", "sys/", ".dockerenv"];
        !name.ends_with('/') && !folders.iter().any(|folder| name.starts_with(folder))
    };
    listed.lines().filter(is_its_own).map(ToOwned::to_owned).collect()
}

#[test]
fn a_program_becomes_an_image_of_itself_its_libraries_and_its_weights() {
    on_each_engine(|engine| {
        let place = Place::new();
        program(&place, "light", false);
        let first = engine.json(&place, "build light -t light:1 --json");
        let again = engine.json(&place, "build light -t light:1 --no-cache --json");
        assert_eq!(first, again, "the same files are the same image");

        let read = engine.json(&place, "inspect oci:light:1 --json");
        assert_eq!(read["id"], first["id"]);
        assert_eq!(read["layers"].as_array().unwrap().len(), 3, "libraries, weights, program");
        assert_eq!(read["entrypoint"], serde_json::json!(["/usr/local/bin/light", "--quick"]));
        assert_eq!((&read["manifest"]["name"], &read["manifest"]["kind"]), (&"light".into(), &"frame".into()));
        assert_eq!(read["manifest"]["description"], "Tells light.", "which only the program says");
        assert_eq!(read["parameters"]["type"], "object");

        let listed = files_in(engine, &place, "light:1");
        let mut files: Vec<&str> = listed.iter().map(String::as_str).collect();
        let libraries: Vec<&str> = files.iter().copied().filter(|name| name.contains(".so")).collect();
        assert!(libraries.iter().any(|name| name.ends_with("libc.so.6")), "{listed:?}");
        files.retain(|name| !name.contains(".so"));
        assert_eq!(files, ["elv/net.bin", "usr/local/bin/light"], "{listed:?}");
    });
}

#[test]
fn a_model_that_does_not_answer_makes_no_image() {
    on_each_engine(|engine| {
        let place = Place::new();
        program(&place, "dark", true);
        assert_snapshot!(engine.tagger(&place, "build dark -t dark:1"), @"
        exit 1
        --- stderr
        writing the image
        asking the model for its parameters, in a container that may do nothing
        error: the model does not answer --describe in its image: it exited with status 3
        cannot find the weights
        A program that does not know the question is built with --no-describe
        ");
        let built = engine.tagger(&place, "build dark -t dark:1 --no-describe");
        assert!(built.contains("made dark:1"), "{built}");
    });
}

#[test]
fn by_instructions_of_ones_own_the_same_files_are_the_same_image_too() {
    on_each_engine(|engine| {
        let place = Place::new();
        let description = r#"Costs $HOME and 5 \\ "six"."#;
        place.write(
            "own/tagger.toml",
            format!("name = 'own'\nkind = 'frame'\ndescription = '{description}'\ncommand = ['/x']\n"),
        );
        place.write("own/x", "no program");
        place.write("own/Containerfile", "FROM scratch\nCOPY x /x\nENTRYPOINT [\"/x\"]\n");
        let first = engine.json(&place, "build own -t own:1 --no-describe --no-cache --json");
        fs::write(place.path("own/x"), "no program").unwrap(); // at another time
        let again = engine.json(&place, "build own -t own:1 --no-describe --no-cache --json");
        // Docker writes the time of each step on an image.
        assert!(first == again || engine.is_docker());
        let read = engine.json(&place, "inspect oci:own:1 --json");
        assert_eq!((&read["id"], &read["manifest"]["description"]), (&again["id"], &description.into()));
        assert!(engine.tagger(&place, "build own --print-containerfile").contains("COPY x /x"));
    });
}

#[test]
fn a_containerfile_that_leaves_weights_and_start_to_the_build_makes_the_same_of_a_program() {
    on_each_engine(|engine| {
        let place = Place::new();
        program(&place, "light", false);
        engine.json(&place, "build light -t light:1 --json");
        let without = (engine.json(&place, "inspect oci:light:1 --json"), files_in(engine, &place, "light:1"));
        let printed = engine.command(&place, "build light --print-containerfile").output().unwrap().stdout;
        fs::write(place.path("light/Containerfile"), printed).unwrap();
        engine.json(&place, "build light -t light:2 --json");
        let by_it = (engine.json(&place, "inspect oci:light:2 --json"), files_in(engine, &place, "light:2"));
        assert_eq!(by_it.1, without.1);
        for field in ["entrypoint", "manifest", "parameters"] {
            assert_eq!(by_it.0[field], without.0[field]);
        }
        let file = "FROM scratch\nCOPY .tagger/code/ /elv/\nENTRYPOINT [\"/elv/model\"]\n";
        place.write("light/Containerfile", file);
        let told = engine.tagger(&place, "build light -t light:3 --no-describe");
        assert!(
            told.contains("exit 0") && told.contains("warning: the Containerfile leaves out the weights"),
            "{told}"
        );
    });
}

#[test]
fn the_base_of_a_containerfile_is_the_one_that_is_chosen() {
    on_each_engine(|engine| {
        let place = Place::new();
        place.write("light/tagger.toml", "name = 'light'\nkind = 'frame'\ncommand = ['python3', 'model.py']\n");
        place.write("light/model.py", "run_default(Light)\n");
        let printed = engine.command(&place, "build light --print-containerfile").output().unwrap().stdout;
        fs::write(place.path("light/Containerfile"), printed).unwrap();
        let told = engine.tagger(&place, "build light -t light:1 --base localhost/nowhere:1");
        assert!(told.contains("base image `localhost/nowhere:1` is not on this machine: pull it first"), "{told}");
    });
}

#[test]
fn what_is_written_on_an_image_is_read_and_what_is_not_is_told() {
    on_each_engine(|engine| {
        let place = Place::new();
        for (name, label) in [("plain", "a=b"), ("broken", "io.tagger.manifest={")] {
            let file = place.path(name);
            fs::write(&file, format!("FROM scratch\nLABEL {label}\nENTRYPOINT [\"/x\"]\n")).unwrap();
            let built = engine
                .own_command()
                .args(["build", "--quiet", "-t", name, "-f"])
                .arg(&file)
                .arg(place.path(""))
                .output()
                .unwrap();
            assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        }
        let plain = engine.tagger(&place, "inspect oci:plain");
        assert!(
            plain.contains("an image without a manifest") && plain.contains("the configuration can name its kind"),
            "{plain}"
        );
        assert_snapshot!(engine.tagger(&place, "inspect oci:broken"), @"
        exit 1
        --- stderr
        error: image `broken` has a label io.tagger.manifest that cannot be read: build it again, or name its `image` and `kind` under [model.NAME] of a server's configuration or in a manifest of its own
          caused by: io.tagger.manifest:1: EOF while parsing an object at line 1 column 1
        ");
        assert_snapshot!(engine.tagger(&place, "inspect oci:nowhere"), @"
        exit 1
        --- stderr
        error: image `nowhere` is not on this machine; `podman pull nowhere` or `docker pull nowhere` fetches it
        ");
    });
}

#[test]
fn an_image_is_pushed_to_a_registry_and_a_registry_that_is_not_there_is_told() {
    on_each_engine(|engine| {
        if !is_installed("docker-registry") {
            return;
        }
        let place = Place::new();
        program(&place, "light", false);
        engine.json(&place, "build light -t light:1 --json");

        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let nowhere = engine.tagger(&place, &format!("push light:1 127.0.0.1:{port}/light:1 --plain-http"));
        assert!(nowhere.contains("exit 1") && nowhere.contains("cannot push image `light:1`"), "{nowhere}");

        let storage = place.path("registry");
        let settings = format!(
            "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:{port}\n",
            storage.display()
        );
        place.write("registry.yml", &settings);
        let mut registry = Command::new("docker-registry");
        registry.arg("serve").arg(place.path("registry.yml")).stdout(Stdio::null()).stderr(Stdio::null());
        let mut registry = registry.spawn().unwrap();
        until("the registry listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        let pushed = engine.tagger(&place, &format!("push light:1 127.0.0.1:{port}/team/light:2 --plain-http"));
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(b"GET /v2/team/light/tags/list HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        registry.kill().unwrap();
        registry.wait().unwrap();
        assert!(pushed.contains("exit 0") && pushed.contains("pushed light:1"), "{pushed}");
        assert!(answer.contains(r#""tags":["2"]"#), "{answer}");
    });
}

/// Compiles a program of the tests as the model of a folder of that name.
fn compile(place: &Place, name: &str, program: &str, rule: &str) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contained").join(program);
    fs::create_dir(place.path(name)).unwrap();
    let mut rustc = Command::new("rustc");
    rustc.args(["--edition", "2024", "-o"]).arg(place.path(name).join("model")).arg(source);
    assert!(rustc.env("BREAKS", rule).status().unwrap().success());
}

/// Told by the tags of a program that looks.
#[test]
fn a_program_in_an_image_is_nobody_and_keeps_its_weights() {
    on_each_engine(|engine| {
        let place = Place::with(&["clip.mp4=one_frame.mp4"]);
        fs::set_permissions(place.path("clip.mp4"), fs::Permissions::from_mode(0o600)).unwrap();
        compile(&place, "nobody", "nobody.rs", "");
        place.write("nobody/tagger.toml", "name = 'nobody'\nkind = 'video'\ncommand = ['./model']\n");
        engine.json(&place, "build nobody -t localhost/nobody:1 --json");
        assert_eq!(engine.json(&place, "inspect oci:localhost/nobody:1 --json")["user"], "65534:65534");
        let tag = |model: &str| {
            let mut command = engine.command(&place, &format!("run -m {model} --format jsonl clip.mp4"));
            let output = command.env("XDG_CACHE_HOME", place.path("cache")).output().unwrap();
            let line: Value =
                serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", place.tell(&output)));
            line["tag"].as_str().unwrap().to_owned()
        };
        let model = "oci:localhost/nobody:1";
        assert_eq!(tag(model), "user 65534, home /root, kept false, elsewhere false, read true");
        assert_eq!(tag(model), "user 65534, home /root, kept true, elsewhere false, read true");

        // An image of older days, of the same name: it is root, and what it keeps is its own.
        place
            .write("nobody/Containerfile", "FROM localhost/nobody:1\nUSER 0\nENTRYPOINT [\"/usr/local/bin/nobody\"]\n");
        engine.json(&place, "build nobody -t localhost/nobody:0 --json");
        assert_eq!(tag("oci:localhost/nobody:0"), "user 0, home /root, kept false, elsewhere false, read true");
    });
}

#[test]
fn what_the_ignore_file_names_is_not_in_the_image() {
    on_each_engine(|engine| {
        let place = Place::new();
        place.write("own/tagger.toml", "name = 'own'\nkind = 'frame'\ncommand = ['/x']\n");
        place.write("own/Containerfile", "FROM scratch\nCOPY . /own/\nENTRYPOINT [\"/x\"]\n");
        for name in ["model.py", "notes/a.md", "notes/keep.md", ".pytest_cache/x", ".git/x", "__pycache__/x"] {
            place.write(&format!("own/{name}"), "x");
        }
        place.write("own/.containerignore", "notes\n!notes/keep.md\n.containerignore\nContainerfile\n");
        engine.json(&place, "build own -t own:1 --no-describe --json");
        let mut files = files_in(engine, &place, "own:1");
        files.retain(|name| !name.contains(".tagger/"));
        assert_eq!(files, ["own/model.py", "own/notes/keep.md", "own/tagger.toml"]);
        place.write("own/.containerignore", "[x\n");
        let told = engine.tagger(&place, "build own -t own:1 --no-describe");
        assert!(told.contains("caused by: `.containerignore`, line 1: unclosed character class"), "{told}");
    });
}

/// Makes a program that keeps the contract but for one rule, in a folder of that name, and its image.
fn conforming_but_for(engine: &Engine, place: &Place, name: &str, rule: &str) {
    compile(place, name, "conforming.rs", rule);
    let manifest = format!("name = '{name}'\nkind = 'video'\ncommand = ['./model']\n");
    place.write(&format!("{name}/tagger.toml"), &manifest);
    engine.json(place, &format!("build {name} -t {name}:1 --json"));
}

/// Which rules `tagger test` finds kept, broken and not to be judged.
fn verdicts(engine: &Engine, place: &Place, model: &str) -> [Vec<String>; 3] {
    let report = engine.json(place, &format!("test {model} --json"));
    ["kept", "broken", "not-judged"].map(|verdict| {
        let findings = report["findings"].as_array().unwrap().iter().filter(|finding| finding["verdict"] == verdict);
        findings.map(|finding| finding["rule"].as_str().unwrap().to_owned()).collect()
    })
}

#[test]
fn a_program_in_an_image_is_held_to_the_same_rules() {
    on_each_engine(|engine| {
        let place = Place::new();
        for (name, rule) in [("sizes", ""), ("careless", "exit-status")] {
            conforming_but_for(engine, &place, name, rule);
            let in_image = verdicts(engine, &place, &format!("oci:{name}:1"));
            assert_eq!(verdicts(engine, &place, name), in_image);
            let [kept, broken, _] = in_image;
            assert_eq!(broken, if rule.is_empty() { vec![] } else { vec![rule.to_owned()] });
            assert!(kept.len() >= 20, "{kept:?}");
        }
        let left = engine.own_command().args(["ps", "--all", "--quiet"]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&left.stdout), "", "no container is left");
    });
}

#[test]
fn what_cannot_be_seen_of_a_program_in_an_image_is_not_held_against_it() {
    on_each_engine(|engine| {
        let place = Place::new();
        conforming_but_for(engine, &place, "slow", "late");
        let [_, broken, _] = verdicts(engine, &place, "slow");
        assert_eq!(broken, ["late"], "its writes are counted, so it is known not to hold lines back");
        let [_, broken, not_judged] = verdicts(engine, &place, "oci:slow:1");
        assert_eq!(broken, [] as [String; 0]);
        assert!(["late", "flush"].iter().all(|rule| not_judged.iter().any(|name| name == rule)), "{not_judged:?}");
    });
}
