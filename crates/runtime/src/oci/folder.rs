//! The folder of an engine of our own: its socket and its log. It goes with us; that of one who was killed goes with the
//! next.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use tempfile::TempDir;

use super::owner::{has_died, this_process};

/// What the folders' names begin with.
const PREFIX: &str = "tagger-engine-";
/// The file that says whose a folder is.
const OWNER: &str = "owner";

/// Makes a folder of this process in `place`, and removes those of processes that have died.
pub(super) fn make(place: &Path) -> io::Result<TempDir> {
    let made = TempDir::with_prefix_in(PREFIX, place)?;
    fs::write(made.path().join(OWNER), this_process())?;
    let own_user = fs::metadata(made.path())?.uid();
    for entry in fs::read_dir(place)?.flatten() {
        let is_one = entry.file_name().to_string_lossy().starts_with(PREFIX);
        // Asked of the entry itself, in a place where others may put links.
        let is_ours = entry.metadata().is_ok_and(|facts| facts.is_dir() && facts.uid() == own_user);
        if is_one && is_ours && fs::read_to_string(entry.path().join(OWNER)).is_ok_and(|owner| has_died(&owner)) {
            // Another start may be about it, too.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folders_of_the_dead_go_and_no_others() {
        let place = tempfile::tempdir().unwrap();
        let folder = |name: &str, owner: Option<&str>| {
            let folder = place.path().join(name);
            fs::create_dir(&folder).unwrap();
            owner.iter().for_each(|owner| fs::write(folder.join(OWNER), owner).unwrap());
        };
        folder("tagger-engine-dead", Some(&this_process().replace(&format!("/{}/", std::process::id()), "/4194305/")));
        folder("tagger-engine-living", Some(&this_process()));
        folder("tagger-engine-whose", None);
        folder("something", Some("another-start/pid:[1]/1/1"));
        let made = make(place.path()).unwrap();
        let mut names: Vec<_> = fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        let own = made.path().file_name().unwrap().to_owned();
        names.retain(|name| *name != own);
        assert_eq!(names, ["something", "tagger-engine-living", "tagger-engine-whose"]);
    }
}
