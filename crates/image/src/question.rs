//! Asks a program in a container that may do nothing: no network, no devices, no capabilities, nothing to write to.

use std::time::Duration;

use tagger_engine::{Client, EngineError, Frames, Mount, Spec, Streams};
use tokio::time::timeout;

/// How long it may take to answer: heavy libraries are read from a cold disk.
const PATIENCE: Duration = Duration::from_secs(120);
/// How much of each stream is kept, from its end.
const KEPT_BYTES: usize = 4 << 20;
/// How much it may keep in memory in place of files.
const SCRATCH_BYTES: u64 = 64 << 20;
/// How many files and processes it may have. Said because what some engines ask for by themselves is refused them.
const OPEN_FILES: u64 = 4096;

/// What came of asking.
pub(crate) struct Answer {
    /// The exit status. `None`: it did not end in time.
    pub status: Option<i64>,
    /// What it wrote on standard output.
    pub output: String,
    /// What it wrote on standard error.
    pub log: String,
}

/// Starts `entrypoint` (default: the image's own) with `arguments`, and reads what it says.
pub(crate) async fn ask(
    client: &Client,
    image: &str,
    entrypoint: Option<Vec<String>>,
    arguments: &[&str],
) -> Result<Answer, EngineError> {
    let scratch = Mount::Memory { target: "/tmp".into(), max_bytes: SCRATCH_BYTES };
    let spec = Spec {
        image: image.to_owned(),
        entrypoint,
        command: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
        mounts: vec![scratch],
        open_files: Some(OPEN_FILES),
        ..Spec::default()
    };
    let id = client.create_container(&spec).await?;
    let answer = listen(client, &id).await;
    client.remove_container(&id).await?;
    answer
}

async fn listen(client: &Client, id: &str) -> Result<Answer, EngineError> {
    let mut frames = Frames::new(client.attach(id, Streams::Output).await?);
    client.start_container(id).await?;
    let (mut output, mut log) = (Vec::new(), Vec::new());
    let mut buffer = vec![0; 64 << 10];
    let reading = async {
        // A connection that breaks is told by the wait that follows.
        while let Ok(Some((count, is_error))) = frames.read(&mut buffer).await {
            let kept = if is_error { &mut log } else { &mut output };
            kept.extend_from_slice(&buffer[..count]);
            kept.drain(..kept.len().saturating_sub(KEPT_BYTES));
        }
        client.wait_container(id).await
    };
    let status = timeout(PATIENCE, reading).await.ok().transpose()?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim_end().to_owned();
    Ok(Answer { status, output: text(output), log: text(log) })
}
