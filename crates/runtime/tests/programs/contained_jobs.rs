//! Jobs of a server in containers, while what they need comes and goes: images, registries, engines, devices.

use std::fs;
use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tagger_engine::{Client, Push};
use tagger_runtime::service::Service;
use tagger_runtime::{ContainerSetup, Containers, Executors, Pull};
use tagger_store::{JobId, JobState};

use crate::contained::{MadeUpGpus, NO_DEVICES, executors, job, service, with_engine};
use crate::scratch::{FLEETING_IMAGE, GREEDY_IMAGE, IMAGE, Scratch};
use crate::world::{World, ended, tags, told, until};

/// Has a job done.
async fn done(service: &Service, world: &World, id: &str, model: &str, habit: &str) -> JobState {
    let id = service.submit(job(world, id, model, habit)).await.unwrap().job.id;
    ended(service, &id).await.state
}

pub fn an_image_that_goes_between_submit_and_start_is_told_and_a_retry_takes_the_new_one() {
    with_engine(async |scratch| {
        let world = World::new();
        let models = ["habits", "fleeting"].map(|name| format!("[model.{name}]\nimage = 'localhost/{name}:1'\n"));
        let config = models.map(|model| model + "resources.slot = 1\n").concat();
        let service = service(&world, scratch, &config).await;
        let first = service.submit(job(&world, "first", "habits", "deaf")).await.unwrap().job.id;
        until(&service, &first, |job| job.state == JobState::Running && job.attempts == 1).await;
        let second = service.submit(job(&world, "second", "fleeting", "none")).await.unwrap().job.id;
        scratch.containers.client().await.unwrap().remove_image(FLEETING_IMAGE).await.unwrap();
        service.stop(&first).await.unwrap();
        let cause = ended(&service, &second).await.cause.unwrap();
        scratch.load_fleeting().await;
        insta::assert_snapshot!(cause, @"image `localhost/fleeting:1` is no longer on this machine: fetch or build it again");
        service.retry(&second, true).await.unwrap();
        assert_eq!(ended(&service, &second).await.state, JobState::Succeeded, "{}", told(&service, &second).await);
    });
}

/// A registry of this machine, and an engine that may speak with it.
struct Registry {
    folder: tempfile::TempDir,
    address: String,
    registry: Child,
    /// Another service of Podman. Docker needs none: it speaks with every registry of its own machine.
    podman: Option<Child>,
    socket: PathBuf,
}

