//! Programs in containers of a real engine, and the rules that every executor keeps.

use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;
use tagger_runtime::service::{ErrorCode, Service};
use tagger_runtime::{
    Bounds, Container, Ending, Executor, Executors, Guard, Launch, LogFile, ProcessExecutor, RunningProgram,
};

use crate::scratch::{EMPTY_IMAGE, GREEDY_IMAGE, IMAGE, ODD_IMAGE, Scratch, engines};
use crate::world::{World, ended, told, until};

/// Does a test with each engine of this machine, Podman and Docker; says so where there is none.
pub fn with_engine<F: Future<Output = ()>>(test: impl Fn(&'static Scratch) -> F) {
    if engines().is_empty() {
        println!("skipped, because neither podman nor docker is installed");
    }
    for scratch in engines() {
        println!("on {}", scratch.one_of("Podman", "Docker"));
        insta::allow_duplicates! { scratch.tokio.block_on(test(scratch)) };
        let left = scratch.tokio.block_on(async {
            scratch.containers.client().await.unwrap().containers_with("io.tagger.owner").await.unwrap()
        });
        assert_eq!(left, [], "no container outlives its job");
    }
}

pub fn executors(scratch: &Scratch) -> Executors {
    let processes = ProcessExecutor { guard: Some(Guard::this_program("guard").unwrap()) };
    Executors { processes, containers: scratch.containers.clone() }
}

/// A folder with media, and a program of a habit over it.
struct Rig {
    folder: tempfile::TempDir,
    output: PathBuf,
    program: Box<dyn RunningProgram>,
}

impl Rig {
    async fn start(scratch: &Scratch, is_contained: bool, habit: &str) -> Self {
        Self::start_with(scratch, is_contained, habit, |_| {}).await
    }

    async fn start_with(scratch: &Scratch, is_contained: bool, habit: &str, change: impl FnOnce(&mut Launch)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.mp4", "b.mp4", "beside.mp4"] {
            fs::write(folder.path().join(name), name).unwrap();
        }
        let params = json!({ "habit": habit }).to_string();
        let own = folder.path().join("own");
        let (output, mut launch) = if is_contained {
            for name in ["media", "output", "cache"] {
                fs::create_dir_all(own.join(name)).unwrap();
            }
            let command = ["--output-path", "/elv/output/output.jsonl", "--params", &params];
            let container = Container {
                image: IMAGE.into(),
                folder: own.clone(),
                files: vec![folder.path().join("a.mp4")],
                cache: Some(own.join("cache")),
                limits: Bounds { memory_bytes: 64 << 20, processes: 64, output_bytes: 10 << 20, ..Bounds::default() },
                ..Container::default()
            };
            let command = command.map(Into::into).to_vec();
            (own.join("output/output.jsonl"), Launch { command, container: Some(container), ..Launch::default() })
        } else {
            let output = folder.path().join("output.jsonl");
            let command =
                [scratch.program.as_os_str(), "--output-path".as_ref(), output.as_os_str(), "--params".as_ref()];
            let mut command: Vec<_> = command.map(ToOwned::to_owned).to_vec();
            command.push(params.into());
            (output.clone(), Launch { command, folder: folder.path().into(), mark: output.into(), ..Launch::default() })
        };
        change(&mut launch);
        let program = executors(scratch).start(&launch).await.unwrap();
        Self { folder, output, program }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Waits until the output holds `count` lines; tells which files are finished.
    async fn finished(&self, count: usize) -> Vec<String> {
        let begun = Instant::now();
        loop {
            let text = fs::read_to_string(&self.output).unwrap_or_default();
            let progress: Vec<_> = text.lines().filter(|line| line.contains("progress")).collect();
            if progress.len() >= count {
                let name = |line: &&str| line.rsplit('/').next().unwrap().trim_end_matches(['"', '}']).to_owned();
                return progress.iter().map(name).collect();
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "only {text:?}");
            tokio::task::yield_now().await;
        }
    }

    async fn end(mut self) -> (Ending, String) {
        let ending = self.program.wait().await.unwrap();
        (ending, self.program.finish().await)
    }
}

pub fn every_executor_keeps_the_same_rules() {
    with_engine(async |scratch| {
        for is_contained in [false, true] {
            files_are_read_in_order_and_late_ones_too(scratch, is_contained).await;
            ends_are_told(scratch, is_contained).await;
            who_is_deaf_is_killed_in_time(scratch, is_contained).await;
            who_does_not_read_is_seen(scratch, is_contained).await;
            a_long_log_is_cut(scratch, is_contained).await;
        }
    });
}

async fn files_are_read_in_order_and_late_ones_too(scratch: &Scratch, is_contained: bool) {
    let mut rig = Rig::start(scratch, is_contained, "none").await;
    rig.program.feed(&[rig.path("a.mp4")]);
    assert_eq!(rig.finished(1).await, ["a.mp4"]);
    rig.program.feed(&[rig.path("b.mp4"), rig.path("a.mp4")]);
    rig.program.close_input();
    let ending = rig.program.wait().await.unwrap();
    assert_eq!((ending.is_clean, ending.told.as_str()), (true, "it exited with status 0"));
    assert_eq!(rig.finished(3).await, ["a.mp4", "b.mp4", "a.mp4"]);
    let log = rig.program.finish().await;
    assert_eq!(log.matches("read 5 bytes of").count(), 3, "{log}");
}

async fn ends_are_told(scratch: &Scratch, is_contained: bool) {
    let told = async |habit| Rig::start(scratch, is_contained, habit).await.end().await.0.told;
    assert_eq!(told("leave 3").await, "it exited with status 3");
    // The first process of a container is spared the signal, and crashes of the next instruction.
    let crash =
        if is_contained { "it crashed (signal 11, segmentation fault)" } else { "it crashed (signal 6, aborted)" };
    assert_eq!(told("crash").await, crash);
}

async fn who_is_deaf_is_killed_in_time(scratch: &Scratch, is_contained: bool) {
    let mut rig = Rig::start(scratch, is_contained, "deaf").await;
    rig.program.stop().await;
    let (ending, _) = rig.end().await;
    assert!(!ending.is_clean, "{ending:?}");
    let mut rig = Rig::start(scratch, is_contained, "deaf").await;
    rig.program.kill().await;
    assert_eq!(rig.end().await.0.told, "it was killed (signal 9; by the system when memory runs out)");
}

async fn who_does_not_read_is_seen(scratch: &Scratch, is_contained: bool) {
    let mut rig = Rig::start(scratch, is_contained, "deaf").await;
    rig.program.feed(&vec![rig.path("a.mp4"); 200_000]);
    let begun = Instant::now();
    while rig.program.has_read() {
        assert!(begun.elapsed() < Duration::from_secs(30));
        tokio::task::yield_now().await;
    }
    rig.program.kill().await;
    rig.end().await;
}

async fn a_long_log_is_cut(scratch: &Scratch, is_contained: bool) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let log = LogFile { path: path.clone(), max_bytes: 10 };
    let mut rig = Rig::start_with(scratch, is_contained, "shout", |launch| launch.log = Some(log)).await;
    rig.program.close_input();
    let (_, end) = rig.end().await;
    assert!(end.ends_with("99999\n100000"), "{end}");
    let kept = fs::read_to_string(path).unwrap();
    assert!(kept.starts_with("1\n2\n3\n4\n5\n\n[572501 bytes of log left out]\n"), "{}", &kept[..80]);
}

