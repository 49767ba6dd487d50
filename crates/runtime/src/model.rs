//! Finds the model that a user names, and how to start it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use tagger_wire::{Description, MANIFEST_FILE, Manifest, ManifestError, ModelKind, Need, Program, Track};

use crate::ContainerError;
use crate::oci::ImageModel;
use crate::python::{Interpreter, is_python};

/// A model that can be started here.
#[derive(Debug, Clone)]
pub struct Model {
    /// The name in results and messages.
    pub name: String,
    /// What its folder says of it. `None` for a bare `.py` file.
    pub manifest: Option<Manifest>,
    /// What the program says of itself, if it was asked and answered. What the manifest says comes first.
    pub described: Option<Description>,
    /// The program and its first arguments.
    pub(crate) command: Vec<OsString>,
    /// Where the program starts.
    pub(crate) folder: PathBuf,
    /// The image that the program is in; then `command` are arguments of its own program.
    pub(crate) image: Option<ImageModel>,
}

/// Why a model cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// Neither a shipped model nor a path.
    #[error("unknown model `{name}`: neither a shipped one ({shipped}) nor a folder with a {MANIFEST_FILE} nor a .py file{}", did_you_mean(.nearest))]
    Unknown {
        /// What the user named.
        name: String,
        /// A shipped model whose name is close.
        nearest: Option<String>,
        /// All shipped models, comma separated.
        shipped: String,
    },
    /// A folder without a manifest.
    #[error("`{}` has no {MANIFEST_FILE}: a model's folder needs one", folder.display())]
    NoManifest {
        /// The folder.
        folder: PathBuf,
    },
    /// The manifest does not hold.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A path that is not there.
    #[error("there is no model file or folder `{}`", path.display())]
    NotFound {
        /// The path.
        path: PathBuf,
    },
    /// The program that the manifest names is not there.
    #[error("model `{model}` starts `{program}`, which is neither beside tagger nor on the search path")]
    NoProgram {
        /// The model.
        model: String,
        /// The program.
        program: String,
    },
    /// Its image cannot be used.
    #[error("cannot use model `{model}`")]
    Image {
        /// The model.
        model: String,
        /// Why.
        source: ContainerError,
    },
}

fn did_you_mean(nearest: &Option<String>) -> String {
    nearest.as_ref().map_or(String::new(), |name| format!("; did you mean `{name}`?"))
}

impl Model {
    /// Finds the model: a shipped model's name, a folder with a manifest, a `.py` file, or `oci:` and an image's name.
    ///
    /// What an image says of itself is only known when [`Containers::look_up`](crate::Containers::look_up) has looked.
    ///
    /// # Errors
    /// [`ModelError`] names the model and what is missing.
    pub fn resolve(name: &str, python: &Interpreter) -> Result<Self, ModelError> {
        Self::resolve_among(name, &[], python)
    }

    /// As [`resolve`](Self::resolve), with `folders` searched for a model's name before all others.
    ///
    /// # Errors
    /// [`ModelError`] names the model and what is missing.
    pub fn resolve_among(name: &str, folders: &[PathBuf], python: &Interpreter) -> Result<Self, ModelError> {
        if let Some(image) = name.strip_prefix("oci:") {
            return Ok(Self::of_image(image));
        }
        let path = Path::new(name);
        if path.extension().is_some_and(|extension| extension == "py") {
            return Self::from_python_file(path, python);
        }
        if path.components().count() == 1
            && let Some(folder) = all_folders(folders).map(|f| f.join(name)).find(|f| f.join(MANIFEST_FILE).exists())
        {
            return Self::from_folder(&folder, python);
        }
        if path.is_dir() {
            return Self::from_folder(path, python);
        }
        if path.file_name().is_some_and(|file| file == MANIFEST_FILE) && path.exists() {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            return Self::from_folder(folder.unwrap_or(Path::new(".")), python);
        }
        if path.components().count() > 1 {
            return Err(ModelError::NotFound { path: path.to_owned() });
        }
        let shipped = models_among(folders);
        let nearest = shipped.iter().max_by(|a, b| strsim::jaro(a, name).total_cmp(&strsim::jaro(b, name)));
        Err(ModelError::Unknown {
            name: name.to_owned(),
            nearest: nearest.filter(|near| strsim::jaro(near, name) > 0.7).cloned(),
            shipped: if shipped.is_empty() { "none found".into() } else { shipped.join(", ") },
        })
    }

    /// Whether its program is in a container image.
    pub fn is_image(&self) -> bool {
        self.image.is_some()
    }

    /// What its program needs that containers are not allowed by themselves. Processes may do all of it.
    pub fn needs(&self) -> &[Need] {
        match (&self.image, &self.manifest) {
            (Some(_), Some(manifest)) => &manifest.needs,
            _ => &[],
        }
    }

    /// What the model takes, if it says.
    pub fn kind(&self) -> Option<ModelKind> {
        let told = || self.described.as_ref().and_then(|description| description.kind);
        self.manifest.as_ref().map(|manifest| manifest.kind).or_else(told).or_else(|| self.image.as_ref()?.kind)
    }

    /// The track of tags that name none.
    pub fn default_track(&self) -> &str {
        let described = self.described.as_ref().and_then(|description| description.default_track.as_deref());
        let named = self.manifest.as_ref().and_then(|manifest| manifest.default_track.as_deref());
        named.or(described).unwrap_or(&self.name)
    }

