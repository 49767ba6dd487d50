//! From a model's folder to its image.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tagger_engine::{Build, Client, EngineError};
use tagger_runtime::{Interpreter, find_program, is_python, run_tool};
use tagger_wire::{Description, MANIFEST_FILE, Manifest, ManifestError, Program as Named};
use tempfile::NamedTempFile;
use tokio::task::spawn_blocking;
use tokio_util::io::SyncIoBridge;

use crate::archive::{Entry, Layer, Settings, Tree, rfc3339, write_archive};
use crate::closure::{ClosureError, closure_of, is_program};
use crate::containerfile::{
    ADDED, BASE, PROGRAM_CONTAINERFILE, PYTHON_CONTAINERFILE, Start, base_in, complete, lacks_start, takes,
    takes_from_folder,
};
use crate::folder::{Files, files_of, whole_folder};
use crate::labels::labels_of;
use crate::question::ask;
use crate::wheels::{WheelError, Wheels};

/// What Python models' images stand on unless another base is named: `make base-image` makes it.
pub const DEFAULT_BASE: &str = "localhost/tagger-base:1";
/// Where a model's files are, and where its program starts.
const HOME: &str = "/elv";
/// Whom its program runs as: nobody, by number, since an image of a program alone has no list of users.
const USER: &str = "65534:65534";
/// The home of whoever that is: the contract has weights kept in `/root/.cache`, and libraries keep theirs in `~/.cache`.
const USER_HOME: &str = "/root";
/// The files that say how an image is made, by the names that engines look for.
const OWN: [&str; 2] = ["Containerfile", "Dockerfile"];
/// How much of a program's log is told when it fails.
const LOG_LINES: usize = 20;
/// What a base is asked: its Python.
const VERSION: &str = "import sys; print('%d.%d' % sys.version_info[:2])";

/// What the user wishes.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// What a Python model's image stands on. Default: [`DEFAULT_BASE`].
    pub base: Option<String>,
    /// Folders with wheels to take before any index, the SDK's among them.
    pub wheels: Vec<PathBuf>,
    /// Whether everything is made and fetched anew.
    pub is_cache_left_out: bool,
    /// Whether the program is not asked what it is, because it does not know the question.
    pub is_unasked: bool,
    /// The Python that pip is run with.
    pub interpreter: Interpreter,
    /// When the image was made, in seconds since 1970. Default: 1970 began, and nothing is said of it.
    pub time: Option<u64>,
}

/// How the image of a model's folder comes about.
#[derive(Debug)]
pub struct Plan {
    folder: PathBuf,
    manifest: Manifest,
    command: Vec<String>,
    files: Files,
    way: Way,
}