impl Registry {
    /// `None` where none is installed.
    async fn start(scratch: &Scratch) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let storage = folder.path().join("registry");
        let settings = format!(
            "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: {address}\n",
            storage.display()
        );
        let file = folder.path().join("registry.yml");
        fs::write(&file, settings).unwrap();
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(file).stdout(Stdio::null()).stderr(Stdio::null());
        let registry = match command.spawn() {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                println!("skipped, because docker-registry is not installed");
                return None;
            }
            registry => registry.unwrap(),
        };
        let registries = folder.path().join("registries.conf");
        fs::write(&registries, format!("[[registry]]\nlocation = '{address}'\ninsecure = true\n")).unwrap();
        let podman = (!scratch.is_docker()).then(|| scratch.start_another_service(folder.path(), &registries));
        let socket = match &podman {
            Some(_) => folder.path().join("engine.sock"),
            None => scratch.containers.client().await.unwrap().socket().to_owned(),
        };
        while TcpStream::connect(&address).is_err() {
            std::thread::yield_now();
        }
        Some(Self { folder, address, registry, podman, socket })
    }

    fn stop(&mut self) {
        self.registry.kill().unwrap();
        self.registry.wait().unwrap();
    }

    /// Executors that fetch images so.
    async fn executors(&self, scratch: &Scratch, pull: Pull) -> Executors {
        while Client::at(&self.socket).await.is_err() {
            tokio::task::yield_now().await;
        }
        let place = Some(self.folder.path().display().to_string());
        let setup = ContainerSetup { pull, socket: Some(self.socket.clone()), place, ..ContainerSetup::default() };
        Executors { containers: Containers::new(setup), ..executors(scratch) }
    }

    async fn push(&self, scratch: &Scratch, image: &str, name: &str) {
        let client = scratch.containers.client().await.unwrap();
        let push = Push { is_plain: true, ..Push::default() };
        let name = self.name(name);
        let before = client.image(&name).await.unwrap();
        client.push_image(image, &name, &push, |_| {}).await.unwrap();
        // Docker gives what is pushed that name here, too.
        match before {
            Some(before) => client.tag_image(&before.id, &name).await.unwrap(),
            None => client.remove_image(&name).await.unwrap(),
        }
    }

    fn name(&self, name: &str) -> String {
        format!("{}/team/{name}", self.address)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        for process in [Some(&mut self.registry), self.podman.as_mut()].into_iter().flatten() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

pub fn images_are_fetched_when_the_configuration_says_so_and_what_fails_is_explained() {
    with_engine(async |scratch| {
        let Some(mut registry) = Registry::start(scratch).await else { return };
        let (worlds, name) = ([World::new(), World::new()], registry.name("habits:1"));
        let model = format!("oci:{name}");
        let refused = async |service: &Service, world: &World, model: &str| {
            let refused = service.submit(job(world, "refused", model, "none")).await.unwrap_err();
            refused.message
        };
        registry.push(scratch, IMAGE, "habits:1").await;
        let once = registry.executors(scratch, Pull::Missing).await;
        let once = worlds[0].service_with(worlds[0].config(), once).await;
        let always = registry.executors(scratch, Pull::Always).await;
        let always = worlds[1].service_with(worlds[1].config(), always).await;
        assert_eq!(done(&once, &worlds[0], "fetched", &model, "none").await, JobState::Succeeded);
        // Under the same name there is something else now.
        registry.push(scratch, GREEDY_IMAGE, "habits:1").await;
        assert_eq!(done(&once, &worlds[0], "here", &model, "none").await, JobState::Succeeded);
        let greedy = refused(&always, &worlds[1], &model).await;
        assert!(greedy.contains("asks for `network`"), "{greedy}");
        registry.push(scratch, IMAGE, "habits:1").await;
        assert_eq!(done(&always, &worlds[1], "fetched", &model, "none").await, JobState::Succeeded);
        let nothing = format!("oci:{}", registry.name("nothing:1"));
        let mut told = vec![refused(&once, &worlds[0], &nothing).await, refused(&always, &worlds[1], &nothing).await];
        registry.stop();
        told.push(refused(&once, &worlds[0], &nothing).await);
        told.push(refused(&always, &worlds[1], &model).await);
        assert_eq!(done(&once, &worlds[0], "still-here", &model, "none").await, JobState::Succeeded);
        scratch.containers.client().await.unwrap().remove_image(&name).await.unwrap();
        // How the engine came to its reason differs.
        let short = told.iter().map(|told| {
            let (ours, theirs) = told.split_once(": cannot pull image ").unwrap();
            format!("{ours}: … {}", theirs.rsplit(": ").next().unwrap())
        });
        insta::assert_snapshot!(short.collect::<Vec<_>>().join("\n").replace(&registry.address, "REGISTRY"), @r#"
        cannot use model `nothing`: image `REGISTRY/team/nothing:1` is not on this machine and cannot be fetched: build it (`tagger build`), or name it with its registry: … manifest unknown
        cannot use model `nothing`: image `REGISTRY/team/nothing:1` cannot be fetched, which `pull = "always"` asks for: mend what the registry says, or set `pull = "missing"` to use what is on this machine: … manifest unknown
        cannot use model `nothing`: image `REGISTRY/team/nothing:1` is not on this machine and cannot be fetched: build it (`tagger build`), or name it with its registry: … connection refused
        cannot use model `habits`: image `REGISTRY/team/habits:1` cannot be fetched, which `pull = "always"` asks for: mend what the registry says, or set `pull = "missing"` to use what is on this machine: … connection refused
        "#);
    });
}

pub fn a_job_outlives_its_engine_and_has_every_tag_once() {
    with_engine(async |scratch| {
        let world = World::new();
        let service = service(&world, scratch, &format!("[model.habits]\nimage = '{IMAGE}'\n")).await;
        let id = service.submit(job(&world, "job", "habits", "wait")).await.unwrap().job.id;
        until(&service, &id, |job| job.counts.done == 1).await;
        scratch.kill_engine();
        fs::write(world.folder.join("data/work/job-1/output/media/go"), "").unwrap();
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
        assert_eq!(done(&service, &world, "next", "habits", "none").await, JobState::Succeeded);
    });
}

pub fn the_gpus_that_a_job_was_lent_are_those_in_its_container() {
    with_engine(async |scratch| {
        let Some(gpus) = MadeUpGpus::new() else { return };
        let world = World::new();
        let models = [1, 2].map(|count| format!("[model.needs-{count}]\nimage = '{IMAGE}'\nresources.gpu = {count}\n"));
        let mut config = world.config_and(&models.concat());
        config.machine.gpus = ["0", "1", "2"].map(str::to_owned).to_vec();
        config.containers.gpu_kind = gpus.kind.clone();
        let service = world.service_with(config, executors(scratch)).await;
        if scratch.is_docker() {
            let id = service.submit(job(&world, "in-vain", "needs-2", "devices")).await.unwrap().job.id;
            let cause = ended(&service, &id).await.cause.unwrap_or_default();
            assert!(cause.contains(NO_DEVICES) && cause.contains("daemon.json"), "{cause}");
            return;
        }
        let seen = async |id: &str| {
            assert_eq!(done(&service, &world, id, "needs-2", "devices").await, JobState::Succeeded);
            let tags = tags(&service, &JobId::from(id)).await;
            let text = |tag: &String| {
                tag.split_once("MADE_UP").map(|(_, rest)| rest.split(" part").next().unwrap().to_owned())
            };
            let mut texts: Vec<_> = tags.iter().filter_map(text).collect();
            texts.dedup();
            texts
        };
        let holder = service.submit(job(&world, "holder", "needs-1", "deaf")).await.unwrap().job.id;
        until(&service, &holder, |job| job.state == JobState::Running && job.attempts == 1).await;
        assert_eq!(seen("beside").await, ["_1 MADE_UP_2"]);
        service.stop(&holder).await.unwrap();
        ended(&service, &holder).await;
        assert_eq!(seen("alone").await, ["_0 MADE_UP_1"]);
    });
}
