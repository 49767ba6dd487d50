//! `tagger doctor`: what this machine has and lacks, whatever machine that is.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::thread;

use insta::assert_snapshot;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::place::{Place, Running};

/// An interpreter that says what one with the SDK says.
const PYTHON: &str = r#"#!/bin/sh
echo 'something printed at the start'
echo '{"version": "3.11.2", "executable": "python3", "is_virtual": false, "common_ml": "0.1.0", "error": null}'
"#;

/// A place with an empty search path, `bin`, beside which nothing of this machine is found.
fn bare() -> Place {
    let place = Place::new();
    fs::create_dir(place.path("bin")).unwrap();
    place
}

/// Makes a program of the search path.
fn put_program(place: &Place, name: &str, script: &str) {
    let name = format!("bin/{name}");
    place.write(&name, script);
    fs::set_permissions(place.path(&name), fs::Permissions::from_mode(0o755)).unwrap();
}

fn doctor(place: &Place, arguments: &[&str]) -> Command {
    let mut command = place.command([&["doctor"], arguments].concat());
    command.env("PATH", place.path("bin")).env("HOME", place.path("."));
    for name in ["CONTAINER_HOST", "DOCKER_HOST", "XDG_RUNTIME_DIR"] {
        command.env_remove(name);
    }
    command
}

/// The exit status, and what was observed by subject.
fn observed(place: &Place, command: &mut Command) -> (i32, impl Fn(&str) -> Value + use<>) {
    let output = command.arg("--json").output().unwrap();
    place.assert_nothing_is_left();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["models_run"], output.status.success());
    let about = move |subject: &str| {
        let all = report["observations"].as_array().unwrap();
        all.iter().find(|one| one["subject"] == subject).cloned().unwrap_or_default()
    };
    (output.status.code().unwrap(), about)
}

#[test]
fn a_machine_with_nothing_on_it_lacks_python_and_is_told_how_to_get_it() {
    let place = bare();
    let (status, about) = observed(&place, &mut doctor(&place, &[]));
    assert_eq!(status, 1);
    assert_eq!(
        about("python"),
        json!({
            "subject": "python",
            "condition": "lack",
            "found": "no interpreter `python3`; models in Python cannot run",
            "mend": "apt-get install python3 python3-venv",
        })
    );
    for subject in ["ffmpeg-program", "container-engine", "oci-runtime"] {
        assert_eq!(about(subject)["condition"], "remark", "{}", about(subject));
        assert!(about(subject)["mend"].as_str().unwrap().starts_with("apt-get install "));
    }
}

#[test]
fn containers_and_the_ffmpeg_program_are_no_lacks() {
    let place = bare();
    put_program(&place, "python3", PYTHON);
    let (status, about) = observed(&place, &mut doctor(&place, &[]));
    assert_eq!(status, 0);
    assert_eq!(about("python")["found"], "Python 3.11.2 (`python3`)");
    assert_eq!(about("common_ml")["found"], "0.1.0");
    assert_eq!(about("ffmpeg-libraries")["condition"], "fine");
    assert_eq!(about("container-engine")["condition"], "remark");
}

