//! Images without an engine: layers, and the archive that holds them (OCI image layout in a tar file).
//!
//! The same files give the same bytes and so the same image: entries are sorted, belong to root, can be read by all, and
//! are of one time.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tar::{EntryType, Header};

/// What is at a place of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A folder.
    Folder,
    /// A copy of this file.
    File(PathBuf),
    /// This text.
    Text(String),
}

/// A layer or a build context that is put together: what is where. Folders above what is there are added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    entries: BTreeMap<PathBuf, Entry>,
}

impl Tree {
    /// Puts something at `place`, which is relative to the root.
    pub fn put(&mut self, place: impl AsRef<Path>, entry: Entry) {
        let place = place.as_ref();
        for folder in place.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty()) {
            self.entries.entry(folder.to_owned()).or_insert(Entry::Folder);
        }
        self.entries.insert(place.to_owned(), entry);
    }

    /// Puts all of another tree below `place`.
    pub fn put_all(&mut self, place: &Path, other: Self) {
        for (name, entry) in other.entries {
            self.put(place.join(name), entry);
        }
    }

    /// Writes it as a tar file in which everything was last changed at `time`, in seconds since 1970.
    ///
    /// # Errors
    /// The system's; the text names the file.
    pub fn write(&self, to: impl Write, time: u64) -> io::Result<()> {
        let mut tar = tar::Builder::new(to);
        for (place, entry) in &self.entries {
            match entry {
                Entry::Folder => {
                    let mut header = header(EntryType::Directory, 0o755, 0, time);
                    tar.append_data(&mut header, place.join(""), io::empty())?;
                }
                Entry::Text(text) => {
                    let mut header = header(EntryType::Regular, 0o644, text.len() as u64, time);
                    tar.append_data(&mut header, place, text.as_bytes())?;
                }
                Entry::File(path) => append_file(&mut tar, place, path, time)
                    .map_err(|error| io::Error::new(error.kind(), format!("`{}`: {error}", path.display())))?,
            }
        }
        tar.into_inner()?.flush()
    }
}

fn append_file(tar: &mut tar::Builder<impl Write>, place: &Path, path: &Path, time: u64) -> io::Result<()> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    let is_program = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o111 != 0;
    let mode = if is_program { 0o755 } else { 0o644 };
    // A file that grows meanwhile must not run into what follows it.
    tar.append_data(&mut header(EntryType::Regular, mode, metadata.len(), time), place, file.take(metadata.len()))
}

fn header(kind: EntryType, mode: u32, size: u64, time: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(time);
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// What an image is besides its layers.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Program and first arguments.
    pub entrypoint: Vec<String>,
    /// Where it starts.
    pub folder: String,
    /// Who it runs as, by number. Empty: root.
    pub user: String,
    /// Its environment, as `NAME=value`.
    pub env: Vec<String>,
    /// What is written on it: in its configuration, and again as annotations on its manifest.
    pub labels: BTreeMap<String, String>,
    /// When it was made, in seconds since 1970.
    pub time: u64,
}

/// A layer, as it lies in a file of its own.
pub struct Layer {
    file: File,
    digest: String,
    size: u64,
}

impl Layer {
    /// Makes a layer in a file that vanishes with it.
    ///
    /// # Errors
    /// The system's; the text names the file that cannot be read.
    pub fn new(tree: &Tree, time: u64) -> io::Result<Self> {
        let mut file = tempfile::tempfile()?;
        tree.write(BufWriter::new(&mut file), time)?;
        file.rewind()?;
        let mut hasher = Sha256::new();
        let size = io::copy(&mut BufReader::with_capacity(1 << 20, &mut file), &mut hasher)?;
        Ok(Self { file, digest: hex(&hasher.finalize()), size })
    }
}

