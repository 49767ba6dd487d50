//! What is written on an image: the manifest and the parameters of its model, and what every image may say of itself.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use tagger_runtime::{MANIFEST_LABEL, PARAMETERS_LABEL};
use tagger_wire::{Description, Manifest};

/// The labels of a model's image. What the program says of itself fills in what the manifest leaves open.
pub fn labels_of(
    manifest: &Manifest,
    described: Option<&Description>,
    folder: &Path,
    created: Option<String>,
) -> serde_json::Result<BTreeMap<String, String>> {
    let mut told = Manifest { command: None, image: None, parameters: None, weights: Vec::new(), ..manifest.clone() };
    if let Some(described) = described {
        if told.description.is_empty() {
            told.description.clone_from(&described.description);
        }
        if told.tracks.is_empty() {
            told.tracks.clone_from(&described.tracks);
        }
        told.default_track = told.default_track.or_else(|| described.default_track.clone());
    }
    let parameters = manifest.parameters.as_ref().or_else(|| described.map(|described| &described.parameters));
    let package = Package::of(folder);
    let standard = |name: &str| format!("org.opencontainers.image.{name}");
    let mut labels = BTreeMap::new();
    labels.insert(MANIFEST_LABEL.to_owned(), serde_json::to_string(&told)?);
    if let Some(parameters) = parameters {
        labels.insert(PARAMETERS_LABEL.to_owned(), serde_json::to_string(parameters)?);
    }
    labels.insert(standard("title"), told.name);
    labels.insert(standard("description"), told.description);
    labels.extend(package.version.map(|version| (standard("version"), version)));
    labels.extend(package.source.map(|source| (standard("source"), source)));
    labels.extend(created.map(|created| (standard("created"), created)));
    labels.retain(|_, value| !value.is_empty());
    Ok(labels)
}

/// What `Cargo.toml` or `pyproject.toml` says that a manifest has no field for.
#[derive(Default, Deserialize)]
struct Package {
    version: Option<String>,
    #[serde(alias = "repository")]
    source: Option<String>,
}

impl Package {
    /// What is missing or not to be understood is simply not told.
    fn of(folder: &Path) -> Self {
        #[derive(Deserialize)]
        struct File {
            #[serde(alias = "project")]
            package: Option<Package>,
        }
        let read = |name: &str| {
            let text = std::fs::read_to_string(folder.join(name)).ok()?;
            toml::from_str::<File>(&text).ok()?.package
        };
        read("Cargo.toml").or_else(|| read("pyproject.toml")).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use tagger_engine::Image;
    use tagger_runtime::read_labels;

    fn manifest() -> Manifest {
        let text = "name = 'light'\nkind = 'frame'\ncommand = ['python3', 'model.py']\nweights = ['*.bin']";
        Manifest::parse(text, Path::new("tagger.toml")).unwrap()
    }

    #[test]
    fn labels_say_what_manifest_and_program_say_together() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("Cargo.toml"), "[package]\nname = 'light'\nversion = '1.2.0'\n").unwrap();
        let text = r#"{"name":"x","description":"Tells light.","parameters":{"type":"object"}}"#;
        let described = Description::find(text);
        let labels = labels_of(&manifest(), described.as_ref(), folder.path(), None).unwrap();
        let shown: Vec<String> = labels.iter().map(|(key, value)| format!("{key}: {value}")).collect();
        assert_snapshot!(shown.join("\n"), @r#"
        io.tagger.manifest: {"name":"light","kind":"frame","description":"Tells light."}
        io.tagger.parameters: {"type":"object"}
        org.opencontainers.image.description: Tells light.
        org.opencontainers.image.title: light
        org.opencontainers.image.version: 1.2.0
        "#);
        let read = read_labels(&Image { labels, ..Image::default() }, "light:1").unwrap();
        assert_eq!(read.manifest.unwrap().kind, manifest().kind);
        assert_eq!(read.parameters.unwrap()["type"], "object");
    }
}