#[test]
fn the_table_ends_with_the_verdict() {
    let place = bare();
    let told = place.tell(&doctor(&place, &["--python", "./gone"]).output().unwrap());
    // What else there is differs from machine to machine.
    let python: Vec<&str> = told.lines().skip_while(|line| !line.contains("  python")).take(2).collect();
    assert_snapshot!(python.join("\n"), @"
    LACK    python            no interpreter `HERE/gone`; models in Python cannot run
                              mend: name another interpreter with --python or TAGGER_PYTHON
    ");
    assert!(told.starts_with("exit 1\n--- stdout\nok      ffmpeg-libraries  FFmpeg "), "{told}");
    assert!(told.lines().last().unwrap().starts_with("not all models run here: 1 lack, "), "{told}");
}

#[test]
fn an_interpreter_that_is_none_or_has_no_sdk_is_a_lack() {
    let place = bare();
    put_program(
        &place,
        "old",
        r#"#!/bin/sh
echo '{"version": "3.7.16", "executable": "/opt/old", "is_virtual": true, "common_ml": null, "error": "no"}'"#,
    );
    put_program(
        &place,
        "bare",
        r#"#!/bin/sh
echo '{"version": "3.12.1", "executable": "/v/python", "is_virtual": true, "common_ml": null, "error": "No module"}'"#,
    );
    put_program(&place, "talker", "#!/bin/sh\necho hello");
    put_program(&place, "broken", "#!/bin/sh\nexit 3");
    place.write("bin/text", "no program");
    let told = ["old", "bare", "talker", "broken", "text"].map(|name| {
        let (status, about) = observed(&place, &mut doctor(&place, &["--python", &format!("bin/{name}")]));
        assert_eq!(status, 1, "{name}");
        let subject = if name == "bare" { "common_ml" } else { "python" };
        assert_eq!(about(subject)["condition"], "lack", "{name}");
        let (found, mend) = (about(subject)["found"].clone(), about(subject)["mend"].clone());
        place.without_what_differs(&format!("{}\n  {}", found.as_str().unwrap(), mend.as_str().unwrap()))
    });
    assert_snapshot!(told.join("\n"), @"
    Python 3.7.16 (`/opt/old`); 3.8 or newer is needed
      name another interpreter with --python or TAGGER_PYTHON
    cannot be imported by `/v/python`: No module
      /v/python -m pip install ./python (in Tagger's checkout, or the path of its wheel)
    `HERE/bin/talker` is no Python; models in Python cannot run
      name another interpreter with --python or TAGGER_PYTHON
    `HERE/bin/broken` does not run a script; models in Python cannot run
      name another interpreter with --python or TAGGER_PYTHON
    cannot start `HERE/bin/text`: Permission denied (os error 13); models in Python cannot run
      name another interpreter with --python or TAGGER_PYTHON
    ");
}

#[test]
fn a_real_interpreter_is_asked_for_the_sdk() {
    let place = Place::new();
    let made = Command::new("python3").args(["-m", "venv", "--without-pip"]).arg(place.path("venv")).status().unwrap();
    assert!(made.success());
    let (status, about) = observed(&place, &mut doctor(&place, &["--python", "venv/bin/python"]));
    assert_eq!(status, 1);
    assert_eq!(about("python")["condition"], "fine");
    let sdk = about("common_ml");
    assert!(sdk["found"].as_str().unwrap().ends_with("No module named 'common_ml'"), "{sdk}");
    assert!(sdk["mend"].as_str().unwrap().contains("/venv/bin/python -m pip install"), "{sdk}");
}

#[test]
fn ctrl_c_ends_it_while_an_interpreter_hangs() {
    let place = bare();
    let called = place.path("called");
    assert!(Command::new("mkfifo").arg(&called).status().unwrap().success());
    put_program(&place, "silent", &format!("#!/bin/sh\n: >'{}'\nexec /bin/sleep 600\n", called.display()));
    let child = Running(doctor(&place, &["--python", "bin/silent"]).spawn().unwrap());
    // Opening a pipe for reading waits for a writer: then the interpreter is known to be there.
    File::open(&called).unwrap();
    kill_process(Pid::from_child(&child.0), Signal::INT).unwrap();
    assert_snapshot!(place.tell(&child.output()), @"exit 130");
}

#[test]
fn a_temporary_folder_that_is_not_there_is_a_lack() {
    let place = bare();
    put_program(&place, "python3", PYTHON);
    let (status, about) = observed(&place, doctor(&place, &[]).env("TMPDIR", "/no/such/folder"));
    assert_eq!(status, 1);
    assert_eq!(about("temporary-folder")["condition"], "lack");
    assert_eq!(about("temporary-folder")["mend"], "export TMPDIR=FOLDER, a folder that you can write to");
}

#[test]
fn a_servers_data_folder_is_looked_at_where_it_is() {
    let place = bare();
    put_program(&place, "python3", PYTHON);
    let told = place.tell(&doctor(&place, &[]).output().unwrap());
    assert!(!told.contains("data-folder"), "{told}");
    std::fs::create_dir(place.path("tagger-data")).unwrap();
    let (status, about) = observed(&place, &mut doctor(&place, &[]));
    assert_eq!(status, 0);
    assert!(about("data-folder")["found"].as_str().unwrap().ends_with(" free in `tagger-data`"));
    let (status, about) = observed(&place, &mut doctor(&place, &["--data", "elsewhere"]));
    assert_eq!((status, &about("data-folder")["condition"]), (0, &json!("remark")));
}

#[test]
fn an_engine_is_found_by_its_socket() {
    let place = bare();
    put_program(&place, "podman", "#!/bin/sh\necho podman version 4.3.1");
    put_program(&place, "runc", "#!/bin/sh\necho runc version 1.1.5");
    let address = place.path("engine.sock");
    let listener = UnixListener::bind(&address).unwrap();
    let engine = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut question = Vec::new();
        while !question.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            question.extend(byte);
        }
        stream.write_all(b"HTTP/1.0 200 OK\r\nLibpod-Api-Version: 4.3.1\r\n\r\nOK").unwrap();
        question
    });
    let host = format!("unix://{}", address.display());
    let (_, about) = observed(&place, doctor(&place, &[]).env("CONTAINER_HOST", &host));
    assert!(engine.join().unwrap().starts_with(b"GET /_ping HTTP/1."));
    assert_eq!(about("container-engine")["found"], "podman version 4.3.1");
    assert_eq!(about("oci-runtime")["found"], "runc version 1.1.5");
    let told = place.without_what_differs(about("container-socket")["found"].as_str().unwrap());
    assert_snapshot!(told, @"Podman 4.3.1 answers on `HERE/engine.sock`");
}

#[test]
fn limits_that_podman_would_swap_are_told() {
    let place = bare();
    put_program(&place, "podman", "#!/bin/sh\necho podman version 4.3.1");
    let limits = |text: &str| {
        place.write("containers.conf", text);
        let (_, about) = observed(&place, doctor(&place, &[]).env("CONTAINERS_CONF", "containers.conf"));
        about("container-limits")
    };
    let unequal = limits("[containers]\ndefault_ulimits = ['nofile=1024:2048']\n");
    assert_eq!(unequal["condition"], "remark");
    assert_eq!(unequal["mend"], "make both numbers of default_ulimits equal in containers.conf");
    let equal = limits("[containers]\ndefault_ulimits = ['nofile=1024:1024']\n");
    assert_eq!(equal["condition"], "fine");
}