/// Writes an image of `layers`, called `name`, and gives its id.
///
/// Docker's older index lies beside the OCI one, so that every engine takes it.
///
/// # Errors
/// The system's.
pub fn write_archive(layers: &mut [Layer], settings: &Settings, name: &str, to: impl Write) -> io::Result<String> {
    let created = rfc3339(settings.time);
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let diff_ids: Vec<String> = layers.iter().map(|layer| format!("sha256:{}", layer.digest)).collect();
    let history: Vec<Value> =
        layers.iter().map(|_| json!({"created": created, "created_by": "tagger build"})).collect();
    let config = bytes(&json!({
        "created": created,
        "architecture": architecture,
        "os": "linux",
        "config": {
            "Entrypoint": settings.entrypoint,
            "WorkingDir": settings.folder,
            "User": settings.user,
            "Env": settings.env,
            "Labels": settings.labels,
        },
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": history,
    }))?;
    let media = "application/vnd.oci.image";
    let listed: Vec<Value> = layers
        .iter()
        .map(|layer| {
            let digest = format!("sha256:{}", layer.digest);
            json!({"mediaType": format!("{media}.layer.v1.tar"), "digest": digest, "size": layer.size})
        })
        .collect();
    let manifest = bytes(&json!({
        "schemaVersion": 2,
        "mediaType": format!("{media}.manifest.v1+json"),
        "config": descriptor(&format!("{media}.config.v1+json"), &config),
        "layers": listed,
        "annotations": settings.labels,
    }))?;
    let mut in_index = descriptor(&format!("{media}.manifest.v1+json"), &manifest);
    in_index["annotations"] = json!({"org.opencontainers.image.ref.name": name});
    let index = bytes(&json!({"schemaVersion": 2, "manifests": [in_index]}))?;
    let blob = |digest: &str| format!("blobs/sha256/{digest}");
    let paths: Vec<String> = layers.iter().map(|layer| blob(&layer.digest)).collect();
    let docker = bytes(&json!([{"Config": blob(&digest(&config)), "RepoTags": [name], "Layers": paths}]))?;

    let mut tar = tar::Builder::new(to);
    let layout = bytes(&json!({"imageLayoutVersion": "1.0.0"}))?;
    for (place, content) in [
        ("oci-layout".to_owned(), &layout),
        ("index.json".to_owned(), &index),
        ("manifest.json".to_owned(), &docker),
        (blob(&digest(&config)), &config),
        (blob(&digest(&manifest)), &manifest),
    ] {
        tar.append_data(&mut header(EntryType::Regular, 0o644, content.len() as u64, 0), place, content.as_slice())?;
    }
    let mut written = Vec::new();
    for layer in layers {
        // Two layers of one content are one blob.
        if !written.contains(&layer.digest) {
            layer.file.rewind()?;
            let mut header = header(EntryType::Regular, 0o644, layer.size, 0);
            tar.append_data(&mut header, blob(&layer.digest), &mut layer.file)?;
            written.push(layer.digest.clone());
        }
    }
    tar.into_inner()?.flush()?;
    Ok(digest(&config))
}

fn bytes(value: &impl Serialize) -> io::Result<Vec<u8>> {
    Ok(serde_json::to_vec(value)?)
}

fn descriptor(media_type: &str, content: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": format!("sha256:{}", digest(content)), "size": content.len()})
}

fn digest(content: &[u8]) -> String {
    hex(&Sha256::digest(content))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A time in seconds since 1970 as `1970-01-01T00:00:00Z`.
pub fn rfc3339(time: u64) -> String {
    humantime::format_rfc3339_seconds(std::time::UNIX_EPOCH + std::time::Duration::from_secs(time)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    fn tree() -> Tree {
        let mut tree = Tree::default();
        tree.put("b/c.txt", Entry::Text("text".into()));
        tree.put("a", Entry::Folder);
        tree
    }

    fn listing(archive: &[u8]) -> String {
        let mut archive = tar::Archive::new(archive);
        let entries = archive.entries().unwrap().map(|entry| {
            let entry = entry.unwrap();
            let header = entry.header();
            let (mode, owner, time) = (header.mode().unwrap(), header.uid().unwrap(), header.mtime().unwrap());
            format!("{mode:o} {owner} {time} {} {}", header.size().unwrap(), entry.path().unwrap().display())
        });
        entries.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_tree_is_sorted_readable_by_all_and_of_one_time() {
        let folder = tempfile::tempdir().unwrap();
        let private = folder.path().join("private");
        std::fs::write(&private, "1").unwrap();
        std::fs::set_permissions(&private, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let mut tree = tree();
        tree.put("a/program", Entry::File(private));
        let mut written = Vec::new();
        tree.write(&mut written, 7).unwrap();
        assert_snapshot!(listing(&written), @"
        755 0 7 0 a/
        755 0 7 1 a/program
        755 0 7 0 b/
        644 0 7 4 b/c.txt
        ");
    }

    #[test]
    fn a_file_that_is_missing_is_named() {
        let mut tree = tree();
        tree.put("x", Entry::File("/nowhere/x".into()));
        let error = tree.write(io::sink(), 0).unwrap_err();
        assert_eq!(error.to_string(), "`/nowhere/x`: No such file or directory (os error 2)");
    }

    #[test]
    fn the_same_files_are_the_same_image_and_labels_make_it_another() {
        let write = |labels: &[(&str, &str)]| {
            let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            let settings = Settings { entrypoint: vec!["/x".into()], labels, ..Settings::default() };
            let mut archive = Vec::new();
            let layers = &mut [Layer::new(&tree(), 0).unwrap(), Layer::new(&tree(), 0).unwrap()];
            (write_archive(layers, &settings, "localhost/x:1", &mut archive).unwrap(), archive)
        };
        let (id, archive) = write(&[]);
        assert_eq!((&id, &archive), (&write(&[]).0, &write(&[]).1));
        assert_ne!(id, write(&[("a", "b")]).0);
        // Index, Docker's index, layout, configuration, manifest, and one layer that stands for both.
        assert_eq!(listing(&archive).lines().count(), 6);
    }
}
