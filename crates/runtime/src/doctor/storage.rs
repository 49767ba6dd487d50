//! The folder for what a run keeps meanwhile: links, parts, output files.

use std::path::Path;

use super::Observation;

/// With less than this, a run of long files may come to an end for want of space.
const LITTLE_BYTES: u64 = 1 << 30;

pub fn examine(folder: &Path) -> Observation {
    const SUBJECT: &str = "temporary-folder";
    let name = folder.display();
    if let Err(error) = tempfile::tempfile_in(folder) {
        let found = format!("cannot write to `{name}`: {error}; no model can be started");
        return Observation::lack(SUBJECT, found, "export TMPDIR=FOLDER, a folder that you can write to");
    }
    match rustix::fs::statvfs(folder) {
        Ok(system) => {
            let free_bytes = system.f_bavail.saturating_mul(system.f_frsize);
            let found = format!("{} free in `{name}`", size(free_bytes));
            if free_bytes < LITTLE_BYTES {
                let mend = format!("make room there (`df -h {name}`), or export TMPDIR=FOLDER on a larger disk");
                return Observation::remark(SUBJECT, found, mend);
            }
            Observation::fine(SUBJECT, found)
        }
        Err(_) => Observation::fine(SUBJECT, format!("`{name}`, whose free space the system does not tell")),
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
    fn sizes_are_told_in_units_of_people() {
        assert_eq!([size(0), size(700 << 20), size(7 << 29)], ["0 MiB", "700 MiB", "3.5 GiB"]);
    }
}
