//! Hostile images and hostile programs: each is told what it did, nothing outside its container changes, and the next job
//! of the same service is done.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, json};
use sha2::{Digest, Sha256};
use tagger_runtime::service::{Service, Submit};
use tagger_store::{JobId, JobState};

use crate::contained::{executors, standing, with_engine};
use crate::scratch::{GREEDY_IMAGE, IMAGE, ODD_IMAGE, STRANGE_IMAGE, Scratch};
use crate::trouble::SmallDisk;
use crate::world::{World, ended, tags, told, until};

/// The models of all attacks.
const MODELS: &str = "
[limits]
output = 20_000_000
[model.habits]
image = 'IMAGE'
resources = { slot = 1, memory = 67108864 }
[model.roomy]
image = 'IMAGE'
progress_timeout_seconds = 1
resources = { slot = 1, memory = 1073741824, processes = 200 }
[model.stranger]
image = 'STRANGE'
kind = 'video'
resources = { slot = 1 }
";

/// A service, and what lies around it.
struct Siege<'a> {
    scratch: &'a Scratch,
    world: World,
    service: Service,
    before: BTreeMap<PathBuf, String>,
}

impl<'a> Siege<'a> {
    async fn lay(scratch: &'a Scratch, world: World) -> Self {
        let outside = world.folder.join("outside");
        fs::create_dir_all(&outside).unwrap();
        // What would be tags, if anybody followed a link to it; and more than any output may be.
        let lines =
            r#"{"type":"tag","data":{"start_time":0,"end_time":40,"tag":"secret","source_media":"part-00000.mp4"}}"#;
        fs::write(outside.join("secret.jsonl"), format!("{lines}\n").repeat(500_000)).unwrap();
        let models = MODELS.replace("IMAGE", IMAGE).replace("STRANGE", STRANGE_IMAGE);
        let mut config = world.config_and(&models);
        (config.rules.part_attempts, config.rules.barren_attempts) = (1, 1);
        config.parts.length = Duration::from_secs(30);
        let service = world.service_with(config, executors(scratch)).await;
        let before = around(&world);
        Self { scratch, world, service, before }
    }

    fn job(&self, id: &str, model: &str, habit: &str) -> Submit {
        let target = self.world.folder.join("outside/secret.jsonl");
        let params = [("habit", json!(habit)), ("target", json!(target))];
        let params = Map::from_iter(params.map(|(name, value)| (name.to_owned(), value)));
        Submit { model: model.into(), params, ..self.world.submit(id, json!(null)) }
    }

    /// Has a job done by a program of that habit. Tells in a line what became of it.
    async fn attack(&self, model: &str, habit: &str) -> String {
        let id = JobId::from(format!("{model}-{}", habit.replace(' ', "-")));
        self.service.submit(self.job(&id.0, model, habit)).await.unwrap();
        if habit == "deaf" {
            until(&self.service, &id, |job| job.state == JobState::Running && job.attempts == 1).await;
            self.service.stop(&id).await.unwrap();
        }
        let job = ended(&self.service, &id).await;
        let count = tags(&self.service, &id).await.len();
        let cause = job.cause.unwrap_or_default();
        self.hold(&id.0).await;
        format!(
            "{model} {habit}: {:?}, {count} tags. {}",
            job.state,
            cause.replace(
                "
", ""
            )
        )
        .trim_end()
        .to_owned()
    }

    /// Nothing has changed, nothing is left, and the next job is done.
    async fn hold(&self, attack: &str) {
        assert_eq!(around(&self.world), self.before, "after {attack}");
        let next = format!("after-{attack}");
        let id = self.service.submit(self.job(&next, "habits", "none")).await.unwrap().job.id;
        ended(&self.service, &id).await;
        let told = told(&self.service, &id).await;
        assert!(told.starts_with("succeeded") && told.ends_with("\n2 tags"), "after {attack}: {told}");
        assert_eq!(standing(self.scratch).await, [] as [String; 0], "after {attack}");
        let left = fs::read_dir(self.world.folder.join("data/work")).unwrap().count();
        assert_eq!(left, 0, "after {attack}");
    }
}