pub fn a_container_sees_its_files_and_nothing_else() {
    with_engine(async |scratch| {
        let mut rig = Rig::start(scratch, true, "look").await;
        rig.program.close_input();
        let (_, log) = rig.end().await;
        insta::assert_snapshot!(log, @"
        here: /elv
        media: a.mp4
        network: lo
        capabilities 0000000000000000, privileges locked 1, filtered 2
        write /x: no
        write /elv/x: no
        write /elv/media/x: no
        write /elv/output/x: yes
        write /tmp/x: yes
        write /root/.cache/x: yes
        devices: []
        processes: 1
        ");
    });
}

/// The text with one word for that memory ran out. Podman does not always know it, and Docker not always in time.
fn with_memory_told_in_a_word(text: &str) -> String {
    const WAYS: [&str; 2] = [
        "it was killed (signal 9): by the system because it needed more than the 64 MiB of memory that it may have \
         (raise `memory` of its resources), or by somebody from outside",
        "it needed more than the 64 MiB of memory that it may have: raise `memory` of its resources",
    ];
    let text = WAYS.iter().fold(text.to_owned(), |text, way| text.replace(way, "MEMORY"));
    // Of a job it is told in small letters.
    WAYS.iter().fold(text, |text, way| text.replace(&way.replace("MiB", "mib"), "MEMORY"))
}

pub fn limits_of_a_container_hold_and_are_told() {
    with_engine(async |scratch| {
        let mut all = String::new();
        for habit in ["hoard", "multiply", "fill"] {
            let mut rig = Rig::start(scratch, true, habit).await;
            rig.program.close_input();
            let (ending, log) = rig.end().await;
            all += &format!("{habit}: {}; log: {log:?}\n", with_memory_told_in_a_word(&ending.told));
        }
        insta::assert_snapshot!(all, @r#"
        hoard: MEMORY; log: ""
        multiply: it exited with status 7; log: "63 threads"
        fill: it has filled its output folder with more than twice the 10485760 bytes that its output may be: raise `output` of [limits] in the server's configuration, or mend the model; log: ""
        "#);
    });
}

pub fn a_token_comes_into_the_container_and_not_into_the_log() {
    with_engine(async |scratch| {
        let mut rig = Rig::start_with(scratch, true, "reveal", |launch| {
            launch.env = vec![("ELV_TOKEN".into(), "abc123".into()), ("ELV_CONTENT".into(), "c".into())];
            launch.container.as_mut().unwrap().secrets = vec!["abc123".into()];
        })
        .await;
        rig.program.close_input();
        assert_eq!(rig.end().await.1, r#"got Ok("[secret]") for Ok("c")"#);
    });
}

pub fn what_cannot_start_is_told_with_the_way_out() {
    with_engine(async |scratch| {
        let mut told = Vec::new();
        for (image, device) in [(EMPTY_IMAGE, None), ("localhost/nothing:1", None), (IMAGE, Some("made.up/gpu=7"))] {
            let folder = tempfile::tempdir().unwrap();
            for name in ["media", "output"] {
                fs::create_dir(folder.path().join(name)).unwrap();
            }
            let devices = device.map(str::to_owned).into_iter().collect();
            let container =
                Container { image: image.into(), folder: folder.path().into(), devices, ..Container::default() };
            let launch = Launch { container: Some(container), ..Launch::default() };
            told.push(executors(scratch).start(&launch).await.err().unwrap().to_string());
        }
        if scratch.is_docker() {
            let gpu = told.pop().unwrap();
            assert!(gpu.contains(NO_DEVICES) && gpu.contains("made.up/gpu=7") && gpu.contains("daemon.json"), "{gpu}");
            insta::assert_snapshot!(told.join("\n"), @"
            the program that image `localhost/empty:1` names as its entry point cannot be started: stat /no-program: no such file or directory
            image `localhost/nothing:1` is no longer on this machine: fetch or build it again
            ");
            return;
        }
        insta::assert_snapshot!(told.join("\n"), @"
        the program that image `localhost/empty:1` names as its entry point cannot be started: no such file or directory: OCI runtime attempted to invoke a command that was not found
        image `localhost/nothing:1` is no longer on this machine: fetch or build it again
        no such GPU for containers: made.up/gpu=7 (setting up CDI devices: unresolvable CDI devices made.up/gpu=7): `tagger doctor` says what names there are and what makes them
        ");
    });
}

/// The containers of this engine that are ours.
pub async fn standing(scratch: &Scratch) -> Vec<String> {
    let client = scratch.containers.client().await.unwrap();
    client.containers_with("io.tagger.owner").await.unwrap().into_iter().map(|container| container.id).collect()
}

pub fn what_others_do_to_a_container_is_told() {
    with_engine(async |scratch| {
        let client = scratch.containers.client().await.unwrap();
        let rig = Rig::start(scratch, true, "deaf").await;
        client.signal_container(&standing(scratch).await[0], "KILL").await.unwrap();
        let killed = rig.end().await.0.told;
        let rig = Rig::start(scratch, true, "deaf").await;
        client.remove_container(&standing(scratch).await[0]).await.unwrap();
        let removed = rig.end().await.0.told;
        assert!(killed.ends_with("or by somebody from outside"), "{killed}");
        assert!(removed.ends_with("by somebody from outside"), "{removed}");
    });
}

pub fn an_engine_that_is_gone_is_started_again_and_finds_its_containers() {
    with_engine(async |scratch| {
        let mut rig = Rig::start(scratch, true, "deaf").await;
        let before = standing(scratch).await;
        scratch.kill_engine();
        rig.program.kill().await;
        assert_eq!(rig.end().await.0.told, "it was killed (signal 9; by the system when memory runs out)");
        assert_eq!((before.len(), standing(scratch).await.len()), (1, 0));
        let mut rig = Rig::start(scratch, true, "none").await;
        rig.program.feed(&[rig.path("a.mp4")]);
        rig.program.close_input();
        assert!(rig.end().await.0.is_clean);
    });
}

/// What is said where devices have no names.
pub const NO_DEVICES: &str = "this Docker Engine cannot give GPUs by CDI names";

/// Three GPUs that there are not.
pub struct MadeUpGpus {
    /// What their names begin with.
    pub kind: String,
    path: PathBuf,
}

impl MadeUpGpus {
    /// `None` where this user may not make any.
    pub fn new() -> Option<Self> {
        let device = |name: u32| {
            json!({"name": name.to_string(), "containerEdits": {
                "env": [format!("MADE_UP_{name}=yes")],
                "deviceNodes": [{"path": format!("/dev/made-up-{name}"), "type": "c", "major": 1, "minor": 3}],
            }})
        };
        let kind = format!("made-up-{}.example/gpu", std::process::id());
        let spec = json!({"cdiVersion": "0.5.0", "kind": kind, "devices": [device(0), device(1), device(2)]});
        let path = Path::new("/etc/cdi").join(format!("tagger-test-{}.json", std::process::id()));
        match fs::create_dir_all("/etc/cdi").and_then(|()| fs::write(&path, spec.to_string())) {
            Ok(()) => Some(Self { kind, path }),
            Err(_) => {
                println!("skipped, because /etc/cdi cannot be written to");
                None
            }
        }
    }
}

impl Drop for MadeUpGpus {
    fn drop(&mut self) {
        fs::remove_file(&self.path).unwrap();
    }
}

pub fn a_gpu_is_given_by_its_name() {
    with_engine(async |scratch| {
        if scratch.is_docker() {
            return println!("{NO_DEVICES}");
        }
        let Some(gpus) = MadeUpGpus::new() else { return };
        let mut rig = Rig::start_with(scratch, true, "look", |launch| {
            launch.container.as_mut().unwrap().devices = vec![format!("{}=0", gpus.kind), format!("{}=2", gpus.kind)];
        })
        .await;
        rig.program.close_input();
        let (_, log) = rig.end().await;
        let devices = log.lines().find(|line| line.starts_with("devices")).unwrap();
        assert_eq!(devices, "devices: [MADE_UP_0 MADE_UP_2]");
    });
}

/// A service whose model is an image.
pub async fn service(world: &World, scratch: &Scratch, config: &str) -> Service {
    let mut executors = executors(scratch);
    executors.processes.guard = Some(Guard::this_program("guard").unwrap());
    world.service_with(world.config_and(config), executors).await
}

pub fn job(world: &World, id: &str, model: &str, habit: &str) -> tagger_runtime::service::Submit {
    let params = serde_json::Map::from_iter([("habit".to_owned(), json!(habit))]);
    tagger_runtime::service::Submit { model: model.into(), params, ..world.submit(id, json!(null)) }
}

pub fn jobs_are_done_by_images() {
    with_engine(async |scratch| {
        let world = World::new();
        let config = format!("[model.habits]\nimage = '{IMAGE}'\nresources.slot = 1\nresources.memory = 67108864\n");
        let service = service(&world, scratch, &config).await;
        let id = service.submit(job(&world, "good", "habits", "none")).await.unwrap().job.id;
        ended(&service, &id).await;
        insta::assert_snapshot!(told(&service, &id).await, @"
        succeeded
        part 0 done, 0 attempts
        part 1 done, 0 attempts
        part 2 done, 0 attempts
        part 3 done, 0 attempts
        part 4 done, 0 attempts
        part 5 done, 0 attempts
        attempt 1 of 6 parts finished
        6 tags
        ");
        let id = service.submit(job(&world, "by-name", &format!("oci:{IMAGE}"), "accuse")).await.unwrap().job.id;
        ended(&service, &id).await;
        insta::assert_snapshot!(told(&service, &id).await, @"
        succeeded
        part 0 done, 0 attempts
        part 1 done, 0 attempts
        part 2 done, 0 attempts
        part 3 done, 0 attempts
        part 4 done, 0 attempts
        part 5 done, 0 attempts
        attempt 1 of 6 parts finished
        6 warnings, the last: 1 more messages about files it was not given
        0 tags
        ");
        let id = service.submit(job(&world, "link", "habits", "link")).await.unwrap().job.id;
        ended(&service, &id).await;
        let first_line = told(&service, &id).await.lines().next().unwrap_or_default().to_owned();
        insta::assert_snapshot!(first_line, @"failed: the program has put something else in the place of its output file, which must be a file");
        let id = service.submit(job(&world, "hoard", "habits", "hoard")).await.unwrap().job.id;
        ended(&service, &id).await;
        let first_line = told(&service, &id).await.lines().next().unwrap_or_default().to_owned();
        assert_eq!(with_memory_told_in_a_word(&first_line), "failed: MEMORY");
        let id = service.submit(job(&world, "deaf", "habits", "deaf")).await.unwrap().job.id;
        until(&service, &id, |job| job.state == tagger_store::JobState::Running && job.attempts == 1).await;
        service.stop(&id).await.unwrap();
        assert_eq!(ended(&service, &id).await.state, tagger_store::JobState::Stopped);
    });
}

pub fn sixteen_start_at_once_and_none_outlives_its_service() {
    with_engine(async |scratch| {
        let world = World::new();
        // As many as there are, whatever processors this machine has.
        let model = format!("[model.habits]\nimage = '{IMAGE}'\nresources.cpu = 0\n");
        let service = service(&world, scratch, &model).await;
        let mut ids = Vec::new();
        for number in 0..16 {
            let submitted = service.submit(job(&world, &format!("job-{number}"), "habits", "deaf")).await.unwrap();
            ids.push(submitted.job.id);
        }
        for id in &ids {
            until(&service, id, |job| job.state == tagger_store::JobState::Running && job.attempts == 1).await;
        }
        while standing(scratch).await.len() < 16 {
            for id in &ids {
                assert_eq!(service.job(id).await.unwrap().state, tagger_store::JobState::Running);
            }
            tokio::task::yield_now().await;
        }
        service.drain().await;
        assert_eq!(standing(scratch).await, [] as [String; 0]);
    });
}

pub fn images_that_cannot_be_used_are_refused_at_submit() {
    with_engine(async |scratch| {
        let world = World::new();
        let service = service(&world, scratch, "").await;
        let mut told = Vec::new();
        for image in [ODD_IMAGE, GREEDY_IMAGE, "localhost/nothing:1"] {
            let refused = service.submit(job(&world, "x", &format!("oci:{image}"), "none")).await.unwrap_err();
            assert!([ErrorCode::UnknownModel, ErrorCode::InvalidRequest].contains(&refused.code));
            told.push(refused.message);
        }
        insta::assert_snapshot!(told.join("\n"), @r#"
        cannot use model `odd`: image `localhost/odd:1` has a label io.tagger.manifest that cannot be read: build it again, or name its `image` and `kind` under [model.NAME] of a server's configuration or in a manifest of its own: io.tagger.manifest:1: key must be a string at line 1 column 2
        image `localhost/greedy:1` asks for `network`, which this server does not allow it: write `image = "localhost/greedy:1"` and `allow = ["network", "token"]` under `[model.habits]` in the configuration
        cannot use model `nothing`: image `localhost/nothing:1` is not on this machine, and images are never fetched here: `podman pull localhost/nothing:1` or `docker pull localhost/nothing:1`, or set `pull = "missing"`
        "#);
        let world = World::new();
        let named = format!("[model.odd]\nimage = '{ODD_IMAGE}'\nkind = 'video'\n");
        let service = self::service(&world, scratch, &named).await;
        let id = service.submit(job(&world, "odd", "odd", "none")).await.unwrap().job.id;
        assert_eq!(ended(&service, &id).await.state, tagger_store::JobState::Succeeded, "its kind is known");
        let allowed = format!("[model.greedy]\nimage = '{GREEDY_IMAGE}'\nallow = ['network', 'token']\n");
        let service = self::service(&World::new(), scratch, &allowed).await;
        assert!(service.model("greedy").await.is_ok());
    });
}

pub fn containers_of_the_dead_are_removed_and_no_others() {
    with_engine(async |scratch| {
        let client = scratch.containers.client().await.unwrap();
        let make = async |owner: &str, place: &str| {
            let labels = [("io.tagger.owner", owner), ("io.tagger.place", place)];
            let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
            let spec = tagger_engine::Spec {
                image: IMAGE.into(),
                labels,
                has_input: true,
                open_files: Some(1024),
                ..Default::default()
            };
            let id = client.create_container(&spec).await.unwrap();
            client.start_container(&id).await.unwrap();
            id
        };
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        let namespace = fs::read_link("/proc/self/ns/pid").unwrap();
        let world = format!("{}/{}", boot.trim(), namespace.display());
        let dead = make(&format!("{world}/4194305/1"), "elsewhere").await;
        let ours = make("another/pid:[1]/1/1", "here").await;
        let theirs = make(&format!("{}/pid:[1]/1/1", boot.trim()), "elsewhere").await;
        let again = tagger_runtime::Containers::new(tagger_runtime::ContainerSetup {
            place: Some("here".into()),
            socket: Some(client.socket().to_owned()),
            ..Default::default()
        });
        again.sweep(std::path::Path::new("/nowhere")).await;
        let is_there = async |id: &str| client.container(id).await.unwrap().is_some();
        assert!(!is_there(&dead).await && !is_there(&ours).await);
        assert!(is_there(&theirs).await, "somebody may live where we cannot look");
        client.remove_container(&theirs).await.unwrap();
    });
}
