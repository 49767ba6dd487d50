//! What a program loads: the shared libraries it names, those that these name, and the loader.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use lddtree::DependencyAnalyzer;

/// Where every loader looks without being told.
const LOADED_FROM: [&str; 4] = ["/lib", "/usr/lib", "/lib64", "/usr/lib64"];

/// The libraries of a program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Closure {
    /// Where a library is loaded from, and the file that is there. Empty: the program is static.
    pub libraries: BTreeMap<PathBuf, PathBuf>,
    /// Folders among them where the loader has to be told to look.
    pub search: Vec<PathBuf>,
}

/// Why it is not known what a program loads.
#[derive(Debug, thiserror::Error)]
pub enum ClosureError {
    /// It cannot be read as a program.
    #[error("cannot tell which libraries `{}` loads", program.display())]
    Unreadable {
        /// The program.
        program: PathBuf,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A library is not on this machine.
    #[error("`{}` loads `{library}`, which is not on this machine; install it, or write a Containerfile", program.display())]
    Missing {
        /// The program.
        program: PathBuf,
        /// The library's name.
        library: String,
    },
}

/// Whether a file is a program that the system itself can start, and no script.
pub fn is_program(path: &Path) -> bool {
    let mut head = [0; 4];
    File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok() && head == *b"\x7fELF"
}

/// Finds all that `program` loads when it starts. What a program opens by name later on is not known to anybody.
///
/// # Errors
/// [`ClosureError`].
pub fn closure_of(program: &Path) -> Result<Closure, ClosureError> {
    let tree = DependencyAnalyzer::default()
        .analyze(program)
        .map_err(|source| ClosureError::Unreadable { program: program.to_owned(), source: source.into() })?;
    let mut closure = Closure::default();
    for library in tree.libraries.values() {
        let Some(file) = &library.realpath else {
            return Err(ClosureError::Missing { program: program.to_owned(), library: library.name.clone() });
        };
        let is_loader = tree.interpreter.as_deref().is_some_and(|loader| loader.ends_with(&library.name));
        // The loader's place is written in the program, the others are looked for.
        let place = match (is_loader, &tree.interpreter) {
            (true, Some(loader)) => PathBuf::from(loader),
            _ => library.path.clone(),
        };
        if let Some(folder) = place.parent().filter(|folder| !is_loader && !is_usual(folder)) {
            closure.search.push(folder.to_owned());
        }
        closure.libraries.insert(place, file.clone());
    }
    closure.search.sort();
    closure.search.dedup();
    Ok(closure)
}

/// Whether loaders look in a folder by themselves: the usual ones, and theirs of each architecture.
fn is_usual(folder: &Path) -> bool {
    LOADED_FROM.iter().any(|usual| folder == Path::new(usual))
        || (folder.ends_with(format!("{}-linux-gnu", std::env::consts::ARCH))
            && folder.parent().is_some_and(|above| LOADED_FROM.iter().any(|usual| above == Path::new(usual))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_loads_its_libraries_theirs_and_the_loader() {
        let program = std::env::current_exe().unwrap();
        let closure = closure_of(&program).unwrap();
        let names: Vec<String> =
            closure.libraries.keys().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
        for wanted in ["libc.so.6", "libgcc_s.so.1"] {
            assert!(names.iter().any(|name| name == wanted), "{wanted} is not in {names:?}");
        }
        assert!(names.iter().any(|name| name.starts_with("ld-linux")), "{names:?}");
        assert!(closure.libraries.values().all(|file| file.is_file()));
        assert!(is_program(&program));
    }

    #[test]
    fn a_script_is_no_program() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("x.sh");
        std::fs::write(&script, "#!/bin/sh\n").unwrap();
        assert!(!is_program(&script));
        let error = closure_of(&script).unwrap_err().to_string();
        assert_eq!(error, format!("cannot tell which libraries `{}` loads", script.display()));
    }
}