#[derive(Debug)]
enum Way {
    /// By the instructions in the folder.
    Own { name: &'static str, text: String },
    /// By those that are made for a model of its kind.
    Made(Model),
}

/// What a model's command starts.
#[derive(Debug)]
enum Model {
    Python {
        entrypoint: Vec<String>,
    },
    /// `None`: cargo makes it first.
    Program {
        file: Option<PathBuf>,
        arguments: Vec<String>,
    },
}

/// What a program's image holds, as trees below its root, and what starts it.
struct Program {
    libraries: Tree,
    weights: Vec<Tree>,
    program: Tree,
    start: Start,
}

/// An image that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The digest of its configuration.
    pub id: String,
    /// How many bytes it takes.
    pub size_bytes: u64,
    /// What is written on it.
    pub labels: BTreeMap<String, String>,
}

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The manifest does not hold, or there is none.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The manifest names an image.
    #[error("model `{model}` is image `{image}` already")]
    IsImage {
        /// The model.
        model: String,
        /// Its image.
        image: String,
    },
    /// Nothing says how the image is made.
    #[error("cannot tell how to make an image of `{}`: it starts `{program}`, which is neither Python nor a program; write a Containerfile there", folder.display())]
    Unknown {
        /// The model's folder.
        folder: PathBuf,
        /// What its manifest starts.
        program: String,
    },
    /// The instructions take a program, and there is none.
    #[error("the Containerfile in `{}` takes .tagger/program/, and the model is started by Python", folder.display())]
    NoProgram {
        /// The model's folder.
        folder: PathBuf,
    },
    /// A file of the folder cannot be read.
    #[error("cannot read the files of `{}`", folder.display())]
    Unreadable {
        /// The model's folder.
        folder: PathBuf,
        /// Which one, and why.
        source: io::Error,
    },
    /// A tool fails.
    #[error("{doing} fails:\n{told}")]
    Tool {
        /// What it was to do.
        doing: &'static str,
        /// What it said last.
        told: String,
    },
    /// The base is not there.
    #[error("base image `{base}` is not on this machine: {way_out}")]
    NoBase {
        /// The base.
        base: String,
        /// What to do.
        way_out: &'static str,
    },
    /// The base has no Python.
    #[error("base image `{base}` has no python3; name another one with --base\n{told}")]
    NoPython {
        /// The base.
        base: String,
        /// What it said.
        told: String,
    },
    /// pip would get wheels for another Python.
    #[error("base image `{base}` has Python {wanted}, and `{}` is {found}; name an interpreter of {wanted} with --python", python.display())]
    OtherPython {
        /// The base.
        base: String,
        /// Its Python.
        wanted: String,
        /// The interpreter that pip would run in.
        python: PathBuf,
        /// Its version.
        found: String,
    },
    /// There is nothing to install.
    #[error(transparent)]
    Wheels(#[from] WheelError),
    /// It is not known what the program loads.
    #[error(transparent)]
    Closure(#[from] ClosureError),
    /// The engine cannot or does not want to.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The program does not say what it is.
    #[error(
        "the model does not answer --describe in its image: {told}\nA program that does not know the question is built with --no-describe"
    )]
    Undescribed {
        /// How it ended, and the end of its log.
        told: String,
    },
    /// What was put together could not be handed to the engine.
    #[error("cannot put the image together")]
    Unwritable(#[source] io::Error),
}

impl Plan {
    /// Looks at a model's folder.
    ///
    /// # Errors
    /// [`BuildError`]: no manifest, or nothing that says how an image could be made.
    pub fn of(folder: &Path, wishes: &Wishes) -> Result<Self, BuildError> {
        let manifest = Manifest::load(&folder.join(MANIFEST_FILE))?;
        let unreadable = |source| BuildError::Unreadable { folder: folder.to_owned(), source };
        let folder = folder.canonicalize().map_err(unreadable)?;
        let files = files_of(&folder, &manifest.weights).map_err(unreadable)?;
        let command = match manifest.program() {
            Named::Command(command) => command.to_vec(),
            Named::Image(image) => {
                return Err(BuildError::IsImage { model: manifest.name.clone(), image: image.to_owned() });
            }
        };
        let way = match own_instructions(&folder).map_err(unreadable)? {
            Some((name, text)) => Way::Own { name, text },
            None => Way::Made(model_of(&command, &folder, wishes)?),
        };
        Ok(Self { folder, manifest, command, files, way })
    }

    /// The instructions that the image is made by, before weights and start are filled in. `None`: it is a program and
    /// its libraries, without any.
    pub fn containerfile(&self) -> Option<&str> {
        match &self.way {
            Way::Own { text, .. } => Some(text),
            Way::Made(Model::Python { .. }) => Some(PYTHON_CONTAINERFILE),
            Way::Made(Model::Program { .. }) => None,
        }
    }

