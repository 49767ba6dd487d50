//! Keeps part files as long as a job needs them, within a budget of bytes.
//!
//! `parts/<version>/<stream>/` holds what one version's stream was cut into. Whoever needs it holds it; the last one who
//! lets go removes it. What nobody holds at start is left over from a runtime that was killed, and goes too.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tagger_media::{MediaError, MediaKind};
use tagger_store::{Fingerprint, Part, StreamName, VersionId};
use tagger_wire::ModelKind;
use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use super::list::{Listed, fingerprint, list, look_into};
use super::{SourceError, stream_for};

/// Which parts: those of a version's stream.
pub(crate) type Key = (VersionId, StreamName);

/// The part files of all jobs.
#[derive(Debug, Clone)]
pub(crate) struct Shelf(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The folder that the files of parts are told from.
    data: PathBuf,
    target: Duration,
    budget_bytes: Option<u64>,
    state: Mutex<State>,
    /// Told when bytes become free.
    freed: Notify,
}

#[derive(Debug, Default)]
struct State {
    used_bytes: u64,
    entries: HashMap<Key, Entry>,
}

#[derive(Debug, Default)]
struct Entry {
    holders: usize,
    /// What it takes of the budget: what is there, or while it is being cut, what may be.
    bytes: u64,
    /// Held by whoever cuts, so that nothing is cut twice.
    cutting: Arc<tokio::sync::Mutex<()>>,
}

/// A hold on the parts of a version's stream. Dropped by the last holder, the files are removed.
#[derive(Debug)]
pub(crate) struct Held {
    shelf: Shelf,
    key: Key,
    is_left: bool,
}

impl Held {
    /// Lets go, and leaves the files where they are: the next runtime goes on with them.
    pub fn leave(mut self) {
        self.is_left = true;
    }
}

/// What is to be prepared.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// The file or folder.
    pub source: PathBuf,
    /// How it looked when it was submitted.
    pub fingerprint: Fingerprint,
    /// The version it was submitted as.
    pub version: VersionId,
    /// What the model takes.
    pub kind: Option<ModelKind>,
    /// The stream and its parts, if they were listed before.
    pub known: Option<(StreamName, Vec<Part>)>,
}

impl Shelf {
    /// A shelf in the folder `parts` of `data`, which is made if it is not there. Parts are about `target` long.
    ///
    /// # Errors
    /// The system's.
    pub fn open(data: &Path, target: Duration, budget_bytes: Option<u64>) -> io::Result<Self> {
        fs::create_dir_all(data.join("parts"))?;
        let inner =
            Inner { data: data.to_owned(), target, budget_bytes, state: Mutex::default(), freed: Notify::new() };
        Ok(Self(Arc::new(inner)))
    }

    /// Holds the parts of a version's stream, whether they are there yet or not.
    pub fn hold(&self, key: Key) -> Held {
        self.state().entries.entry(key).or_default().holders += 1;
        Held { shelf: self.clone(), key, is_left: false }
    }

    /// Removes what nobody holds, and counts what is there. For the start, before anything is prepared.
    ///
    /// # Errors
    /// The system's.
    pub fn sweep(&self) -> io::Result<()> {
        let mut state = self.state();
        for version in fs::read_dir(self.0.data.join("parts"))? {
            let version = version?.path();
            for stream in fs::read_dir(&version)? {
                let stream = stream?.path();
                match state.entries.iter_mut().find(|(key, _)| self.folder(**key) == stream) {
                    Some((_, entry)) => entry.bytes = size_of(&stream)?,
                    None => fs::remove_dir_all(&stream)?,
                }
            }
            // Only when it is empty by now.
            let _ = fs::remove_dir(&version);
        }
        state.used_bytes = state.entries.values().map(|entry| entry.bytes).sum();
        Ok(())
    }

    /// Where the file of a part is.
    pub fn path_of(&self, part: &Part) -> PathBuf {
        self.0.data.join(&part.file)
    }

    /// How many bytes the part files take, or may take while they are being cut.
    pub fn used_bytes(&self) -> u64 {
        self.state().used_bytes
    }