    /// One sentence for people; empty if there is none.
    pub fn description(&self) -> &str {
        let told = [self.manifest.as_ref().map(|m| &m.description), self.described.as_ref().map(|d| &d.description)];
        told.into_iter().flatten().find(|text| !text.is_empty()).map_or("", String::as_str)
    }

    /// The tracks it writes, as far as it says.
    pub fn tracks(&self) -> impl Iterator<Item = (&String, &Track)> {
        let told = [self.manifest.as_ref().map(|m| &m.tracks), self.described.as_ref().map(|d| &d.tracks)];
        told.into_iter().flatten().find(|tracks| !tracks.is_empty()).into_iter().flat_map(BTreeMap::iter)
    }

    /// The schema of its parameters, if it is known.
    pub fn parameters(&self) -> Option<&Map<String, Value>> {
        let declared = self.manifest.as_ref().and_then(|manifest| manifest.parameters.as_ref());
        declared.or_else(|| self.described.as_ref().map(|description| &description.parameters))
    }

    fn from_python_file(file: &Path, python: &Interpreter) -> Result<Self, ModelError> {
        let not_found = || ModelError::NotFound { path: file.to_owned() };
        let file = file.canonicalize().ok().filter(|file| file.is_file()).ok_or_else(not_found)?;
        let (Some(folder), Some(name)) = (file.parent(), file.file_stem()) else { return Err(not_found()) };
        let mut command = vec![python.locate(folder).into()];
        command.extend(Interpreter::start_arguments(&file));
        let name = name.to_string_lossy().into_owned();
        Ok(Self { name, manifest: None, described: None, command, folder: folder.to_owned(), image: None })
    }

    fn from_folder(folder: &Path, python: &Interpreter) -> Result<Self, ModelError> {
        let path = folder.join(MANIFEST_FILE);
        if !path.exists() {
            return Err(ModelError::NoManifest { folder: folder.to_owned() });
        }
        let manifest = Manifest::load(&path)?;
        let folder =
            folder.canonicalize().map_err(|source| ManifestError::Unreadable { path: folder.to_owned(), source })?;
        let (command, image) = match manifest.program() {
            Program::Image(image) => (Vec::new(), Some(ImageModel { name: image.to_owned(), ..ImageModel::default() })),
            Program::Command(command) => (launch(&manifest.name, command, &folder, python)?, None),
        };
        Ok(Self { name: manifest.name.clone(), manifest: Some(manifest), described: None, command, folder, image })
    }
}

/// The command of a manifest with its program found.
fn launch(model: &str, command: &[String], folder: &Path, python: &Interpreter) -> Result<Vec<OsString>, ModelError> {
    let (program, arguments) = (&command[0], &command[1..]);
    let mut launched: Vec<OsString> = Vec::new();
    let mut rest = arguments;
    if is_python(program) {
        launched.push(python.locate(folder).into());
        if let Some(file) = arguments.first().filter(|file| file.ends_with(".py")) {
            launched.extend(Interpreter::start_arguments(&folder.join(file)));
            rest = &arguments[1..];
        }
    } else {
        let no_program = || ModelError::NoProgram { model: model.to_owned(), program: program.clone() };
        launched.push(find_program(program, folder).ok_or_else(no_program)?.into());
    }
    launched.extend(rest.iter().map(OsString::from));
    Ok(launched)
}

/// A path is taken from the model's folder; a bare name from beside tagger, then from the search path.
pub fn find_program(program: &str, folder: &Path) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(folder.join(program)).filter(|path| path.is_file());
    }
    let beside = own_folder();
    let search = std::env::var_os("PATH").unwrap_or_default();
    beside.into_iter().chain(std::env::split_paths(&search)).map(|f| f.join(program)).find(|path| path.is_file())
}

/// The folder of this program.
fn own_folder() -> Option<PathBuf> {
    std::env::current_exe().ok()?.canonicalize().ok()?.parent().map(Path::to_owned)
}

/// Where models are looked for by name: the operator's folders, the installed ones, those of a checkout.
fn model_folders() -> Vec<PathBuf> {
    let configured = std::env::var_os("TAGGER_MODELS").unwrap_or_default();
    let mut folders: Vec<PathBuf> =
        std::env::split_paths(&configured).filter(|folder| !folder.as_os_str().is_empty()).collect();
    if let Some(own) = own_folder() {
        folders.push(own.join("../share/tagger/models"));
        folders.push(own.join("../../models"));
    }
    folders
}

/// `first`, then where models are looked for anyway.
fn all_folders(first: &[PathBuf]) -> impl Iterator<Item = PathBuf> {
    first.iter().cloned().chain(model_folders())
}

/// The names of all models that can be named without a path, sorted.
pub fn shipped_models() -> Vec<String> {
    models_among(&[])
}

/// The names of all models that can be named without a path when `folders` are searched as well, sorted.
pub(crate) fn models_among(folders: &[PathBuf]) -> Vec<String> {
    let manifests = all_folders(folders).filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
    let mut names: Vec<String> = manifests
        .filter_map(|entry| Some(entry.ok()?.path()).filter(|path| path.join(MANIFEST_FILE).exists()))
        .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    names.dedup();
    names
}
