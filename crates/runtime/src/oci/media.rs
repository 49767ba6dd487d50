//! How a container comes to see files of this machine, and only these.
//!
//! A container has a folder of its own here. In it lies `media`, which it can only read: files are linked in there under
//! the names that it is told, so what lies beside them elsewhere stays out of sight, and more may come while it runs.
//! What cannot be linked, because it lies on another disk, is mounted by itself; what comes too late for that is copied.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::digest::hex;

/// What it reads, in its own folder.
pub(crate) const MEDIA: &str = "media";
/// What it writes, in its own folder.
pub(crate) const OUTPUT: &str = "output";
/// The file in there that its messages go to.
pub(crate) const OUTPUT_FILE: &str = "output.jsonl";

/// Makes the folders of a container. Its own is for this user alone: whoever the program in it runs as, it comes in by its
/// mounts.
pub(crate) fn lay_out(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    for (name, mode) in [(MEDIA, 0o755), (OUTPUT, 0o777)] {
        let folder = folder.join(name);
        fs::create_dir_all(&folder)?;
        fs::set_permissions(&folder, Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// What became of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Placed {
    /// It lies in the folder.
    There,
    /// It has to be mounted there, from this path.
    ToMount(PathBuf),
}

/// Puts a file into `media` under its own name. One that others than its owner may not read is copied, since the program
/// may run as anybody.
pub(super) fn place(file: &Path, media: &Path, can_mount: bool) -> io::Result<Placed> {
    let name = file.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let place = media.join(name);
    // A link to it may have been handed over for the sake of its name.
    let file = file.canonicalize()?;
    if place.exists() {
        return Ok(Placed::There); // a path that was sent twice
    }
    let is_readable = fs::metadata(&file)?.mode() & 0o004 != 0;
    if is_readable && fs::hard_link(&file, &place).is_ok() {
        return Ok(Placed::There);
    }
    if is_readable && can_mount {
        File::create(&place)?;
        return Ok(Placed::ToMount(file));
    }
    fs::copy(&file, &place)?;
    fs::set_permissions(&place, Permissions::from_mode(0o644))?;
    Ok(Placed::There)
}

/// The folder in `folder` that the programs of an image keep, whatever its tag is. It is the image's name that counts,
/// not what the image says of itself: it could say another's. Whoever they run as, what they keep is theirs: one user
/// could not write over what another has kept.
pub(super) fn cache(folder: &Path, image: &str, user: &str) -> io::Result<PathBuf> {
    let path = image.split('@').next().unwrap_or(image);
    let repository = match path.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => path,
    };
    let readable = |text: &str| -> String {
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(60).collect()
    };
    let digest = hex(&Sha256::digest(repository));
    let owner = match user.split(':').next() {
        None | Some("" | "0" | "root") => String::new(),
        Some(name) => format!("-{}", readable(name)),
    };
    let cache = folder.join(format!("{}-{}{owner}", readable(repository), &digest[..8]));
    fs::create_dir_all(&cache)?;
    fs::set_permissions(&cache, Permissions::from_mode(0o777))?;
    Ok(cache)
}

/// How many bytes of the disk the files below `folder` take, counted until they are more than `limit`. Links are not
/// followed.
pub(super) fn used_bytes(folder: &Path, limit: u64) -> u64 {
    let mut used = 0;
    for entry in walkdir::WalkDir::new(folder).into_iter().flatten() {
        // A file may go while it is counted.
        used += entry.metadata().map_or(0, |facts| facts.blocks() * 512);
        if used > limit {
            break;
        }
    }
    used
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_files_that_are_placed_are_in_sight() {
        let folder = tempfile::tempdir().unwrap();
        lay_out(&folder.path().join("own")).unwrap();
        let media = folder.path().join("own/media");
        for name in ["a.mp4", "private.mp4", "beside.mp4"] {
            fs::write(folder.path().join(name), name).unwrap();
        }
        fs::set_permissions(folder.path().join("private.mp4"), Permissions::from_mode(0o600)).unwrap();
        std::os::unix::fs::symlink(folder.path().join("a.mp4"), folder.path().join("0001-a.mkv")).unwrap();
        for name in ["a.mp4", "a.mp4", "private.mp4", "0001-a.mkv"] {
            assert_eq!(place(&folder.path().join(name), &media, false).unwrap(), Placed::There);
        }
        let mut names: Vec<_> = fs::read_dir(&media).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["0001-a.mkv", "a.mp4", "private.mp4"]);
        assert_eq!(fs::read_to_string(media.join("0001-a.mkv")).unwrap(), "a.mp4");
        let mode = |path: PathBuf| fs::symlink_metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(media.join("private.mp4")), 0o644);
        assert_eq!(mode(folder.path().join("private.mp4")), 0o600, "the file itself stays as it was");
    }

    #[test]
    fn what_is_kept_belongs_to_an_image_whatever_its_tag() {
        let folder = tempfile::tempdir().unwrap();
        let of_user = |image: &str, user: &str| cache(folder.path(), image, user).unwrap();
        let name = |image: &str| of_user(image, "").file_name().unwrap().to_owned();
        assert_eq!(name("localhost:5000/x"), name("localhost:5000/x:2"));
        assert_eq!(name("x"), name("x@sha256:1"));
        assert_ne!(name("a/b"), name("a_b"));
        assert_eq!(of_user("x", "0:0"), of_user("x", "root"));
        assert_ne!(of_user("x", "65534:65534"), of_user("x", ""));
        assert_eq!(of_user("x", "65534:65534"), of_user("x:2", "65534"));
    }
}