    /// Lists the parts of a source, cutting it if it is long; waits for room within the budget. The files of parts that
    /// were cut are told from the data folder.
    ///
    /// # Errors
    /// [`SourceError`].
    pub(crate) async fn prepare(
        &self,
        wanted: Wanted,
        call_off: &CancellationToken,
    ) -> Result<(Listed, Held), SourceError> {
        if let Some((name, parts)) = &wanted.known
            && parts.iter().all(|part| !part.is_source && self.path_of(part).exists())
        {
            // What was cut does not change with its source.
            let held = self.hold((wanted.version, *name));
            return Ok((
                Listed { stream: super::list::stream(*name, parts), parts: parts.clone(), is_silent: None },
                held,
            ));
        }
        let (looked, wanted) = blocking(move || {
            check(&wanted.source, wanted.fingerprint)?;
            Ok::<_, SourceError>((look_into(&wanted.source)?, wanted))
        })
        .await?;
        let name = looked.first().and_then(|input| stream_for(input, wanted.kind));
        let Some(name) = name else {
            let takes = super::list::takes(wanted.kind);
            return Err(SourceError::Unsuited { path: wanted.source, takes });
        };
        let held = self.hold((wanted.version, name));
        let cutting = self.state().entries.entry(held.key).or_default().cutting.clone();
        let cutting = tokio::select! {
            cutting = cutting.lock_owned() => cutting,
            () = call_off.cancelled() => return Err(SourceError::CalledOff),
        };
        let may_be_cut = looked.iter().any(|input| {
            let half = self.0.target / 2;
            let seconds = input.media.duration.map_or(f64::MAX, |duration| duration.seconds());
            input.media.kind != MediaKind::Still && seconds >= (self.0.target + half).as_secs_f64()
        });
        let needed_bytes = if may_be_cut { wanted.fingerprint.size_bytes } else { 0 };
        tokio::select! {
            room = self.make_room(held.key, needed_bytes, &wanted.source) => room?,
            () = call_off.cancelled() => return Err(SourceError::CalledOff),
        }
        let shelf = self.clone();
        // The thread keeps the hold: whoever calls off does not wait for it, and the folder stays until it is through.
        blocking(move || {
            let _cutting = cutting;
            let folder = shelf.folder(held.key);
            let unwritable =
                |source: io::Error| SourceError::Unwritable { folder: folder.clone(), source: source.into() };
            remove_folder(&folder).map_err(unwritable)?;
            fs::create_dir_all(&folder).map_err(unwritable)?;
            let listed = list(&wanted.source, &looked, wanted.kind, &folder, shelf.0.target);
            let mut listed = listed.map_err(|error| match error {
                SourceError::Media(error @ MediaError::Unwritable { .. }) => {
                    SourceError::Unwritable { folder: folder.clone(), source: error.into() }
                }
                error => error,
            })?;
            // It must not have changed while it was being cut.
            check(&wanted.source, wanted.fingerprint)?;
            for part in listed.parts.iter_mut().filter(|part| !part.is_source) {
                if let Ok(file) = Path::new(&part.file).strip_prefix(&shelf.0.data) {
                    part.file = file.to_string_lossy().into_owned();
                }
            }
            shelf.take(held.key, size_of(&folder).map_err(unwritable)?);
            Ok((listed, held))
        })
        .await
    }

    /// Waits until `bytes` more may be used, and takes them.
    async fn make_room(&self, key: Key, bytes: u64, source: &Path) -> Result<(), SourceError> {
        let Some(budget_bytes) = self.0.budget_bytes else {
            self.take(key, bytes);
            return Ok(());
        };
        if bytes > budget_bytes {
            return Err(SourceError::BeyondBudget { path: source.to_owned(), needed_bytes: bytes, budget_bytes });
        }
        loop {
            let freed = self.0.freed.notified();
            {
                let mut state = self.state();
                let own = state.entries.get(&key).map_or(0, |entry| entry.bytes);
                if state.used_bytes - own + bytes <= budget_bytes {
                    state.set(key, bytes);
                    return Ok(());
                }
            }
            freed.await;
        }
    }

    /// Enters what an entry takes of the budget.
    fn take(&self, key: Key, bytes: u64) {
        self.state().set(key, bytes);
        self.0.freed.notify_waiters();
    }

