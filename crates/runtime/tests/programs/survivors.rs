//! Containers whose server is killed beside them, and what the next server makes of them.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitCode};

use tagger_engine::Client;
use tagger_runtime::{ContainerSetup, Containers, Executors, Guard, ProcessExecutor, Pull};

use crate::contained::{job, with_engine};
use crate::killed::{Server, serve};
use crate::scratch::{IMAGE, Scratch};
use crate::world::{World, told};

/// An engine that is nobody's child, as on most machines, and a world in which a job has a container there.
struct Outlived {
    world: World,
    socket: PathBuf,
    /// A service of Podman. Docker's daemon is nobody's child as it is.
    podman: Option<Child>,
}

impl Outlived {
    /// A server is killed when one part of six is done. Its program waits until it is told to go on.
    async fn new(scratch: &Scratch) -> Self {
        let world = World::new();
        let outlived = if scratch.is_docker() {
            let socket = scratch.containers.client().await.unwrap().socket().to_owned();
            Self { world, socket, podman: None }
        } else {
            let registries = world.folder.join("registries.conf");
            fs::write(&registries, "").unwrap();
            let podman = Some(scratch.start_another_service(&world.folder, &registries));
            Self { socket: world.folder.join("engine.sock"), world, podman }
        };
        while Client::at(&outlived.socket).await.is_err() {
            tokio::task::yield_now().await;
        }
        let mut server = outlived.server("");
        server.until("job 1 of 6");
        server.kill();
        outlived
    }

    /// Starts a server with more in the configuration of its model.
    fn server(&self, more: &str) -> Server {
        let arguments = [self.world.folder.as_os_str(), self.socket.as_os_str(), OsStr::new(more)];
        Server::start_as("contained-service", arguments)
    }

    /// The containers of the job.
    async fn containers(&self) -> Vec<String> {
        let client = Client::at(&self.socket).await.unwrap();
        let listed = client.containers_with("io.tagger.job=job").await.unwrap();
        listed.into_iter().map(|container| format!("{} {}", container.id, container.state)).collect()
    }

    /// The folder of an attempt's container.
    fn folder(&self, attempt: u32) -> PathBuf {
        self.world.folder.join(format!("data/work/job-{attempt}/output"))
    }

    /// Has the server finish the job, whose program goes on now: with every tag once, and nothing left lying.
    async fn finish(self, mut server: Server, attempt: u32) {
        fs::write(self.folder(attempt).join("media/go"), "").unwrap();
        server.until("ended");
        assert!(server.process.wait().unwrap().success());
        assert_eq!(self.containers().await, [""; 0]);
        assert_eq!(fs::read_dir(self.world.folder.join("data/work")).unwrap().count(), 0);
        insta::assert_snapshot!(told(&service(&self.world, &self.socket, "").await, &"job".into()).await, @"
        succeeded
        part 0 done, 0 attempts
        part 1 done, 0 attempts
        part 2 done, 0 attempts
        part 3 done, 0 attempts
        part 4 done, 0 attempts
        part 5 done, 0 attempts
        attempt 1 of 6 parts interrupted, not counted: the server ended
        attempt 2 of 5 parts finished
        6 tags
        ");
    }
}

impl Drop for Outlived {
    fn drop(&mut self) {
        if let Some(podman) = &mut self.podman {
            let _ = podman.kill();
            let _ = podman.wait();
        }
    }
}

async fn service(world: &World, socket: &Path, more: &str) -> tagger_runtime::service::Service {
    let containers = Containers::new(ContainerSetup {
        pull: Pull::Never,
        socket: Some(socket.to_owned()),
        place: Some(world.folder.display().to_string()),
        ..ContainerSetup::default()
    });
    let processes = ProcessExecutor { guard: Some(Guard::this_program("guard").unwrap()) };
    let config = world.config_and(&format!("[model.habits]\nimage = '{IMAGE}'\n{more}\n"));
    world.service_with(config, Executors { processes, containers }).await
}

/// Is a server with one job in a container.
pub fn be_a_service(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let world = World::of(Path::new(&arguments.next().unwrap()));
    let socket = PathBuf::from(arguments.next().unwrap());
    let more = arguments.next().unwrap().into_string().unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let jobs = vec![job(&world, "job", "habits", "wait")];
        serve(service(&world, &socket, &more).await, jobs).await
    })
}

pub fn a_container_that_outlives_its_server_is_taken_over_by_the_next_one() {
    with_engine(async |scratch| {
        let outlived = Outlived::new(scratch).await;
        let before = outlived.containers().await;
        assert!(before.len() == 1 && before[0].ends_with("running"), "{before:?}");
        let mut server = outlived.server("");
        server.until("job 1 of 6");
        assert_eq!(outlived.containers().await, before);
        outlived.finish(server, 1).await;
    });
}

pub fn a_container_that_was_started_otherwise_is_removed_and_its_job_done_anew() {
    with_engine(async |scratch| {
        let outlived = Outlived::new(scratch).await;
        let before = outlived.containers().await;
        let mut server = outlived.server("resources.memory = 100e6");
        server.until("job 2 of 6");
        assert_ne!(outlived.containers().await, before);
        assert!(!outlived.folder(1).exists());
        outlived.finish(server, 2).await;
    });
}
