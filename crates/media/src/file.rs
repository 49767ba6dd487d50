//! The first look at a path: is there a file, and has it any bytes?

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use crate::MediaError;

/// How much of a file's head is looked at to recognise its format.
const HEAD_BYTES: u64 = 64;

/// A file that can be opened, is regular and is not empty.
#[derive(Debug)]
pub struct Opened {
    pub file: File,
    /// Its size in bytes, above 0.
    pub len: u64,
    /// Its first bytes, up to [`HEAD_BYTES`].
    pub head: Vec<u8>,
}

/// Opens `path` for reading, and says clearly why not.
pub fn open(path: &Path) -> Result<Opened, MediaError> {
    let unreadable = |source: io::Error| match source.kind() {
        // A NUL in the path cannot be the name of a file.
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidInput => {
            MediaError::NotFound { path: path.into() }
        }
        _ => MediaError::Unreadable { path: path.into(), source },
    };
    let metadata = path.metadata().map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(MediaError::IsFolder { path: path.into() });
    }
    // Asked before opening: to open a pipe without a writer is to wait for ever.
    if !metadata.is_file() {
        return Err(MediaError::NotAFile { path: path.into() });
    }
    let mut file = File::open(path).map_err(unreadable)?;
    let mut head = Vec::new();
    file.by_ref().take(HEAD_BYTES).read_to_end(&mut head).map_err(unreadable)?;
    if head.is_empty() {
        return Err(MediaError::Empty { path: path.into() });
    }
    io::Seek::rewind(&mut file).map_err(unreadable)?;
    Ok(Opened { file, len: metadata.len(), head })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thing_that_is_no_readable_file_has_its_own_error() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty.mp4");
        File::create(&empty).unwrap();
        assert!(matches!(open(folder.path()), Err(MediaError::IsFolder { .. })));
        assert!(matches!(open(&empty), Err(MediaError::Empty { .. })));
        assert!(matches!(open(&folder.path().join("none.mp4")), Err(MediaError::NotFound { .. })));
        assert!(matches!(open(&empty.join("below.mp4")), Err(MediaError::NotFound { .. })));
        assert!(matches!(open(Path::new("/dev/null")), Err(MediaError::NotAFile { .. })));
    }
}
