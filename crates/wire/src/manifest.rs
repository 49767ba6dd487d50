//! What a model says of itself: the file `tagger.toml` in its folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The name of the manifest in a model's folder.
pub const MANIFEST_FILE: &str = "tagger.toml";

/// No program has a reason to be silent for longer.
const LONGEST_SILENCE_SECONDS: f64 = 366.0 * 86400.0;

/// What a model is, takes and writes, and how it is started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The name users type: letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// What the model takes.
    pub kind: ModelKind,
    /// One sentence for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The program, started in the manifest's folder. Exactly one of `command` and `image` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    /// The container image that holds the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Which files of the folder are weights, as patterns (`nets/*.onnx`): an image holds each in a layer of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weights: Vec<String>,
    /// The track of tags that name none. Default: the model's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_track: Option<String>,
    /// Tracks the model writes, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tracks: BTreeMap<String, Track>,
    /// Tracks the model reads, which other models write.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<String>,
    /// What the program occupies while it runs, in named numbers: `cpu`, `memory`, `gpu`, or anything else.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub resources: BTreeMap<String, f64>,
    /// What the program needs beyond what a container is allowed by itself. The operator has to allow it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Need>,
    /// How long the program may write no line of output before it is taken for dead, in seconds. Default: what the
    /// runtime is set to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress_timeout_seconds: Option<f64>,
    /// The parameters the model takes, as a JSON Schema of one object. Absent: anything is passed on unchecked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Map<String, Value>>,
}

/// What a container is not allowed by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// The network of the machine.
    Network,
    /// `ELV_TOKEN`, the token with which a model fetches more by itself.
    Token,
    /// To write over files of its image, in a copy that goes with the container.
    WritableRoot,
}

impl Need {
    /// As it is written in manifests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Token => "token",
            Self::WritableRoot => "writable-root",
        }
    }
}

/// What a model takes as input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelKind {
    /// Pictures: stills, and sampled frames of video.
    Frame,
    /// Whole video files.
    Video,
    /// Whole files with sound.
    Audio,
    /// Time ranges; the model fetches what it needs itself.
    Processor,
}

/// A lane of tags, for people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Track {
    /// A short title.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// What its tags mean.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
}

/// How a model is started.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Program<'a> {
    /// A program and its first arguments, never empty.
    Command(&'a [String]),
    /// A container image.
    Image(&'a str),
}

/// Why a manifest cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// The manifest.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The text is not TOML, or a field is missing, unknown or of another type.
    #[error("{}:{line}: {problem}", path.display())]
    Invalid {
        /// The manifest.
        path: PathBuf,
        /// Where in it, from 1.
        line: usize,
        /// What is wrong there.
        problem: String,
    },
}

