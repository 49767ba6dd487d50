//! Follows a program's output file while it grows.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use tagger_wire::{Line, LineReader};
use tokio::sync::mpsc;
use tokio::time::sleep;

/// How much is read at once.
const CHUNK_BYTES: usize = 1 << 16;

/// How many chunks are read before others get their turn: enough for any model, and nobody waits long for his.
const CHUNKS_A_TURN: usize = 16;

/// How often to look where the system does not tell of changes.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Reads what is new in an output file, line by line.
#[derive(Debug)]
pub(crate) struct Collector {
    path: PathBuf,
    file: Option<File>,
    read_bytes: u64,
    reader: LineReader,
    chunk: Vec<u8>,
}

impl Collector {
    /// Follows `path`, which need not exist yet.
    pub fn new(path: PathBuf) -> Self {
        Self { path, file: None, read_bytes: 0, reader: LineReader::new(), chunk: vec![0; CHUNK_BYTES] }
    }

    /// Gives the lines that have been completed since the last call to `each`, up to a limit. Says whether there may be
    /// more already.
    ///
    /// # Errors
    /// The system's; and when the file has become shorter, so that what it now says cannot be known.
    pub fn read_some(&mut self, mut each: impl FnMut(Line)) -> io::Result<bool> {
        if self.file.is_none() {
            self.file = match open(&self.path) {
                Ok(file) => Some(file),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
                Err(error) => return Err(error),
            };
        }
        let Some(file) = &mut self.file else { return Ok(false) };
        for _ in 0..CHUNKS_A_TURN {
            let count = file.read(&mut self.chunk)?;
            if count == 0 {
                if file.metadata()?.len() < self.read_bytes {
                    return Err(io::Error::other(
                        "the program has shortened its output file, to which it may only append",
                    ));
                }
                return Ok(false);
            }
            self.read_bytes += count as u64;
            self.reader.push(&self.chunk[..count], &mut each);
        }
        Ok(true)
    }

    /// What stands behind the last end of a line, once nobody writes any more and everything was read.
    pub fn last_line(&mut self) -> Option<Line> {
        self.reader.finish()
    }

    /// How much was read.
    pub fn read_bytes(&self) -> u64 {
        self.read_bytes
    }
}

/// Opens the file, which a hostile program may have put something else in the place of: a link is not followed, and
/// nothing but a file is read.
fn open(path: &Path) -> io::Result<File> {
    let odd =
        || io::Error::other("the program has put something else in the place of its output file, which must be a file");
    // Without waiting: a pipe would keep us until somebody writes.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::LOOP | Errno::NXIO) => return Err(odd()),
        Err(error) => return Err(error.into()),
    };
    if file.metadata()?.is_file() { Ok(file) } else { Err(odd()) }
}

/// Tells when something in a folder has changed. Changes that come faster than they are looked at count as one.
pub(crate) struct Changes {
    changed: mpsc::Receiver<()>,
    /// `None` where the system does not tell of changes: watches are counted, and not every file system has them.
    watcher: Option<RecommendedWatcher>,
}

impl Changes {
    /// Watches the files right inside `folder`.
    pub fn watch(folder: &Path) -> Self {
        let (sender, changed) = mpsc::channel(1);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Who opens or closes a file has changed nothing. An error may stand for changes that got lost.
            if !event.is_ok_and(|event| matches!(event.kind, EventKind::Access(_))) {
                // Full: a change is already waiting to be looked at, and looking reads everything new.
                let _ = sender.try_send(());
            }
        });
        let watched = watcher.and_then(|mut watcher| {
            watcher.watch(folder, RecursiveMode::NonRecursive)?;
            Ok(watcher)
        });
        Self { changed, watcher: watched.ok() }
    }

    /// Waits for the next change, or until it is time to look for one.
    pub async fn next(&mut self) {
        if self.watcher.is_none() {
            sleep(LOOK_EVERY).await;
        } else if self.changed.recv().await.is_none() {
            // The watcher lives as long as we do, so its end is not to be expected; then the exit is the last sign.
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn progress(name: &str) -> String {
        format!("{{\"type\":\"progress\",\"data\":{{\"source_media\":\"{name}\"}}}}\n")
    }

    #[tokio::test]
    async fn a_file_that_comes_late_and_in_pieces_is_read_line_by_line() {
        let folder = tempfile::tempdir().unwrap();
        let mut changes = Changes::watch(folder.path());
        assert!(changes.watcher.is_some());
        let mut collector = Collector::new(folder.path().join("out.jsonl"));
        let mut lines = 0;
        assert!(!collector.read_some(|_| lines += 1).unwrap(), "there is no file yet");
        let text = progress("a.mp4");
        let mut file = File::create(folder.path().join("out.jsonl")).unwrap();
        for piece in [&text[..20], &text[20..]] {
            assert_eq!(lines, 0);
            file.write_all(piece.as_bytes()).unwrap();
            changes.next().await;
            collector.read_some(|_| lines += 1).unwrap();
        }
        assert_eq!(lines, 1);
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_watched_is_looked_at_again_and_again() {
        let mut changes = Changes::watch(Path::new("/no/such/folder"));
        assert!(changes.watcher.is_none());
        changes.next().await;
        changes.next().await;
    }

    #[test]
    fn a_large_output_is_read_in_turns_and_completely() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.jsonl");
        let count = 3 * CHUNK_BYTES * CHUNKS_A_TURN / progress("a.mp4").len();
        std::fs::write(&path, progress("a.mp4").repeat(count)).unwrap();
        let mut collector = Collector::new(path);
        let mut lines = 0;
        assert!(collector.read_some(|_| lines += 1).unwrap());
        assert!((1..count).contains(&lines));
        while collector.read_some(|_| lines += 1).unwrap() {}
        assert_eq!(lines, count);
    }

    #[test]
    fn what_is_no_file_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        std::fs::write(&secret, progress("a.mp4")).unwrap();
        let link = folder.path().join("link.jsonl");
        std::os::unix::fs::symlink(&secret, &link).unwrap();
        let pipe = folder.path().join("pipe.jsonl");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, Mode::RUSR | Mode::WUSR).unwrap();
        for path in [link, pipe, folder.path().to_owned()] {
            let told = Collector::new(path).read_some(|_| panic!("nothing is read")).unwrap_err().to_string();
            assert_eq!(
                told,
                "the program has put something else in the place of its output file, which must be a file"
            );
        }
    }

    #[test]
    fn a_file_that_gets_shorter_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.jsonl");
        std::fs::write(&path, progress("a.mp4").repeat(2)).unwrap();
        let mut collector = Collector::new(path.clone());
        collector.read_some(|_| {}).unwrap();
        std::fs::write(&path, progress("a.mp4")).unwrap();
        insta::assert_snapshot!(collector.read_some(|_| {}).unwrap_err(), @"the program has shortened its output file, to which it may only append");
    }
}
