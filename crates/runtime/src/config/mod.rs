//! How a server is set up: one file, the environment over it, flags over both.
//!
//! [`Config::resolve`] reads the file, checks it and fills in what it leaves open. What it says then is everything there
//! is to know: nothing else in the runtime reads the environment or has a default of its own.

mod file;
mod here;
mod values;

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tagger_wire::{ModelKind, Need};

use crate::jobs::{BackOff, Rules};
use crate::oci::ImageModel;
use crate::schedule::{Amount, Machine, Needs, NeedsError};
use crate::{Model, Pull};

use file::File;

/// The name of the file that is read from the data folder where no other is named.
pub const CONFIG_FILE: &str = "tagger-server.toml";

/// Everything about a server that somebody may choose.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The file it was read from, if there is one.
    pub file: Option<PathBuf>,
    /// Where the HTTP API listens. Default: `127.0.0.1:8086`.
    pub listen: SocketAddr,
    /// The folder for database, parts and logs. Default: `tagger-data` in the folder where the server starts.
    pub data: PathBuf,
    /// What clients have to know. Default: none, which is possible on the loopback address only.
    pub token: Option<Token>,
    /// Media and models given by path have to lie in one of these folders. Default: the folder where the server starts.
    pub roots: Vec<PathBuf>,
    /// Folders that are searched for models by name, before those that come with Tagger. Default: none.
    pub models: Vec<PathBuf>,
    /// What there is to lend, and how much of it a model may have.
    pub machine: Machine,
    /// Long media and the room for their parts.
    pub parts: PartSettings,
    /// What was stored.
    pub store: StoreSettings,
    /// How often failed work is tried again.
    pub rules: Rules,
    /// How far a program may go.
    pub limits: Limits,
    /// Models in containers.
    pub containers: ContainerSettings,
    /// What is different for single models, by name.
    pub overrides: BTreeMap<String, ModelOverride>,
}

/// Long media and the room for their parts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PartSettings {
    /// How long a part should be. Default: 30 s.
    pub length: Duration,
    /// How much room all parts together may take on the disk. Default: 50 GB.
    pub disk_bytes: u64,
}

/// What was stored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StoreSettings {
    /// For how many days tags that were replaced or taken back can be read again. Default: 30.
    pub keep_replaced_days: f64,
}

impl StoreSettings {
    /// What was replaced before this is given up, in milliseconds since 1970.
    pub fn keeps_since_ms(&self, now_ms: i64) -> i64 {
        // As large a number of days as anybody likes: a float that fits nowhere becomes the largest number.
        now_ms.saturating_sub((self.keep_replaced_days * 86_400_000.0) as i64)
    }
}

/// How far a program may go before it is ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// It has to write a line of output within this time, unless its manifest says otherwise. Default: 10 minutes.
    pub progress_timeout: Duration,
    /// How much output one attempt may write. Default: 1 GB.
    pub output_bytes: u64,
    /// How many tags a part may have. Default: 1,000,000.
    pub tags_per_part: u64,
    /// How much of a program's log is kept for each attempt; the middle is left out. Default: 16 MB.
    pub log_bytes: u64,
    /// How large the body of an HTTP request may be. Default: 1 MB.
    pub request_bytes: u64,
}

/// Models in containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerSettings {
    /// When images are fetched. Default: when they are missing.
    pub pull: Pull,
    /// What the CDI names of the devices begin with. Default: `nvidia.com/gpu`.
    pub gpu_kind: String,
}

impl ContainerSettings {
    /// The CDI name of a device.
    pub(crate) fn device(&self, gpu: &str) -> String {
        format!("{}={gpu}", self.gpu_kind)
    }
}

/// What is different for one model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ModelOverride {
    /// The priority of jobs that ask for none.
    pub priority: Option<i32>,
    /// In place of the manifest's `progress_timeout_seconds`.
    pub progress_timeout: Option<Duration>,
    /// Single resources in place of the manifest's.
    pub resources: BTreeMap<String, f64>,
    /// The image that it is, so that jobs can name it.
    pub image: Option<String>,
    /// What that image takes, where it does not say.
    pub kind: Option<ModelKind>,
    /// What its container may do besides.
    pub allow: Vec<Need>,
}

