//! What of a model is used, as one number: a hash over the files of its folder.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::SystemTime;

use sha2::{Digest, Sha256};
use walkdir::WalkDir;

use crate::Model;

/// Folders that are no part of a model, whatever is in them.
const LEFT_OUT: [&str; 4] = ["__pycache__", "target", "node_modules", "venv"];

/// The hash of a file that looked like this. Weights are large, and do not change between two jobs.
type Known = HashMap<PathBuf, (u64, SystemTime, [u8; 32])>;
static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);

/// The digest of a model: over the names and contents of its folder's files, or of its one file, and of its program where
/// that lies elsewhere. Hidden files, byte code and what builds leave behind do not count. An image has one already.
///
/// # Errors
/// The system's; the text names the file.
pub(crate) fn digest(model: &Model) -> io::Result<String> {
    if let Some(image) = &model.image {
        return Ok(format!("sha256:{}", image.id));
    }
    let mut all = Sha256::new();
    let mut add = |name: &Path, path: &Path| -> io::Result<()> {
        let hash =
            hash_of(path).map_err(|error| io::Error::new(error.kind(), format!("`{}`: {error}", path.display())))?;
        all.update((name.as_os_str().len() as u64).to_le_bytes());
        all.update(name.as_os_str().as_bytes());
        all.update(hash);
        Ok(())
    };
    if model.manifest.is_some() {
        for entry in WalkDir::new(&model.folder).follow_links(true).sort_by_file_name().into_iter().filter_entry(counts)
        {
            let entry = entry?;
            if entry.file_type().is_file() {
                add(entry.path().strip_prefix(&model.folder).unwrap_or(entry.path()), entry.path())?;
            }
        }
    }
    // The program of a bare file is its interpreter's; of all arguments, what is a file elsewhere counts.
    for argument in &model.command {
        let path = Path::new(argument);
        let is_interpreter = path.file_name().is_some_and(|name| name.as_bytes().starts_with(b"python"));
        if path.is_absolute()
            && !is_interpreter
            && path.is_file()
            && (model.manifest.is_none() || !path.starts_with(&model.folder))
        {
            add(Path::new(path.file_name().unwrap_or_default()), path)?;
        }
    }
    Ok(format!("sha256:{}", hex(&all.finalize())))
}

fn counts(entry: &walkdir::DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    entry.depth() == 0 || !(name.starts_with('.') || LEFT_OUT.contains(&name.as_ref()))
}

fn hash_of(path: &Path) -> io::Result<[u8; 32]> {
    let metadata = fs::metadata(path)?;
    let (size, modified) = (metadata.len(), metadata.modified()?);
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((known_size, known_modified, hash)) = known().get(path)
        && (*known_size, *known_modified) == (size, modified)
    {
        return Ok(*hash);
    }
    let mut hasher = Sha256::new();
    io::copy(&mut File::open(path)?, &mut hasher)?;
    let hash: [u8; 32] = hasher.finalize().into();
    known().insert(path.to_owned(), (size, modified, hash));
    Ok(hash)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Interpreter;

    #[test]
    fn a_digest_changes_with_what_is_used_and_with_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("tagger.toml", "name = 'x'\nkind = 'frame'\ncommand = ['python3', 'model.py']");
        write("model.py", "1");
        let digest =
            || digest(&Model::resolve(folder.path().to_str().unwrap(), &Interpreter::default()).unwrap()).unwrap();
        let first = digest();
        assert_eq!(first.len(), "sha256:".len() + 64);
        write("__pycache__/model.pyc", "byte code");
        write(".venv/lib/module.py", "a library");
        assert_eq!(digest(), first);
        write("weights.bin", "weights");
        let with_weights = digest();
        assert_ne!(with_weights, first);
        write("weights.bin", "other weights");
        assert_ne!(digest(), with_weights);
    }
}
