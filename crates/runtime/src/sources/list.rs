//! Lists the parts of a source: those that a file is cut into, or the stills of a folder.

use std::fs;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use sha2::{Digest, Sha256};
use tagger_media::{CutOptions, MediaKind, PartSound, Timestamp, cut, cut_sound};
use tagger_store::{Fingerprint, Part, Stream, StreamName, Time};
use tagger_wire::ModelKind;
use walkdir::WalkDir;

use super::SourceError;
use crate::input::{Input, find_inputs};

/// Longer than any media.
const ENDLESS: Duration = Duration::from_secs(100_000 * 3600);

/// One stream of a source and its parts, whose files are absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// The stream.
    pub stream: Stream,
    /// Its parts, numbered from 0.
    pub parts: Vec<Part>,
    /// Why a model that may listen is given parts without the source's sound, if it is.
    pub is_silent: Option<String>,
}

/// How a file or folder looks now, told without opening it. Of a folder, every visible file in it counts by its name,
/// its size and when it was changed.
///
/// # Errors
/// [`SourceError::Vanished`] and [`SourceError::System`].
pub(crate) fn fingerprint(source: &Path) -> Result<Fingerprint, SourceError> {
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => SourceError::Vanished { path: source.to_owned() },
        _ => SourceError::System { path: source.to_owned(), source: error },
    };
    let of = |metadata: &fs::Metadata| -> std::io::Result<Fingerprint> {
        let modified = metadata.modified()?;
        let modified_ns = match modified.duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |ns| -ns),
        };
        Ok(Fingerprint { size_bytes: metadata.len(), modified_ns })
    };
    let metadata = fs::metadata(source).map_err(failed)?;
    if !metadata.is_dir() {
        return of(&metadata).map_err(failed);
    }
    let (mut size_bytes, mut hash) = (0_u64, Sha256::new());
    let visible =
        |entry: &walkdir::DirEntry| entry.depth() == 0 || !entry.file_name().to_string_lossy().starts_with('.');
    for entry in WalkDir::new(source).follow_links(true).sort_by_file_name().into_iter().filter_entry(visible) {
        // What cannot be looked at cannot be tagged either; the listing tells.
        let Ok(entry) = entry else { continue };
        if entry.file_type().is_file()
            && let Ok(metadata) = entry.metadata()
        {
            let one = of(&metadata).map_err(failed)?;
            size_bytes = size_bytes.saturating_add(one.size_bytes);
            let name = entry.path().strip_prefix(source).unwrap_or(entry.path()).as_os_str().as_encoded_bytes();
            hash.update((name.len() as u64).to_le_bytes());
            hash.update(name);
            hash.update(one.size_bytes.to_le_bytes());
            hash.update(one.modified_ns.to_le_bytes());
        }
    }
    let [a, b, c, d, e, f, g, h, ..] = <[u8; 32]>::from(hash.finalize());
    Ok(Fingerprint { size_bytes, modified_ns: i64::from_le_bytes([a, b, c, d, e, f, g, h]) })
}

/// Which stream of media a model of that kind is given, if any.
pub(crate) fn stream_for(input: &Input, kind: Option<ModelKind>) -> Option<StreamName> {
    input.suits(kind).then_some(match (input.media.kind, kind) {
        (MediaKind::Still, _) => StreamName::Still,
        (MediaKind::Audio, _) | (_, Some(ModelKind::Audio)) => StreamName::Audio,
        (MediaKind::Video, _) => StreamName::Video,
    })
}

/// Looks into a source: one file, or the stills of a folder.
pub(crate) fn look_into(source: &Path) -> Result<Vec<Input>, SourceError> {
    let is_folder = source.is_dir();
    let (inputs, errors) = find_inputs(&[source.to_owned()]);
    if let Some(error) = errors.into_iter().next() {
        return Err(error.into());
    }
    let stills = |input: &Input| !is_folder || input.media.kind == MediaKind::Still;
    let inputs: Vec<Input> = inputs.into_iter().filter(stills).collect();
    if inputs.is_empty() {
        return Err(SourceError::NoStills { folder: source.to_owned() });
    }
    Ok(inputs)
}