/// All that lies beside a service's data and must stay as it is, and what it says.
fn around(world: &World) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![world.folder.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let is_data = path == world.folder.join("data");
            found.insert(path.clone(), if is_data { String::new() } else { facts(&path) });
            if path.is_dir() && !is_data {
                folders.push(path);
            }
        }
    }
    found.insert("/etc/passwd".into(), facts(Path::new("/etc/passwd")));
    found
}

fn facts(path: &Path) -> String {
    let facts = fs::symlink_metadata(path).unwrap();
    let changed = (facts.mtime(), facts.mtime_nsec());
    let content = if facts.is_file() { hex(&fs::read(path).unwrap()) } else { String::new() };
    format!("mode {:o}, owner {}, {} bytes {content}, changed {changed:?}", facts.mode(), facts.uid(), facts.size())
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn hostile_images_change_nothing_outside_and_the_next_job_is_done() {
    with_engine(async |scratch| {
        let siege = Siege::lay(scratch, World::new()).await;
        let mut told = Vec::new();
        for image in [ODD_IMAGE, GREEDY_IMAGE] {
            let refused = siege.service.submit(siege.job("refused", &format!("oci:{image}"), "none")).await;
            told.push(refused.map_err(|refused| refused.message).unwrap_err());
            siege.hold(&image.replace(['/', ':'], "-")).await;
        }
        told.push(siege.attack("stranger", "none").await);
        insta::assert_snapshot!(told.join("\n"), @r#"
        cannot use model `odd`: image `localhost/odd:1` has a label io.tagger.manifest that cannot be read: build it again, or name its `image` and `kind` under [model.NAME] of a server's configuration or in a manifest of its own: io.tagger.manifest:1: key must be a string at line 1 column 2
        image `localhost/greedy:1` asks for `network`, which this server does not allow it: write `image = "localhost/greedy:1"` and `allow = ["network", "token"]` under `[model.habits]` in the configuration
        stranger none: Failed, 0 tags. it exited with status 0, but no progress message has come; its log ends:    | hello
        "#);
    });
}

pub fn hostile_programs_change_nothing_outside_and_the_next_job_is_done() {
    with_engine(async |scratch| {
        let siege = Siege::lay(scratch, World::new()).await;
        let mut told = Vec::new();
        for habit in ["link", "link beside", "accuse", "sparse", "write", "fill", "multiply", "deaf"] {
            told.push(siege.attack("habits", habit).await);
        }
        told.push(siege.attack("roomy", "fork").await);
        insta::assert_snapshot!(told.join("\n"), @"
        habits link: Failed, 0 tags. the program has put something else in the place of its output file, which must be a file
        habits link beside: Succeeded, 2 tags.
        habits accuse: Succeeded, 0 tags.
        habits sparse: Failed, 0 tags. 2 of 2 parts are quarantined; the last one: it has written more than 20000000 bytes of output
        habits write: Failed, 0 tags. 2 of 2 parts are quarantined; the last one: it has written more than 20000000 bytes of output
        habits fill: Failed, 0 tags. it has filled its output folder with more than twice the 20000000 bytes that its output may be: raise `output` of [limits] in the server's configuration, or mend the model
        habits multiply: Failed, 0 tags. it exited with status 7; its log ends:    | 1023 threads
        habits deaf: Stopped, 0 tags.
        roomy fork: Failed, 0 tags. 2 of 2 parts are quarantined; the last one: it has written nothing for 1 s and was killed; it had all 200 processes and threads that it may have (raise `processes` of its resources)
        ");
    });
}

pub fn a_program_that_fills_the_disk_fails_and_the_next_job_is_done() {
    with_engine(async |scratch| {
        let world = World::new();
        // Smaller than what the program may write.
        let Some(disk) = SmallDisk::mount(world.folder.join("data")) else {
            println!("skipped: this user may not mount a small disk");
            return;
        };
        let siege = Siege::lay(scratch, world).await;
        insta::assert_snapshot!(siege.attack("habits", "fill").await, @"habits fill: Failed, 0 tags. it exited with status 5; its log ends:    | No space left on device (os error 28)");
        siege.service.drain().await;
        drop(disk);
    });
}