/// A secret that clients show. Neither printed nor logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Whether that is the token. Takes the same time however much of it is right.
    pub fn is(&self, offered: &str) -> bool {
        let (own, offered) = (self.0.as_bytes(), offered.as_bytes());
        let differing = own.iter().zip(offered).fold(0, |bits, (a, b)| bits | (a ^ b));
        own.len() == offered.len() && differing == 0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// What the environment or a flag puts in the place of what the file says.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// The file to read. Default: `tagger-server.toml` in the data folder, if it is there.
    pub file: Option<PathBuf>,
    /// [`Config::listen`].
    pub listen: Option<SocketAddr>,
    /// [`Config::data`].
    pub data: Option<PathBuf>,
    /// [`Config::token`].
    pub token: Option<String>,
}

/// Why a server cannot be set up like this.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Something in the file does not hold.
    #[error("{}:{line}: {problem}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Where in it, from 1.
        line: usize,
        /// What is wrong there.
        problem: String,
    },
    /// The file that holds the token cannot be read.
    #[error("cannot read the token from `{}`", path.display())]
    TokenFile {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A token that nobody could show, or anybody guess.
    #[error("the token must have at least 16 visible ASCII characters, without spaces")]
    BadToken,
    /// Open to the network without a token.
    #[error(
        "listening on {listen} lets the network in: set a token with `token_file` or TAGGER_TOKEN, or listen on 127.0.0.1"
    )]
    NoToken {
        /// The address.
        listen: SocketAddr,
    },
    /// A folder that media may lie in is not there.
    #[error("there is no folder `{}`, which `roots` names", path.display())]
    NoRoot {
        /// The folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}

impl Config {
    /// Reads the file, if there is one, puts `overrides` over it, and fills in what both leave open.
    ///
    /// Relative paths in the file are taken from the file's folder, others from `here`, the folder where the server
    /// starts.
    ///
    /// # Errors
    /// [`ConfigError`], which names the file and, for what is in it, the line.
    pub fn resolve(overrides: Overrides, here: &Path) -> Result<Self, ConfigError> {
        let named = overrides.file.map(|path| here.join(path));
        let beside_data = || here.join(overrides.data.as_deref().unwrap_or(Path::new("tagger-data"))).join(CONFIG_FILE);
        let path = named.or_else(|| Some(beside_data()).filter(|path| path.exists()));
        let file = match &path {
            None => File::default(),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|source| ConfigError::Unreadable { path: path.clone(), source })?;
                File::parse(&text, path)?
            }
        };
        let from = path.as_deref().and_then(Path::parent).unwrap_or(here);
        let data = match (overrides.data, file.data) {
            (Some(data), _) => here.join(data),
            (None, Some(data)) => from.join(data),
            (None, None) => here.join("tagger-data"),
        };
        let token = match (overrides.token, file.token_file) {
            (Some(token), _) => Some(token),
            (None, Some(token_file)) => {
                let path = from.join(token_file);
                let text = std::fs::read_to_string(&path)
                    .map_err(|source| ConfigError::TokenFile { path: path.clone(), source })?;
                Some(text.trim_end().to_owned())
            }
            (None, None) => None,
        };
        let token = token.map(checked_token).transpose()?;
        let listen = overrides.listen.or(file.listen).unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8086)));
        if token.is_none() && !listen.ip().is_loopback() {
            return Err(ConfigError::NoToken { listen });
        }
        let roots = match file.roots {
            Some(roots) => roots.into_iter().map(|root| from.join(root.into_inner())).collect(),
            None => vec![here.to_owned()],
        };
        // Compared with where paths really lead, so links have to be followed here as well.
        let real = |path: PathBuf| path.canonicalize().map_err(|source| ConfigError::NoRoot { path, source });
        let (rules, limits) = (Rules::default(), file.limits);
        let default_back_off = BackOff::default();
        Ok(Self {
            listen,
            data,
            token,
            roots: roots.into_iter().map(real).collect::<Result<_, _>>()?,
            models: file.models.into_iter().map(|folder| from.join(folder.into_inner())).collect(),
            machine: Machine {
                amounts: file.resources.amounts(here::processors(), here::memory_bytes(), here::processes()),
                gpus: file.resources.gpus().unwrap_or_else(here::gpus),
                model_limits: file
                    .model
                    .iter()
                    .filter_map(|(name, model)| Some((name.clone(), usize::from(model.max_running?.get()))))
                    .collect(),
            },
            parts: PartSettings {
                length: file.parts.seconds.map_or(Duration::from_secs(30), |seconds| seconds.0),
                disk_bytes: file.parts.disk.map_or(50_000_000_000, |bytes| bytes.0),
            },
            store: StoreSettings { keep_replaced_days: file.store.keep_replaced_days.map_or(30.0, |days| days.0) },
            rules: Rules {
                part_attempts: file.retries.part_attempts.map_or(rules.part_attempts, |n| n.get().into()),
                barren_attempts: file.retries.barren_attempts.map_or(rules.barren_attempts, |n| n.get().into()),
                back_off: BackOff {
                    first: file.retries.first_rest_seconds.map_or(default_back_off.first, |seconds| seconds.0),
                    longest: file.retries.longest_rest_seconds.map_or(default_back_off.longest, |seconds| seconds.0),
                },
                ..rules
            },
            limits: Limits {
                progress_timeout: limits.progress_timeout_seconds.map_or(Duration::from_secs(600), |s| s.0),
                output_bytes: limits.output.map_or(1_000_000_000, |bytes| bytes.0),
                tags_per_part: limits.tags_per_part.map_or(1_000_000, |n| n.get().into()),
                log_bytes: limits.log.map_or(16_000_000, |bytes| bytes.0),
                request_bytes: limits.request.map_or(1_000_000, |bytes| bytes.0),
            },
            containers: ContainerSettings {
                pull: file.containers.pull.unwrap_or_default(),
                gpu_kind: file.containers.gpu_kind.unwrap_or_else(|| "nvidia.com/gpu".to_owned()),
            },
            overrides: file.model.into_iter().map(|(name, model)| (name, model.into_override())).collect(),
            file: path,
        })
    }

    /// What a job of `model` takes: the manifest's resources, with this configuration's over them; checked against the
    /// machine. Where neither says anything, a processor.
    ///
    /// # Errors
    /// [`NeedsError`] when the machine could never hold it.
    pub fn needs(&self, model: &str, resources: &BTreeMap<String, f64>) -> Result<Needs, NeedsError> {
        let mut resources = self.resources(model, resources);
        if resources.is_empty() {
            // Otherwise the programs of a thousand jobs would all start at once.
            let has = self.machine.amounts.get("cpu").map_or(0.0, |cpu| cpu.units());
            resources.insert("cpu".into(), has.min(1.0));
        }
        let needs = Needs::from_resources(&resources)?;
        self.machine.check(&needs)?;
        Ok(needs)
    }

    /// The manifest's resources, with this configuration's over them.
    pub(crate) fn resources(&self, model: &str, resources: &BTreeMap<String, f64>) -> BTreeMap<String, f64> {
        let configured = self.overrides.get(model).into_iter().flat_map(|model| &model.resources);
        resources.iter().chain(configured).map(|(name, amount)| (name.clone(), *amount)).collect()
    }

    /// The models that are images by this configuration.
    pub(crate) fn image_models(&self) -> Vec<Model> {
        let with_image = self.overrides.iter().filter_map(|(name, model)| Some((name, model, model.image.as_ref()?)));
        with_image
            .map(|(name, model, image)| {
                let image =
                    ImageModel { name: image.clone(), kind: model.kind, is_configured: true, ..ImageModel::default() };
                Model { name: name.clone(), image: Some(image.clone()), ..Model::of_image(&image.name) }
            })
            .collect()
    }

    /// How long a program of `model` may be silent, given what its manifest says.
    pub fn progress_timeout(&self, model: &str, manifest_seconds: Option<f64>) -> Duration {
        let configured = self.overrides.get(model).and_then(|model| model.progress_timeout);
        let declared = manifest_seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        configured.or(declared).unwrap_or(self.limits.progress_timeout)
    }
}

