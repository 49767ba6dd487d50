//! How a model's program is started under the contract, wherever it runs: its arguments, and where its output goes.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use tagger_wire::Need;

use crate::executor::{Bounds, Container, Grants, Launch, LogFile};
use crate::oci::{HOME, OUTPUT, OUTPUT_FILE, lay_out};
use crate::{Containers, Model};

/// The variable with the content's name.
pub(crate) const CONTENT: &str = "ELV_CONTENT";
/// The variable with a token for it.
const TOKEN: &str = "ELV_TOKEN";

/// A start that is about to be made.
pub(crate) struct Start<'a> {
    pub model: &'a Model,
    /// What the program is given besides those of its own, with the path of its output as it sees that.
    pub arguments: &'a dyn Fn(&OsStr) -> Vec<OsString>,
    /// A folder that exists and in which nothing has this `name` yet.
    pub folder: &'a Path,
    pub name: &'a str,
    /// What the program is fed.
    pub paths: &'a [String],
    /// The content that all of them are of, if it is one.
    pub content: Option<&'a str>,
    /// The job it is started for, if it is one that survives this process.
    pub job: Option<&'a str>,
    pub env: Vec<(OsString, OsString)>,
    pub log: Option<LogFile>,
    /// What a container may have.
    pub limits: Bounds,
    /// Devices of a container by their CDI names.
    pub devices: Vec<String>,
    pub containers: &'a Containers,
}

/// The arguments that the contract asks for.
pub(crate) fn arguments(params: &Map<String, Value>) -> impl Fn(&OsStr) -> Vec<OsString> {
    let params = Value::Object(params.clone()).to_string();
    move |output| vec!["--output-path".into(), output.into(), "--params".into(), params.clone().into()]
}

impl Start<'_> {
    /// What an executor is to start, and the file that its output goes to.
    ///
    /// # Errors
    /// A container's folders cannot be made.
    pub fn launch(self) -> io::Result<(Launch, PathBuf)> {
        let with_arguments = |output: &OsStr| [self.model.command.clone(), (self.arguments)(output)].concat();
        let Some(image) = &self.model.image else {
            let output = self.folder.join(format!("{}.jsonl", self.name));
            let launch = Launch {
                command: with_arguments(output.as_os_str()),
                folder: self.model.folder.clone(),
                env: self.env,
                mark: output.clone().into(),
                log: self.log,
                container: None,
            };
            return Ok((launch, output));
        };
        let own = self.folder.join(self.name);
        lay_out(&own)?;
        let needs = |need| self.model.needs().contains(&need);
        let mut env = self.env;
        env.extend(self.content.map(|content| (CONTENT.into(), content.into())));
        // Programs that write bytecode or caches beside their code cannot: their files are read only.
        env.push(("PYTHONDONTWRITEBYTECODE".into(), "1".into()));
        let token = std::env::var(TOKEN).ok().filter(|_| needs(Need::Token));
        env.extend(token.iter().map(|token| (TOKEN.into(), token.into())));
        let container = Container {
            image: image.id.clone(),
            image_name: Some(image.name.clone()),
            folder: own.clone(),
            files: self.paths.iter().map(PathBuf::from).collect(),
            cache: self.containers.cache_of(image)?,
            limits: self.limits,
            grants: Grants { network: needs(Need::Network), writable_root: needs(Need::WritableRoot) },
            devices: self.devices,
            secrets: token.into_iter().collect(),
            job: self.job.map(str::to_owned),
            running: None,
        };
        let launch = Launch {
            command: with_arguments(format!("{HOME}/{OUTPUT}/{OUTPUT_FILE}").as_ref()),
            env,
            log: self.log,
            container: Some(container),
            ..Launch::default()
        };
        Ok((launch, own.join(OUTPUT).join(OUTPUT_FILE)))
    }
}
