//! Tries every way into the crate with files that may be anything, for tests that watch over the whole process.
//!
//! `doors FILE…`: a line a file with what each door said, either a number or that it refused.

use std::{env, error::Error, path::PathBuf};

#[path = "../tests/common/doors.rs"]
mod doors;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::temp_dir().join(format!("tagger-doors-{}", std::process::id()));
    for path in env::args_os().skip(1).map(PathBuf::from) {
        std::fs::create_dir_all(&folder)?;
        let said = doors::try_all(&path, &folder);
        let words = said.iter().map(|(door, result)| match result {
            Ok(number) => format!("{door} {number}"),
            Err(_) => format!("{door} refused"),
        });
        println!("{}: {}", path.display(), words.collect::<Vec<_>>().join(", "));
        std::fs::remove_dir_all(&folder)?;
    }
    Ok(())
}