/// Lists the parts of `inputs`; what is cut goes into `folder`, which must exist.
pub(super) fn list(
    source: &Path,
    inputs: &[Input],
    kind: Option<ModelKind>,
    folder: &Path,
    target: Duration,
) -> Result<Listed, SourceError> {
    let unsuited = || SourceError::Unsuited { path: source.to_owned(), takes: takes(kind) };
    let first = inputs.first().ok_or_else(unsuited)?;
    let name = stream_for(first, kind).ok_or_else(unsuited)?;
    // A part holds what models of a kind need, and who says nothing may want more.
    let may_cut = kind.is_some() || first.media.video().is_none() || first.media.audio().is_none();
    let options = CutOptions { target: if may_cut { target } else { ENDLESS }, ..CutOptions::default() };
    let mut is_silent = None;
    let parts = match name {
        StreamName::Video => {
            let parts = cut(&first.path, folder, &options)?;
            is_silent = parts.iter().find_map(silence).filter(|_| kind == Some(ModelKind::Video));
            numbered(parts)
        }
        StreamName::Audio => numbered(cut_sound(&first.path, folder, &options)?),
        StreamName::Still => inputs.iter().zip(0..).map(still).collect(),
    };
    Ok(Listed { stream: stream(name, &parts), parts, is_silent })
}

/// What to tell of a part that lacks its sound.
pub(crate) fn silence(part: &tagger_media::Part) -> Option<String> {
    match &part.sound {
        PartSound::LeftOut(why) => Some(format!("given without its sound: {why}")),
        PartSound::KeptFromFirstPicture => {
            Some("given without what is heard before its first picture: no container of parts holds it there".into())
        }
        PartSound::Absent | PartSound::Kept => None,
    }
}

fn numbered(parts: Vec<tagger_media::Part>) -> Vec<Part> {
    let part = |(number, part): (u32, tagger_media::Part)| Part {
        number,
        start: time(part.start),
        duration: time(part.duration),
        first_index: part.first_index,
        count: part.count,
        file: part.path.to_string_lossy().into_owned(),
        is_source: part.is_source,
    };
    (0..).zip(parts).map(part).collect()
}

fn still((input, number): (&Input, u32)) -> Part {
    Part {
        number,
        start: Time::ZERO,
        duration: Time::ZERO,
        first_index: number.into(),
        count: 1,
        file: input.path.to_string_lossy().into_owned(),
        is_source: true,
    }
}

fn time(timestamp: Timestamp) -> Time {
    Time { ticks: timestamp.ticks, num: timestamp.base.num, den: timestamp.base.den }
}

fn timestamp(time: Time) -> Timestamp {
    let base = tagger_media::Rational::new(time.num, time.den).unwrap_or(Timestamp::ZERO.base);
    Timestamp { ticks: time.ticks, base }
}

/// What the parts say of their stream.
pub(super) fn stream(name: StreamName, parts: &[Part]) -> Stream {
    let start = parts.first().map_or(Time::ZERO, |part| part.start);
    let end = parts.last().map(|part| timestamp(part.start).plus(timestamp(part.duration)));
    let duration = match name {
        StreamName::Still => None,
        StreamName::Video | StreamName::Audio => end.map(|end| time(end.since(timestamp(start)))),
    };
    Stream { name, start, duration, count: Some(parts.iter().map(|part| part.count).sum()) }
}

/// What models of a kind take, in words.
pub(crate) fn takes(kind: Option<ModelKind>) -> &'static str {
    match kind {
        Some(ModelKind::Frame) => "video and stills",
        Some(ModelKind::Video) => "video",
        Some(ModelKind::Audio) => "files with sound",
        Some(ModelKind::Processor) => "time ranges",
        None => "media",
    }
}