impl Manifest {
    /// Reads the manifest at `path`.
    ///
    /// # Errors
    /// [`ManifestError`], which names the file and, for its contents, the line.
    pub fn load(path: &Path) -> Result<Self, ManifestError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ManifestError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(&text, path)
    }

    /// Reads a manifest from text; `path` is only named in errors.
    ///
    /// # Errors
    /// [`ManifestError::Invalid`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, ManifestError> {
        let invalid = |line, problem| ManifestError::Invalid { path: path.to_owned(), line, problem };
        let manifest: Self = toml::from_str(text).map_err(|e| {
            let line = e.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
            invalid(line, e.message().replace('\n', ", "))
        })?;
        match manifest.fault() {
            Some((field, problem)) => Err(invalid(line_of(text, field), problem)),
            None => Ok(manifest),
        }
    }

    /// Reads the manifest that is written on `image`, as one JSON object; `path` is only named in errors. What it says of
    /// how the program is started is the image's own affair.
    ///
    /// # Errors
    /// [`ManifestError::Invalid`].
    pub fn of_image(json: &str, image: &str, path: &Path) -> Result<Self, ManifestError> {
        let invalid = |line, problem| ManifestError::Invalid { path: path.to_owned(), line, problem };
        let mut fields = Self::parameters_of(json, path)?;
        fields.remove("command");
        fields.insert("image".to_owned(), image.into());
        let manifest: Self = serde_json::from_value(Value::Object(fields)).map_err(|e| invalid(1, e.to_string()))?;
        match manifest.fault() {
            Some((_, problem)) => Err(invalid(1, problem)),
            None => Ok(manifest),
        }
    }

    /// Reads one JSON object, such as the schema of an image's parameters; `path` is only named in errors.
    ///
    /// # Errors
    /// [`ManifestError::Invalid`].
    pub fn parameters_of(json: &str, path: &Path) -> Result<Map<String, Value>, ManifestError> {
        serde_json::from_str(json).map_err(|e| {
            let (path, line, problem) = (path.to_owned(), e.line().max(1), e.to_string());
            ManifestError::Invalid { path, line, problem }
        })
    }

    /// How the model is started.
    pub fn program(&self) -> Program<'_> {
        match (&self.command, &self.image) {
            (Some(command), _) => Program::Command(command),
            (None, Some(image)) => Program::Image(image),
            (None, None) => Program::Command(&[]), // `parse` lets no such manifest through
        }
    }

    /// The track of tags that name none.
    pub fn default_track(&self) -> &str {
        self.default_track.as_deref().unwrap_or(&self.name)
    }

    /// The first rule that the types alone do not keep: the field to blame, and why.
    fn fault(&self) -> Option<(&'static str, String)> {
        let named = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if self.name.is_empty() || !self.name.chars().all(named) {
            return Some(("name", format!("name `{}` may hold letters, digits, `-`, `_` and `.` only", self.name)));
        }
        match (&self.command, &self.image) {
            (None, None) => return Some(("name", "either `command` or `image` must say what to start".into())),
            (Some(_), Some(_)) => return Some(("image", "`command` and `image` exclude each other".into())),
            (Some(command), None) if command.is_empty() || command[0].is_empty() => {
                return Some(("command", "`command` is empty: its first element is the program".into()));
            }
            _ => {}
        }
        if let Some((name, amount)) = self.resources.iter().find(|(_, amount)| !(**amount >= 0.0 && amount.is_finite()))
        {
            return Some(("[resources]", format!("resource `{name}` is {amount}: a number from 0 is needed")));
        }
        if let Some(seconds) = self.progress_timeout_seconds
            && !(seconds > 0.0 && seconds <= LONGEST_SILENCE_SECONDS)
        {
            let problem = format!("`progress_timeout_seconds` is {seconds}: seconds above 0, up to a year, are needed");
            return Some(("progress_timeout_seconds", problem));
        }
        match self.parameters.as_ref()?.get("type") {
            None => None,
            Some(Value::String(word)) if word == "object" => None,
            Some(other) => Some(("[parameters", format!("parameters describe an object, not `{other}`"))),
        }
    }
}