/// As a file that would say all of it, for people. A token is only told to be there.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |text: &dyn fmt::Display| toml::Value::String(text.to_string());
        let paths = |paths: &[PathBuf]| {
            toml::Value::Array(paths.iter().map(|path| toml::Value::String(path.display().to_string())).collect())
        };
        match &self.file {
            Some(file) => writeln!(f, "# from {}", file.display())?,
            None => writeln!(f, "# without a file")?,
        }
        writeln!(f, "listen = {}", text(&self.listen))?;
        writeln!(f, "data = {}", text(&self.data.display()))?;
        writeln!(f, "# token: {}", if self.token.is_some() { "set" } else { "none" })?;
        writeln!(f, "roots = {}", paths(&self.roots))?;
        writeln!(f, "models = {}", paths(&self.models))?;
        let gpus = toml::Value::Array(self.machine.gpus.iter().cloned().map(toml::Value::String).collect());
        writeln!(f, "\n[resources]\ngpus = {gpus}")?;
        for (name, amount) in &self.machine.amounts {
            writeln!(f, "{} = {}", key(name), Amount::units(*amount))?;
        }
        let (parts, rules, limits) = (&self.parts, &self.rules, &self.limits);
        writeln!(f, "\n[parts]\nseconds = {}", parts.length.as_secs_f64())?;
        writeln!(f, "disk = {}", parts.disk_bytes)?;
        writeln!(f, "\n[store]\nkeep_replaced_days = {}", self.store.keep_replaced_days)?;
        writeln!(f, "\n[retries]\npart_attempts = {}", rules.part_attempts)?;
        writeln!(f, "barren_attempts = {}", rules.barren_attempts)?;
        writeln!(f, "first_rest_seconds = {}", rules.back_off.first.as_secs_f64())?;
        writeln!(f, "longest_rest_seconds = {}", rules.back_off.longest.as_secs_f64())?;
        writeln!(f, "\n[limits]\nprogress_timeout_seconds = {}", limits.progress_timeout.as_secs_f64())?;
        writeln!(f, "output = {}", limits.output_bytes)?;
        writeln!(f, "tags_per_part = {}", limits.tags_per_part)?;
        writeln!(f, "log = {}", limits.log_bytes)?;
        writeln!(f, "request = {}", limits.request_bytes)?;
        let pull = toml::Value::try_from(self.containers.pull).map_err(|_| fmt::Error)?;
        write!(f, "\n[containers]\npull = {pull}\ngpu_kind = {}", text(&self.containers.gpu_kind))?;
        for (name, model) in &self.overrides {
            write!(f, "\n\n[model.{}]{}", key(name), self.model_lines(name, model)?)?;
        }
        Ok(())
    }
}

