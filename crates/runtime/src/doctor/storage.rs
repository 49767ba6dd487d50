//! Folders that are written to: the one for what a run keeps meanwhile (links, parts, output files), and a server's.

use std::io;
use std::path::Path;

use super::Observation;

/// With less than this, a run of long files may come to an end for want of space.
const LITTLE_BYTES: u64 = 1 << 30;
/// With less than this, a server may have to wait for room: part files of long media lie in its folder.
const LITTLE_DATA_BYTES: u64 = 5 << 30;

/// Looks at the temporary folder.
pub fn examine(folder: &Path) -> Observation {
    const SUBJECT: &str = "temporary-folder";
    let name = folder.display();
    if let Err(error) = is_writable(folder) {
        let found = format!("cannot write to `{name}`: {error}; no model can be started");
        return Observation::lack(SUBJECT, found, "export TMPDIR=FOLDER, a folder that you can write to");
    }
    let mend = format!("make room there (`df -h {name}`), or export TMPDIR=FOLDER on a larger disk");
    judge(SUBJECT, folder, LITTLE_BYTES, mend)
}

/// Looks at a server's data folder. Models run without one, so whatever is wrong with it is a remark.
pub fn examine_data(folder: &Path) -> Observation {
    const SUBJECT: &str = "data-folder";
    let name = folder.display();
    if !folder.exists() {
        let found = format!("`{name}` is not there; `tagger serve` makes it at its first start");
        return Observation::remark(SUBJECT, found, format!("mkdir -p {name}, where there is room"));
    }
    if let Err(error) = is_writable(folder) {
        let found = format!("cannot write to `{name}`: {error}; `tagger serve` cannot start over it");
        let mend = format!("chown -R $(id -un) {name}, or serve --data DIR with a folder that you can write to");
        return Observation::remark(SUBJECT, found, mend);
    }
    let mend = format!("make room there (`df -h {name}`), or lower `disk` of [parts] in the server's configuration");
    judge(SUBJECT, folder, LITTLE_DATA_BYTES, mend)
}

fn is_writable(folder: &Path) -> io::Result<()> {
    tempfile::tempfile_in(folder).map(drop)
}

/// Holds the free space of a folder against what is little.
fn judge(subject: &'static str, folder: &Path, little_bytes: u64, mend: String) -> Observation {
    let name = folder.display();
    match rustix::fs::statvfs(folder) {
        Ok(system) => {
            let free_bytes = system.f_bavail.saturating_mul(system.f_frsize);
            let found = format!("{} free in `{name}`", size(free_bytes));
            match free_bytes < little_bytes {
                true => Observation::remark(subject, found, mend),
                false => Observation::fine(subject, found),
            }
        }
        Err(_) => Observation::fine(subject, format!("`{name}`, whose free space the system does not tell")),
    }
}

/// A number of bytes for people: `512 MiB`, `3.5 GiB`.
pub fn size(bytes: u64) -> String {
    const MIB: f64 = (1 << 20) as f64;
    let mib = bytes as f64 / MIB;
    if mib < 1024.0 { format!("{mib:.0} MiB") } else { format!("{:.1} GiB", mib / 1024.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Condition;

    #[test]
    fn a_folder_that_cannot_be_written_to_is_a_lack() {
        let folder = tempfile::tempdir().unwrap();
        assert_ne!(examine(folder.path()).condition, Condition::Lack);
        assert_eq!(examine(&folder.path().join("gone")).condition, Condition::Lack);
    }

    #[test]
    fn a_servers_folder_is_looked_at_and_never_a_lack() {
        let folder = tempfile::tempdir().unwrap();
        let looked = examine_data(folder.path());
        assert!(looked.subject == "data-folder" && looked.found.contains(" free in `"), "{looked:?}");
        let gone = examine_data(&folder.path().join("gone"));
        assert_eq!(gone.condition, Condition::Remark);
        assert!(gone.found.ends_with("is not there; `tagger serve` makes it at its first start"), "{gone:?}");
        let little = judge("data-folder", folder.path(), u64::MAX, "make room".into());
        assert_eq!((little.condition, little.mend.as_deref()), (Condition::Remark, Some("make room")));
        let unwritable = examine_data(Path::new("/proc"));
        assert!(unwritable.found.contains("`tagger serve` cannot start over it"), "{unwritable:?}");
    }

    #[test]
    fn sizes_are_told_in_units_of_people() {
        assert_eq!([size(0), size(700 << 20), size(7 << 29)], ["0 MiB", "700 MiB", "3.5 GiB"]);
    }
}