    /// Makes the image, and gives it the name `name`. What happens is told line by line.
    ///
    /// # Errors
    /// [`BuildError`]; the name then still belongs to what had it before.
    pub async fn build(
        &self,
        client: &Client,
        name: &str,
        wishes: &Wishes,
        observe: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Built, BuildError> {
        let time = wishes.time.unwrap_or(0);
        let Some(text) = self.containerfile() else {
            let Program { libraries, weights, program, start } = self.program(wishes, observe)?;
            let trees = [libraries].into_iter().chain(weights).chain([program]);
            let layers = trees.map(|tree| Layer::new(&tree, time)).collect::<io::Result<_>>();
            let mut layers: Vec<Layer> = layers.map_err(BuildError::Unwritable)?;
            let Start { entrypoint, mut env } = start;
            env.insert(0, "PATH=/usr/local/bin:/usr/bin:/bin".to_owned());
            env.insert(1, format!("HOME={USER_HOME}"));
            let (folder, user) = (HOME.to_owned(), USER.to_owned());
            let mut settings = Settings { entrypoint, folder, user, env, labels: BTreeMap::new(), time };
            observe("writing the image");
            let id = load(client, &mut layers, &settings, name).await?;
            settings.labels = self.describe(client, &id, wishes, observe).await?;
            let labelled = load(client, &mut layers, &settings, name).await?;
            return self.finish(client, name, &labelled, Some(&id)).await;
        };
        let context = self.context(client, text, wishes, observe).await?;
        let build = Build {
            instructions: format!("{ADDED}/Containerfile"),
            arguments: wishes.base.iter().map(|base| (BASE.to_owned(), base.clone())).collect(),
            is_cache_left_out: wishes.is_cache_left_out,
            // Ours need none; what is in others' is their business.
            has_network: ![PYTHON_CONTAINERFILE, PROGRAM_CONTAINERFILE].contains(&text),
            time,
            ..Build::default()
        };
        let id = send(client, context, &build, observe).await?;
        let labels = self.describe(client, &id, wishes, observe).await?;
        observe("writing labels");
        let mut only_labels = Tree::default();
        only_labels.put("Containerfile", Entry::Text(label_instructions(&id, &labels)));
        let build = Build {
            instructions: "Containerfile".into(),
            arguments: BTreeMap::new(),
            names: vec![name.to_owned()],
            annotations: labels,
            has_network: false,
            ..build
        };
        let labelled = send(client, only_labels, &build, &mut |_| {}).await?;
        self.finish(client, name, &labelled, None).await
    }

    async fn finish(&self, client: &Client, name: &str, id: &str, before: Option<&str>) -> Result<Built, BuildError> {
        if let Some(before) = before.filter(|before| *before != id) {
            // Its layers are those of the finished one; what keeps it does no harm.
            let _ = client.remove_image(before).await;
        }
        let image = client.image(id).await?;
        let image = image.ok_or_else(|| EngineError::Odd {
            doing: format!("look at image `{name}`"),
            problem: "it was made, and is not there".into(),
        })?;
        Ok(Built { id: image.id, size_bytes: image.size_bytes, labels: image.labels })
    }

    /// The parts of a program's image. Cargo makes the program first where it is to.
    fn program(&self, wishes: &Wishes, observe: &mut (dyn FnMut(&str) + Send)) -> Result<Program, BuildError> {
        let Model::Program { file, arguments } = model_of(&self.command, &self.folder, wishes)? else {
            return Err(BuildError::NoProgram { folder: self.folder.clone() });
        };
        let file = match file {
            Some(file) => file,
            None => cargo_build(&self.folder, observe)?,
        };
        let closure = closure_of(&file)?;
        let inside = |path: &Path| path.strip_prefix("/").unwrap_or(path).to_owned();
        let mut libraries = Tree::default();
        for folder in ["tmp", "elv/media", "elv/output", "root/.cache"] {
            libraries.put(folder, Entry::Folder);
        }
        for (place, library) in &closure.libraries {
            libraries.put(inside(place), Entry::File(library.clone()));
        }
        let weights = self.files.weights.iter().map(|files| {
            let mut tree = Tree::default();
            for file in files {
                tree.put(inside(Path::new(HOME)).join(file), Entry::File(self.folder.join(file)));
            }
            tree
        });
        let place = format!("/usr/local/bin/{}", self.manifest.name);
        let mut program = Tree::default();
        program.put(inside(Path::new(&place)), Entry::File(file));
        let mut env = Vec::new();
        if !closure.search.is_empty() {
            let folders: Vec<String> = closure.search.iter().map(|folder| folder.display().to_string()).collect();
            env.push(format!("LD_LIBRARY_PATH={}", folders.join(":")));
        }
        let start = Start { entrypoint: [place].into_iter().chain(arguments).collect(), env };
        Ok(Program { libraries, weights: weights.collect(), program, start })
    }

    /// What the engine is sent: what the instructions take of the folder's files and of what `tagger build` adds, and
    /// the instructions.
    async fn context(
        &self,
        client: &Client,
        text: &str,
        wishes: &Wishes,
        observe: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Tree, BuildError> {
        let mut context = Tree::default();
        if let Way::Own { name, .. } = &self.way {
            observe(&format!("building by {name}"));
            if takes_from_folder(text) {
                for file in whole_folder(&self.folder).map_err(BuildError::Unwritable)? {
                    context.put(&file, Entry::File(self.folder.join(&file)));
                }
            }
        }
        let added = Path::new(ADDED);
        let mut start = None;
        if takes(text, "program/") {
            let program = self.program(wishes, observe)?;
            context.put_all(&added.join("libraries"), program.libraries);
            context.put_all(&added.join("program"), program.program);
            start = Some(program.start);
        }
        if takes(text, "wheels/") {
            let base = wishes.base.as_deref().unwrap_or(base_in(text));
            let version = python_of(client, base).await?;
            let python = wishes.interpreter.locate(&self.folder);
            self.check_python(&python, &version, base)?;
            let wheels = Wheels {
                folder: &self.folder,
                python: &python,
                version: &version,
                searched: self.searched(wishes),
                is_cache_left_out: wishes.is_cache_left_out,
            };
            wheels.put_into(&mut context, observe)?;
        }
        for (nth, files) in self.files.weights.iter().enumerate().filter(|_| takes(text, "weights/")) {
            for file in files {
                let place = added.join(format!("weights/{nth}")).join(file);
                context.put(place, Entry::File(self.folder.join(file)));
            }
        }
        if takes(text, "code/") {
            context.put(added.join("code"), Entry::Folder);
            for file in &self.files.code {
                context.put(added.join("code").join(file), Entry::File(self.folder.join(file)));
            }
            if !takes(text, "weights/") && !self.files.weights.is_empty() {
                observe("warning: the Containerfile leaves out the weights: it lacks `COPY .tagger/weights/ ./`");
            }
        }
        let start = match lacks_start(text) {
            true => match (start, model_of(&self.command, &self.folder, wishes)?) {
                (None, Model::Python { entrypoint }) => Some(Start { entrypoint, env: Vec::new() }),
                (start, _) => start,
            },
            false => None,
        };
        let whole = complete(text, self.files.weights.len(), start.as_ref());
        context.put(added.join("Containerfile"), Entry::Text(whole));
        Ok(context)
    }

    /// Where wheels may lie: where the user says, beside the SDK that the project links to, beside this program.
    fn searched(&self, wishes: &Wishes) -> Vec<PathBuf> {
        let mut folders: Vec<PathBuf> = wishes.wheels.iter().filter_map(|folder| folder.canonicalize().ok()).collect();
        folders.push(self.folder.join("wheels"));
        folders.push(self.folder.join("sdk/target/wheels"));
        let own = std::env::current_exe().ok().and_then(|path| path.canonicalize().ok());
        if let Some(own) = own.as_deref().and_then(Path::parent) {
            folders.push(own.join("../wheels")); // target/release/tagger in a checkout
            folders.push(own.join("../share/tagger/wheels"));
        }
        folders
    }

    fn check_python(&self, python: &Path, wanted: &str, base: &str) -> Result<(), BuildError> {
        let command = [python.as_os_str().to_owned(), "-c".into(), VERSION.into()];
        let told = run_tool(&command, &self.folder, |_| {});
        let found = told.map_err(|told| BuildError::Tool { doing: "asking for Python's version", told })?;
        if found.trim() == wanted {
            return Ok(());
        }
        Err(BuildError::OtherPython {
            base: base.to_owned(),
            wanted: wanted.to_owned(),
            python: python.to_owned(),
            found: found.trim().to_owned(),
        })
    }

    /// Asks the model in its image what it is. Gives the labels to write.
    async fn describe(
        &self,
        client: &Client,
        id: &str,
        wishes: &Wishes,
        observe: &mut (dyn FnMut(&str) + Send),
    ) -> Result<BTreeMap<String, String>, BuildError> {
        let described = match wishes.is_unasked {
            true => None,
            false => {
                observe("asking the model for its parameters, in a container that may do nothing");
                let answer = ask(client, id, None, &["--describe"]).await?;
                let end = |text: &str| {
                    let lines: Vec<&str> = text.lines().collect();
                    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
                };
                match answer.status {
                    Some(0) => Description::find(&answer.output),
                    status => {
                        let how = status.map_or("it did not end in time".into(), |status| {
                            format!("it exited with status {status}")
                        });
                        let log = if answer.log.is_empty() { end(&answer.output) } else { end(&answer.log) };
                        return Err(BuildError::Undescribed { told: format!("{how}\n{log}") });
                    }
                }
            }
        };
        labels_of(&self.manifest, described.as_ref(), &self.folder, wishes.time.map(rfc3339))
            .map_err(|error| BuildError::Unwritable(error.into()))
    }
}

fn own_instructions(folder: &Path) -> io::Result<Option<(&'static str, String)>> {
    for name in OWN {
        match fs::read_to_string(folder.join(name)) {
            Ok(text) => return Ok(Some((name, text))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

fn model_of(command: &[String], folder: &Path, wishes: &Wishes) -> Result<Model, BuildError> {
    let program = &command[0];
    let unknown = || BuildError::Unknown { folder: folder.to_owned(), program: program.clone() };
    if is_python(program) {
        let mut entrypoint = vec!["python3".to_owned()];
        let mut rest = &command[1..];
        if let Some(file) = rest.first().filter(|file| file.ends_with(".py")) {
            let start = wishes.interpreter.plain_start(&folder.join(file), folder);
            entrypoint.extend(start.map_err(|told| BuildError::Tool { doing: "looking at the model's file", told })?);
            entrypoint.push(file.clone());
            rest = &rest[1..];
        }
        entrypoint.extend(rest.iter().cloned());
        return Ok(Model::Python { entrypoint });
    }
    if program == "cargo" {
        let arguments = command.iter().skip_while(|word| *word != "--").skip(1).cloned().collect();
        return Ok(Model::Program { file: None, arguments });
    }
    let file = find_program(program, folder).filter(|file| is_program(file)).ok_or_else(unknown)?;
    Ok(Model::Program { file: Some(file), arguments: command[1..].to_vec() })
}

/// Compiles a Rust model. Gives its program.
fn cargo_build(folder: &Path, observe: &mut (dyn FnMut(&str) + Send)) -> Result<PathBuf, BuildError> {
    observe("compiling the model (cargo)");
    let command = ["cargo", "build", "--release", "--message-format=json-render-diagnostics"].map(Into::into);
    let failed = |told| BuildError::Tool { doing: "cargo build", told };
    let told = run_tool(&command, folder, |line| observe(line.trim())).map_err(failed)?;
    let mut programs = told.lines().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        message.get("executable")?.as_str().map(PathBuf::from)
    });
    programs.next_back().ok_or_else(|| failed("it makes no program".into()))
}

/// The version of a base's Python.
async fn python_of(client: &Client, base: &str) -> Result<String, BuildError> {
    if client.image(base).await?.is_none() {
        let way_out = match base == DEFAULT_BASE {
            true => "`make base-image` in a checkout of Tagger makes it; --base names another one",
            false => "pull it first",
        };
        return Err(BuildError::NoBase { base: base.to_owned(), way_out });
    }
    let told = match ask(client, base, Some(vec!["python3".into()]), &["-c", VERSION]).await {
        Ok(answer) if answer.status == Some(0) => return Ok(answer.output.trim().to_owned()),
        Ok(answer) => answer.log,
        Err(error) => error.to_string(),
    };
    Err(BuildError::NoPython { base: base.to_owned(), told })
}

/// Writes an archive and has the engine take it in.
async fn load(client: &Client, layers: &mut [Layer], settings: &Settings, name: &str) -> Result<String, BuildError> {
    let mut archive = NamedTempFile::new().map_err(BuildError::Unwritable)?;
    let id = write_archive(layers, settings, &full_name(name, client.is_podman()), io::BufWriter::new(&mut archive))
        .map_err(BuildError::Unwritable)?;
    let file = tokio::fs::File::open(archive.path()).await.map_err(BuildError::Unwritable)?;
    client.load_images(file).await?;
    Ok(id)
}

/// A name as its engine completes it. For Podman, one without a registry belongs to this machine; Docker finds it as it
/// is.
fn full_name(name: &str, is_podman: bool) -> String {
    let (first, has_more) = name.split_once('/').map_or((name, false), |(first, _)| (first, true));
    let is_registry = has_more && (first.contains(['.', ':']) || first == "localhost");
    let last = name.rsplit('/').next().unwrap_or(name);
    let tag = if last.contains(':') { "" } else { ":latest" };
    let registry = if is_registry || !is_podman { "" } else { "localhost/" };
    format!("{registry}{name}{tag}")
}

/// The instructions that write labels on an image, in one step and always in the same order.
fn label_instructions(id: &str, labels: &BTreeMap<String, String>) -> String {
    // Within quotes, three characters have a meaning; a line's end would end the instruction.
    let quoted = |text: &str| {
        let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$").replace(['\n', '\r'], " ");
        format!("\"{text}\"")
    };
    let pairs: Vec<String> = labels.iter().map(|(key, value)| format!("{}={}", quoted(key), quoted(value))).collect();
    format!("FROM {id}\nLABEL {}\n", pairs.join(" "))
}

/// Sends a context while it is written, and has the engine build it.
async fn send(
    client: &Client,
    context: Tree,
    build: &Build,
    observe: &mut (dyn FnMut(&str) + Send),
) -> Result<String, BuildError> {
    let (reader, writer) = tokio::io::duplex(1 << 20);
    let time = build.time;
    let writing = spawn_blocking(move || context.write(io::BufWriter::new(SyncIoBridge::new(writer)), time));
    let built = client.build_image(reader, build, |progress| observe(&progress.text)).await;
    match (built, writing.await) {
        (Ok(id), _) => Ok(id),
        // What broke off on our side is what the engine complains about; an engine that stopped to listen is not.
        (Err(_), Ok(Err(error))) if error.kind() != io::ErrorKind::BrokenPipe => Err(BuildError::Unwritable(error)),
        (Err(error), _) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    /// A model's folder with these files.
    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    fn manifest(command: &str) -> String {
        format!("name = 'light'\nkind = 'frame'\ncommand = {command}")
    }

    fn plan(files: &[(&str, &str)]) -> Result<Plan, String> {
        let folder = folder(files);
        let told = |error: BuildError| error.to_string().replace(folder.path().to_str().unwrap(), "FOLDER");
        Plan::of(folder.path(), &Wishes::default()).map_err(told)
    }

    #[test]
    fn a_file_that_only_has_a_class_is_started_by_the_sdk() {
        let manifest = manifest("['python3', 'model.py', '--quick']");
        let entrypoint = |code: &str| match plan(&[("tagger.toml", &manifest), ("model.py", code)]).unwrap().way {
            Way::Made(Model::Python { entrypoint }) => entrypoint.join(" "),
            other => panic!("{other:?}"),
        };
        let class = "from common_ml import FrameModel\nclass Light(FrameModel): pass\n";
        assert_eq!(entrypoint(class), "python3 -u -m common_ml.runner model.py --quick");
        assert_eq!(entrypoint("run_default(Light)\n"), "python3 -u model.py --quick");
    }

    #[test]
    fn instructions_in_the_folder_come_first() {
        let manifest = manifest("['./run.sh']");
        let plan = plan(&[("tagger.toml", &manifest), ("Containerfile", "FROM scratch\n")]).unwrap();
        assert_eq!(plan.containerfile().unwrap(), "FROM scratch\n");
    }

    #[test]
    fn what_cannot_become_an_image_is_told() {
        let script = manifest("['./run.sh']");
        assert_snapshot!(plan(&[("tagger.toml", &script), ("run.sh", "#!/bin/sh\n")]).unwrap_err(), @"cannot tell how to make an image of `FOLDER`: it starts `./run.sh`, which is neither Python nor a program; write a Containerfile there");
        let image = "name = 'light'\nkind = 'frame'\nimage = 'light:1'";
        assert_snapshot!(plan(&[("tagger.toml", image)]).unwrap_err(), @"model `light` is image `light:1` already");
        assert_snapshot!(plan(&[]).unwrap_err(), @"cannot read `FOLDER/tagger.toml`");
    }

    #[test]
    fn names_are_completed_as_engines_do() {
        let names = ["x", "x:1", "team/x", "localhost/x:1", "localhost:5000/x"];
        let full = names.map(|name| full_name(name, true));
        assert_eq!(
            full,
            [
                "localhost/x:latest",
                "localhost/x:1",
                "localhost/team/x:latest",
                "localhost/x:1",
                "localhost:5000/x:latest"
            ]
        );
        let full = names.map(|name| full_name(name, false));
        assert_eq!(full, ["x:latest", "x:1", "team/x:latest", "localhost/x:1", "localhost:5000/x:latest"]);
    }
}