impl Config {
    fn model_lines(&self, name: &str, model: &ModelOverride) -> Result<String, fmt::Error> {
        let mut lines = String::new();
        if let Some(limit) = self.machine.model_limits.get(name) {
            write!(lines, "\nmax_running = {limit}")?;
        }
        if let Some(image) = &model.image {
            write!(lines, "\nimage = {}", toml::Value::String(image.clone()))?;
        }
        if let Some(kind) = model.kind {
            write!(lines, "\nkind = {}", toml::Value::try_from(kind).map_err(|_| fmt::Error)?)?;
        }
        if !model.allow.is_empty() {
            write!(lines, "\nallow = {}", toml::Value::try_from(&model.allow).map_err(|_| fmt::Error)?)?;
        }
        if let Some(priority) = model.priority {
            write!(lines, "\npriority = {priority}")?;
        }
        if let Some(timeout) = model.progress_timeout {
            write!(lines, "\nprogress_timeout_seconds = {}", timeout.as_secs_f64())?;
        }
        for (resource, amount) in &model.resources {
            write!(lines, "\nresources.{} = {amount}", key(resource))?;
        }
        Ok(lines)
    }
}

/// A name as a key: quoted unless it can stand for itself.
pub(crate) fn key(name: &str) -> String {
    let is_bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if is_bare { name.to_owned() } else { toml::Value::String(name.to_owned()).to_string() }
}

fn checked_token(token: String) -> Result<Token, ConfigError> {
    let is_good = token.len() >= 16 && token.bytes().all(|byte| byte.is_ascii_graphic());
    if is_good { Ok(Token(token)) } else { Err(ConfigError::BadToken) }
}

#[cfg(test)]
mod tests;