/// The line, from 1, that a field or table starts on; the first one if it is not there.
fn line_of(text: &str, field: &str) -> usize {
    text.lines().position(|line| line.trim_start().starts_with(field)).map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    fn parse(text: &str) -> Result<Manifest, String> {
        Manifest::parse(text, Path::new("models/x/tagger.toml")).map_err(|e| e.to_string())
    }

    #[test]
    fn a_full_manifest_is_read() {
        let manifest = parse(
            r#"
            name = "ocr"
            kind = "frame"
            description = "Reads text."
            command = ["python3", "model.py"]
            default_track = "optical_character_recognition"
            inputs = ["shot_detection"]
            [tracks.optical_character_recognition]
            label = "Text"
            [resources]
            gpu = 1
            memory = 2e9
            [parameters.properties.threshold]
            type = "number"
            minimum = 0
            "#,
        )
        .unwrap();
        assert_eq!(manifest.kind, ModelKind::Frame);
        assert_eq!(manifest.default_track(), "optical_character_recognition");
        assert_eq!(manifest.program(), Program::Command(&["python3".into(), "model.py".into()]));
        assert_eq!(manifest.parameters.unwrap()["properties"]["threshold"]["minimum"], 0);
        assert_eq!(manifest.resources["gpu"], 1.0);
    }

    #[test]
    fn the_default_track_is_named_after_the_model() {
        let manifest = parse("name = 'caption'\nkind = 'frame'\nimage = 'caption:1'").unwrap();
        assert_eq!(manifest.default_track(), "caption");
        assert_eq!(manifest.program(), Program::Image("caption:1"));
    }

    #[test]
    fn errors_name_the_file_the_line_and_what_is_wrong() {
        let wrong = |text: &str| parse(text).unwrap_err();
        assert_snapshot!(wrong("name = 'x'\nkind = 'picture'\ncommand = ['x']"), @"models/x/tagger.toml:2: unknown variant `picture`, expected one of `frame`, `video`, `audio`, `processor`");
        assert_snapshot!(wrong("name = 'x'\nkind = 'frame'\ncommand = ['x']\ntreshold = 1"), @"models/x/tagger.toml:4: unknown field `treshold`, expected one of `name`, `kind`, `description`, `command`, `image`, `weights`, `default_track`, `tracks`, `inputs`, `resources`, `needs`, `progress_timeout_seconds`, `parameters`");
        assert_snapshot!(wrong("name = 'x'\nname = "), @"models/x/tagger.toml:2: string values must be quoted, expected literal string");
        assert_snapshot!(wrong("name = 'x'\ncommand = ['x']"), @"models/x/tagger.toml:1: missing field `kind`");
        assert_snapshot!(wrong("kind = 'frame'\nname = 'a b'\ncommand = ['x']"), @"models/x/tagger.toml:2: name `a b` may hold letters, digits, `-`, `_` and `.` only");
        assert_snapshot!(wrong("name = 'x'\nkind = 'frame'"), @"models/x/tagger.toml:1: either `command` or `image` must say what to start");
        assert_snapshot!(wrong("name = 'x'\nkind = 'frame'\ncommand = ['x']\nimage = 'x'"), @"models/x/tagger.toml:4: `command` and `image` exclude each other");
        assert_snapshot!(wrong("name = 'x'\nkind = 'frame'\ncommand = []"), @"models/x/tagger.toml:3: `command` is empty: its first element is the program");
        assert_snapshot!(wrong("name = 'x'\nkind = 'frame'\ncommand = ['x']\n[resources]\ngpu = -1"), @"models/x/tagger.toml:4: resource `gpu` is -1: a number from 0 is needed");
        assert_snapshot!(wrong("name = 'x'\nkind = 'frame'\ncommand = ['x']\nprogress_timeout_seconds = 0"), @"models/x/tagger.toml:4: `progress_timeout_seconds` is 0: seconds above 0, up to a year, are needed");
        assert_snapshot!(wrong("name = 'x'\nkind = 'frame'\ncommand = ['x']\n[parameters]\ntype = 'array'"), @r#"models/x/tagger.toml:4: parameters describe an object, not `"array"`"#);
    }

    #[test]
    fn the_manifest_of_an_image_starts_that_image() {
        let of_image = |json: &str| {
            Manifest::of_image(json, "ocr:2", Path::new("io.tagger.manifest")).map_err(|error| error.to_string())
        };
        let manifest =
            of_image(r#"{"name": "ocr", "kind": "frame", "command": ["python3", "ocr.py"], "needs": ["network"]}"#)
                .unwrap();
        assert_eq!((manifest.program(), &manifest.needs[..]), (Program::Image("ocr:2"), &[Need::Network][..]));
        assert_snapshot!(of_image("[]").unwrap_err(), @"io.tagger.manifest:1: invalid type: sequence, expected a map at line 1 column 0");
        assert_snapshot!(of_image(r#"{"name": "o c r", "kind": "frame"}"#).unwrap_err(), @"io.tagger.manifest:1: name `o c r` may hold letters, digits, `-`, `_` and `.` only");
    }
}
