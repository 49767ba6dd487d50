//! What the file may say, and where in it something is wrong.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::{NonZeroU8, NonZeroU16, NonZeroU32};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tagger_wire::{ModelKind, Need};
use toml::Spanned;

use crate::Pull;
use crate::schedule::Amount;

use super::values::{Bytes, Gpu, Number, Seconds};
use super::{ConfigError, ModelOverride};

/// The file as it is written: what it leaves open is `None`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    pub listen: Option<SocketAddr>,
    pub data: Option<PathBuf>,
    pub token_file: Option<PathBuf>,
    pub roots: Option<Vec<Spanned<PathBuf>>>,
    pub models: Vec<Spanned<PathBuf>>,
    pub resources: Resources,
    pub parts: Parts,
    pub store: Store,
    pub retries: Retries,
    pub limits: Limits,
    pub containers: Containers,
    pub model: BTreeMap<String, Model>,
}

/// Named numbers; `gpus` is a list.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Resources(BTreeMap<String, Spanned<Resource>>);

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "a resource is a number from 0; `gpus` is a list of device numbers or names")]
enum Resource {
    Amount(Number),
    Devices(Vec<Gpu>),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Parts {
    pub seconds: Option<Seconds>,
    pub disk: Option<Bytes>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Store {
    pub keep_replaced_days: Option<Number>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Retries {
    pub part_attempts: Option<NonZeroU8>,
    pub barren_attempts: Option<NonZeroU8>,
    pub first_rest_seconds: Option<Seconds>,
    pub longest_rest_seconds: Option<Seconds>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Limits {
    pub progress_timeout_seconds: Option<Seconds>,
    pub output: Option<Bytes>,
    pub tags_per_part: Option<NonZeroU32>,
    pub log: Option<Bytes>,
    pub request: Option<Bytes>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Model {
    pub max_running: Option<NonZeroU16>,
    pub priority: Option<i32>,
    pub progress_timeout_seconds: Option<Seconds>,
    pub resources: BTreeMap<String, Number>,
    pub image: Option<String>,
    pub kind: Option<ModelKind>,
    pub allow: Vec<Need>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Containers {
    pub pull: Option<Pull>,
    pub gpu_kind: Option<String>,
}

impl File {
    /// Reads the file from text; `path` is only named in errors.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let invalid = |at: usize, problem| {
            let line = text[..at.min(text.len())].matches('\n').count() + 1;
            ConfigError::Invalid { path: path.to_owned(), line, problem }
        };
        let file: Self = toml::from_str(text)
            .map_err(|error| invalid(error.span().map_or(0, |span| span.start), in_words(error.message())))?;
        match file.resources.fault().or_else(|| file.missing_folder(path)) {
            Some((at, problem)) => Err(invalid(at, problem)),
            None => Ok(file),
        }
    }

    /// The first folder that is named and not there, and where it is named.
    fn missing_folder(&self, path: &Path) -> Option<(usize, String)> {
        let from = path.parent().unwrap_or(path);
        let roots = self.roots.iter().flatten().map(|folder| ("roots", folder));
        let mut named = roots.chain(self.models.iter().map(|folder| ("models", folder)));
        let (key, folder) = named.find(|(_, folder)| !from.join(folder.get_ref()).is_dir())?;
        let problem = format!("there is no folder `{}`, which `{key}` names", from.join(folder.get_ref()).display());
        Some((folder.span().start, problem))
    }
}

impl Resources {
    /// The named numbers, with processors, memory and processes of this machine where the file says nothing of them.
    pub fn amounts(&self, processors: f64, memory_bytes: f64, processes: f64) -> BTreeMap<String, Amount> {
        let found = [("cpu", processors), ("memory", memory_bytes), ("processes", processes)]
            .map(|(name, amount)| (name.to_owned(), amount));
        let named = self.0.iter().filter_map(|(name, resource)| match resource.get_ref() {
            Resource::Amount(amount) => Some((name.clone(), amount.0)),
            Resource::Devices(_) => None,
        });
        found.into_iter().chain(named).filter_map(|(name, units)| Some((name, Amount::from_units(units)?))).collect()
    }

    /// The devices, if the file says.
    pub fn gpus(&self) -> Option<Vec<String>> {
        match self.0.get("gpus")?.get_ref() {
            Resource::Devices(devices) => Some(devices.iter().map(ToString::to_string).collect()),
            Resource::Amount(_) => None,
        }
    }

    /// The first rule that the types alone do not keep, and where it is broken.
    fn fault(&self) -> Option<(usize, String)> {
        self.0.iter().find_map(|(name, resource)| {
            let problem = match (name.as_str(), resource.get_ref()) {
                ("gpus", Resource::Amount(_)) => "`gpus` is a list of devices, such as [0, 1]".to_owned(),
                ("gpus", Resource::Devices(devices)) => {
                    let mut known: Vec<String> = devices.iter().map(ToString::to_string).collect();
                    known.sort();
                    let twice = known.windows(2).find(|pair| pair[0] == pair[1])?;
                    format!("device `{}` is listed twice", twice[0])
                }
                ("gpu", _) => "the devices are listed, not counted: `gpus = [0, 1]`".to_owned(),
                (name, Resource::Devices(_)) => format!("resource `{name}` is a number from 0; only `gpus` is a list"),
                (_, Resource::Amount(_)) => return None,
            };
            Some((resource.span().start, problem))
        })
    }
}

impl Model {
    pub fn into_override(self) -> ModelOverride {
        ModelOverride {
            priority: self.priority,
            progress_timeout: self.progress_timeout_seconds.map(|seconds| seconds.0),
            image: self.image,
            kind: self.kind,
            allow: self.allow,
            resources: self.resources.into_iter().map(|(name, amount)| (name, amount.0)).collect(),
        }
    }
}

/// The parser's words in one line, and for a key that does not exist the one that was probably meant.
fn in_words(message: &str) -> String {
    let message = message.replace('\n', ", ");
    let Some((key, known)) = message.strip_prefix("unknown field `").and_then(|rest| rest.split_once("`, expected "))
    else {
        return message;
    };
    // Every second piece between backticks is a name.
    let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
    let likeness = |other: &str| strsim::jaro_winkler(other, key);
    match known.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b))).filter(|near| likeness(near) > 0.75) {
        Some(near) => format!("unknown key `{key}`; did you mean `{near}`?"),
        None => format!("unknown key `{key}`; here may stand {}", known.join(", ")),
    }
}
