//! Follows a program's output file while it grows.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tagger_wire::{Line, LineReader};
use tokio::sync::mpsc;

/// How much is read at once.
const CHUNK_BYTES: usize = 1 << 16;

/// Reads what is new in an output file, line by line.
#[derive(Debug)]
pub(crate) struct Collector {
    path: PathBuf,
    file: Option<File>,
    reader: LineReader,
    chunk: Vec<u8>,
}

impl Collector {
    /// Follows `path`, which need not exist yet.
    pub fn new(path: PathBuf) -> Self {
        Self { path, file: None, reader: LineReader::new(), chunk: vec![0; CHUNK_BYTES] }
    }

    /// Gives the lines that have been completed since the last call to `each`.
    pub fn read_new(&mut self, mut each: impl FnMut(Line)) -> io::Result<()> {
        if self.file.is_none() {
            self.file = match File::open(&self.path) {
                Ok(file) => Some(file),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(error),
            };
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        loop {
            match file.read(&mut self.chunk)? {
                0 => return Ok(()),
                count => self.reader.push(&self.chunk[..count], &mut each),
            }
        }
    }

    /// Reads the rest of a file that nobody writes to any more.
    pub fn finish(&mut self, mut each: impl FnMut(Line)) -> io::Result<()> {
        self.read_new(&mut each)?;
        if let Some(line) = self.reader.finish() {
            each(line);
        }
        Ok(())
    }
}

/// Tells when something in a folder has changed. Changes that come faster than they are looked at count as one.
pub(crate) struct Changes {
    changed: mpsc::Receiver<()>,
    _watcher: RecommendedWatcher,
}

impl Changes {
    /// Watches the files right inside `folder`.
    pub fn watch(folder: &Path) -> notify::Result<Self> {
        let (sender, changed) = mpsc::channel(1);
        let mut watcher = notify::recommended_watcher(move |_| {
            // Full: a change is already waiting to be looked at, and looking reads everything new.
            let _ = sender.try_send(());
        })?;
        watcher.watch(folder, RecursiveMode::NonRecursive)?;
        Ok(Self { changed, _watcher: watcher })
    }

    /// Waits for the next change.
    pub async fn next(&mut self) {
        if self.changed.recv().await.is_none() {
            // The watcher lives as long as we do, so its end is not to be expected; then the exit is the last sign.
            std::future::pending::<()>().await;
        }
    }
}
