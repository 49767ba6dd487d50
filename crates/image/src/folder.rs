//! Which files of a model's folder go into its image, and which of them are weights.

use std::io;
use std::path::{Path, PathBuf};

use globset::{Glob, GlobSet, GlobSetBuilder};
use walkdir::{DirEntry, WalkDir};

use crate::ignore::Ignore;

/// Files from this size on are weights, whatever they are called: a layer of their own is not sent again with each
/// change of the code.
const WEIGHTS_BYTES: u64 = 16 << 20;
/// Engines stack about 120 layers. What is more than this shares the last one.
const MOST_LAYERS: usize = 40;
/// Folders that are no part of a model, whatever is in them.
const LEFT_OUT: [&str; 5] = ["__pycache__", "target", "node_modules", "venv", "wheels"];
/// What no image needs, even one that is made by instructions of its own, which may want other hidden files.
const NEVER_SENT: [&str; 8] =
    [".git", ".venv", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".tox", ".ipynb_checkpoints"];

/// The files of a model's folder, relative to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    /// Weights, a layer each item, in the order of their names.
    pub weights: Vec<Vec<PathBuf>>,
    /// Everything else.
    pub code: Vec<PathBuf>,
}

/// Lists the files of `folder` that its ignore file lets in. Those that match one of `weights`, patterns such as
/// `models/*.onnx`, are weights, as are large ones. Hidden files, byte code, what builds leave behind, and folders that
/// are links are left out; a link to a file stands for that file.
///
/// # Errors
/// A pattern is none, also in the ignore file, or the system's.
pub fn files_of(folder: &Path, weights: &[String]) -> io::Result<Files> {
    let patterns = patterns(weights)?;
    let ignore = Ignore::of(folder)?;
    let mut files = Files::default();
    let mut large = Vec::new();
    for entry in walk(folder, &ignore, counts) {
        let entry = entry?;
        // Asked of what a link leads to.
        let metadata = std::fs::metadata(entry.path())
            .map_err(|error| io::Error::new(error.kind(), format!("`{}`: {error}", entry.path().display())))?;
        if !metadata.is_file() {
            continue;
        }
        let name = entry.path().strip_prefix(folder).unwrap_or(entry.path()).to_owned();
        match metadata.len() >= WEIGHTS_BYTES || patterns.is_match(&name) {
            true => large.push(name),
            false => files.code.push(name),
        }
    }
    let rest = large.split_off(large.len().min(MOST_LAYERS));
    files.weights = large.into_iter().map(|name| vec![name]).collect();
    files.weights.extend(Some(rest).filter(|rest| !rest.is_empty()));
    Ok(files)
}

/// Lists all that instructions in the folder itself may take, relative to it.
///
/// # Errors
/// As for [`files_of`].
pub(crate) fn whole_folder(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let ignore = Ignore::of(folder)?;
    let is_sent = |entry: &DirEntry| !NEVER_SENT.contains(&entry.file_name().to_string_lossy().as_ref());
    let entries = walk(folder, &ignore, is_sent).filter_map(Result::ok);
    let files = entries.filter(|entry| entry.path().is_file());
    Ok(files.map(|entry| entry.path().strip_prefix(folder).unwrap_or(entry.path()).to_owned()).collect())
}

/// Goes through what counts and is not ignored, in the order of names.
fn walk(
    folder: &Path,
    ignore: &Ignore,
    counts: impl Fn(&DirEntry) -> bool,
) -> impl Iterator<Item = walkdir::Result<DirEntry>> {
    let name = move |entry: &DirEntry| entry.path().strip_prefix(folder).unwrap_or(entry.path()).to_owned();
    let is_searched = move |entry: &DirEntry| {
        entry.depth() == 0 || counts(entry) && !(entry.file_type().is_dir() && ignore.leaves_out_all_of(&name(entry)))
    };
    let is_ignored = move |entry: &walkdir::Result<DirEntry>| {
        entry.as_ref().is_ok_and(|entry| !entry.file_type().is_dir() && ignore.leaves_out(&name(entry)))
    };
    let entries = WalkDir::new(folder).sort_by_file_name().into_iter().filter_entry(is_searched);
    entries.filter(move |entry| !is_ignored(entry))
}

fn patterns(texts: &[String]) -> io::Result<GlobSet> {
    let mut all = GlobSetBuilder::new();
    for text in texts {
        all.add(Glob::new(text).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?);
    }
    all.build().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}

fn counts(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    !(name.starts_with('.') || LEFT_OUT.contains(&name.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn listed(folder: &Path, weights: &[&str]) -> Files {
        files_of(folder, &weights.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn weights_are_told_from_code_by_pattern_and_by_size() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["model.py", "nets/small.onnx", "nets/labels.txt", ".venv/x", "__pycache__/x.pyc", "target/x"] {
            fs::create_dir_all(at(name).parent().unwrap()).unwrap();
            fs::write(at(name), "x").unwrap();
        }
        fs::File::create(at("large.bin")).unwrap().set_len(WEIGHTS_BYTES).unwrap();
        symlink("/usr", at("sdk")).unwrap();
        symlink(at("nets/labels.txt"), at("linked.txt")).unwrap();
        let files = listed(folder.path(), &["nets/*.onnx"]);
        let code: Vec<_> = files.code.iter().map(|name| name.to_str().unwrap()).collect();
        assert_eq!(code, ["linked.txt", "model.py", "nets/labels.txt"]);
        assert_eq!(files.weights, [vec![PathBuf::from("large.bin")], vec!["nets/small.onnx".into()]]);
    }

    #[test]
    fn what_the_ignore_file_names_is_neither_code_nor_weights_nor_sent() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["model.py", "notes/a.md", "notes/keep.md", "old.bin", ".pytest_cache/x", ".config"] {
            fs::create_dir_all(folder.path().join(name).parent().unwrap()).unwrap();
            fs::write(folder.path().join(name), "x").unwrap();
        }
        fs::write(folder.path().join(".containerignore"), "old.bin\nnotes\n!notes/keep.md\n.containerignore\n")
            .unwrap();
        let files = listed(folder.path(), &["*.bin"]);
        assert_eq!((files.code, files.weights), (vec!["model.py".into(), "notes/keep.md".into()], vec![]));
        let sent: Vec<PathBuf> = [".config", "model.py", "notes/keep.md"].map(Into::into).to_vec();
        assert_eq!(whole_folder(folder.path()).unwrap(), sent);
    }

    #[test]
    fn many_weights_share_the_last_layer() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..MOST_LAYERS + 3 {
            fs::write(folder.path().join(format!("{number:03}.bin")), "x").unwrap();
        }
        let weights = listed(folder.path(), &["*.bin"]).weights;
        assert_eq!((weights.len(), weights.last().unwrap().len()), (MOST_LAYERS + 1, 3));
    }

    #[test]
    fn a_pattern_that_is_none_is_named() {
        let error = files_of(Path::new("/tmp"), &["a[".into()]).unwrap_err();
        assert!(error.to_string().contains("a["), "{error}");
    }
}