    fn folder(&self, (version, stream): Key) -> PathBuf {
        let stream = match stream {
            StreamName::Video => "video",
            StreamName::Audio => "audio",
            StreamName::Still => "still",
        };
        self.0.data.join("parts").join(version.to_string()).join(stream)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn set(&mut self, key: Key, bytes: u64) {
        let entry = self.entries.entry(key).or_default();
        self.used_bytes = self.used_bytes - entry.bytes + bytes;
        entry.bytes = bytes;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut state = self.shelf.state();
        let Some(entry) = state.entries.get_mut(&self.key) else { return };
        entry.holders -= 1;
        if entry.holders > 0 || self.is_left {
            return;
        }
        state.set(self.key, 0);
        state.entries.remove(&self.key);
        let folder = self.shelf.folder(self.key);
        // Under the lock, or somebody could begin to cut into it. What cannot be removed now is swept at the next start.
        let _ = remove_folder(&folder);
        if let Some(version) = folder.parent() {
            let _ = fs::remove_dir(version);
        }
        drop(state);
        self.shelf.0.freed.notify_waiters();
    }
}

/// Refuses a source that does not look as it did.
pub(crate) fn check(source: &Path, submitted: Fingerprint) -> Result<(), SourceError> {
    match fingerprint(source)? {
        now if now == submitted => Ok(()),
        _ => Err(SourceError::Changed { path: source.to_owned() }),
    }
}

fn remove_folder(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn size_of(folder: &Path) -> io::Result<u64> {
    fs::read_dir(folder)?.try_fold(0, |sum, file| Ok(sum + file?.metadata()?.len()))
}

/// Does work that waits for disks and decoders where nobody else is kept waiting.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    // A panic in there is ours: pass it on.
    spawn_blocking(work).await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// A minute of pictures with a key frame a second.
    fn clip(folder: &Path) -> PathBuf {
        let path = folder.join("clip.mp4");
        let made = Command::new("ffmpeg")
            .args(["-v", "error", "-f", "lavfi", "-i", "testsrc2=size=64x36:rate=24000/1001:duration=60"])
            .args(["-c:v", "libx264", "-preset", "ultrafast", "-g", "24", "-y"])
            .arg(&path)
            .status()
            .unwrap();
        assert!(made.success());
        path
    }

    fn wanted(source: &Path, version: i64) -> Wanted {
        Wanted {
            source: source.to_owned(),
            fingerprint: fingerprint(source).unwrap(),
            version: VersionId(version),
            kind: Some(ModelKind::Video),
            known: None,
        }
    }

    fn files(folder: &Path) -> Vec<String> {
        let files = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter();
        let files = files.filter_map(Result::ok).filter(|entry| entry.file_type().is_file());
        files.map(|entry| entry.path().strip_prefix(folder).unwrap().display().to_string()).collect()
    }

    #[tokio::test]
    async fn parts_live_as_long_as_somebody_holds_them() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let clip = clip(folder.path());
        let shelf = Shelf::open(&data, Duration::from_secs(20), None).unwrap();
        let never = CancellationToken::new();
        let (listed, held) = shelf.prepare(wanted(&clip, 1), &never).await.unwrap();
        let starts: Vec<i64> = listed.parts.iter().map(|part| part.start.to_millis()).collect();
        assert_eq!(starts, [0, 20020, 40040]);
        let cut = ["parts/1/video/part-00000.mp4", "parts/1/video/part-00001.mp4", "parts/1/video/part-00002.mp4"];
        assert_eq!(listed.parts.iter().map(|part| part.file.as_str()).collect::<Vec<_>>(), cut);
        assert!(shelf.used_bytes() > 0);

        // Known parts are taken as they are, even when the source has gone.
        fs::remove_file(&clip).unwrap();
        let source = Wanted { known: Some((StreamName::Video, listed.parts.clone())), ..wanted(folder.path(), 1) };
        let (again, second) = shelf.prepare(source, &never).await.unwrap();
        assert_eq!(again, listed);
        drop(held);
        assert_eq!(files(&data), cut);
        drop(second);
        assert!(files(&data).is_empty());
        assert_eq!(shelf.used_bytes(), 0);
    }

    #[tokio::test]
    async fn what_a_killed_runtime_left_behind_is_swept_and_what_is_needed_stays() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(folder.path(), Duration::from_secs(20), None).unwrap();
        for stream in ["parts/1/video", "parts/2/audio"] {
            fs::create_dir_all(folder.path().join(stream)).unwrap();
            fs::write(folder.path().join(stream).join("part-00000.mp4"), b"12345").unwrap();
        }
        let _held = shelf.hold((VersionId(2), StreamName::Audio));
        shelf.sweep().unwrap();
        assert_eq!(files(folder.path()), ["parts/2/audio/part-00000.mp4"]);
        assert_eq!(shelf.used_bytes(), 5);
    }

    #[tokio::test]
    async fn a_budget_makes_others_wait_and_refuses_what_would_wait_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let clip = clip(folder.path());
        let bytes = fs::metadata(&clip).unwrap().len();
        let never = CancellationToken::new();
        let small = Shelf::open(&data, Duration::from_secs(20), Some(bytes - 1)).unwrap();
        let refused = small.prepare(wanted(&clip, 1), &never).await.unwrap_err();
        assert!(matches!(refused, SourceError::BeyondBudget { .. }), "{refused}");

        let shelf = Shelf::open(&data, Duration::from_secs(20), Some(bytes + bytes / 2)).unwrap();
        let (_, first) = shelf.prepare(wanted(&clip, 1), &never).await.unwrap();
        let second = shelf.prepare(wanted(&clip, 2), &never);
        tokio::pin!(second);
        let called_off = CancellationToken::new();
        called_off.cancel();
        let refused = shelf.prepare(wanted(&clip, 3), &called_off).await.unwrap_err();
        assert!(matches!(refused, SourceError::CalledOff));
        drop(first);
        let (listed, _held) = second.await.unwrap();
        assert_eq!(listed.parts.len(), 3);
    }

    #[tokio::test]
    async fn media_that_vanish_or_change_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mp4");
        fs::write(&path, b"media").unwrap();
        let shelf = Shelf::open(folder.path(), Duration::from_secs(20), None).unwrap();
        let (submitted, never) = (wanted(&path, 1), CancellationToken::new());
        fs::write(&path, b"other media").unwrap();
        let changed = shelf.prepare(submitted.clone(), &never).await.unwrap_err();
        assert!(matches!(changed, SourceError::Changed { .. }));
        fs::remove_file(&path).unwrap();
        let vanished = shelf.prepare(submitted, &never).await.unwrap_err();
        assert!(matches!(vanished, SourceError::Vanished { .. }));
    }
}
