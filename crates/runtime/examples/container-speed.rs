//! How long a program in a container takes to its first line, and its end to be known: through the runtime, and by bare
//! calls of the engine, in turns.
//!
//! `container-speed IMAGE FILE ROUNDS`: a line of JSON a round, in seconds. The image's program is
//! `tests/programs/contained/program.rs`.

use std::{env, error::Error, fs, io, path::Path, time::Duration, time::Instant};

use serde_json::json;
use tagger_engine::{Mount, Spec, Streams};
use tagger_runtime::{Container, ContainerSetup, Containers, Executor, Launch};
use tokio::io::AsyncWriteExt;
use tokio::time::sleep;

const ARGUMENTS: [&str; 4] = ["--output-path", "/elv/output/output.jsonl", "--params", "{}"];
/// How often the output is looked at: the same for both.
const LOOK_EVERY: Duration = Duration::from_micros(500);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [image, file, rounds] = arguments.as_slice() else { return Err("name an image, a file and a number".into()) };
    tokio::runtime::Runtime::new()?.block_on(async {
        let containers = Containers::new(ContainerSetup::default());
        for round in 0..rounds.parse()? {
            let (ours, bare) = if round % 2 == 0 {
                let ours = through_the_runtime(&containers, image, file).await?;
                (ours, by_bare_calls(&containers, image, file).await?)
            } else {
                let bare = by_bare_calls(&containers, image, file).await?;
                (through_the_runtime(&containers, image, file).await?, bare)
            };
            println!("{}", json!({"first_s": ours.0, "end_s": ours.1, "bare_first_s": bare.0, "bare_end_s": bare.1}));
        }
        containers.close().await;
        Ok(())
    })
}

/// Seconds from the wish to the first line of output, and from the end of input to the end being known.
type Took = (f64, f64);

async fn through_the_runtime(containers: &Containers, image: &str, file: &str) -> Result<Took, Box<dyn Error>> {
    let folder = laid_out()?;
    let container = Container {
        image: image.to_owned(),
        folder: folder.path().to_owned(),
        files: vec![file.into()],
        ..Container::default()
    };
    let launch =
        Launch { command: ARGUMENTS.map(Into::into).to_vec(), container: Some(container), ..Launch::default() };
    let begun = Instant::now();
    let mut program = containers.start(&launch).await?;
    program.feed(&[file.to_owned()]);
    first_line(folder.path()).await;
    let first = begun.elapsed();
    let closed = Instant::now();
    program.close_input();
    let ending = program.wait().await?;
    let end = closed.elapsed();
    program.finish().await;
    if ending.is_clean { Ok((first.as_secs_f64(), end.as_secs_f64())) } else { Err(ending.told.into()) }
}

async fn by_bare_calls(containers: &Containers, image: &str, file: &str) -> Result<Took, Box<dyn Error>> {
    let client = containers.client().await?;
    let folder = laid_out()?;
    let name = Path::new(file).file_name().unwrap_or_default();
    fs::copy(file, folder.path().join("media").join(name))?;
    let bind = |name: &str, is_writable| Mount::Bind {
        source: folder.path().join(name),
        target: format!("/elv/{name}"),
        is_writable,
    };
    let spec = Spec {
        image: image.to_owned(),
        command: ARGUMENTS.map(str::to_owned).to_vec(),
        folder: Some("/elv".to_owned()),
        has_input: true,
        mounts: vec![bind("media", false), bind("output", true)],
        open_files: Some(1024),
        ..Spec::default()
    };
    let begun = Instant::now();
    let id = client.create_container(&spec).await?;
    let mut input = client.attach(&id, Streams::Input).await?;
    client.start_container(&id).await?;
    input.write_all(format!("media/{}\n", name.display()).as_bytes()).await?;
    first_line(folder.path()).await;
    let first = begun.elapsed();
    let closed = Instant::now();
    input.shutdown().await?;
    let status = client.wait_container(&id).await?;
    let end = closed.elapsed();
    client.remove_container(&id).await?;
    if status == 0 { Ok((first.as_secs_f64(), end.as_secs_f64())) } else { Err(format!("status {status}").into()) }
}

/// A folder with those of a container in it.
fn laid_out() -> io::Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    fs::create_dir(folder.path().join("media"))?;
    fs::create_dir(folder.path().join("output"))?;
    Ok(folder)
}

async fn first_line(folder: &Path) {
    let output = folder.join("output/output.jsonl");
    while !fs::read(&output).is_ok_and(|text| text.contains(&b'\n')) {
        sleep(LOOK_EVERY).await;
    }
}
