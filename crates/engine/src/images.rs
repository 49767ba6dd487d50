//! Images: what is here, and how more come.

use std::collections::BTreeMap;
use std::time::Duration;

use hyper::Method;
use serde::Deserialize;
use serde_json::Value;
use tokio::io::AsyncRead;

use crate::{Body, Client, EngineError};

/// How long an engine may be silent while it moves images about.
const MOVING_PATIENCE: Duration = Duration::from_secs(600);

/// An image that is here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Image {
    /// The digest of its configuration, without `sha256:`: what it is, wherever it comes from.
    pub id: String,
    /// What its maker has written on it.
    pub labels: BTreeMap<String, String>,
    /// The same on its manifest; only Podman tells.
    pub annotations: BTreeMap<String, String>,
    /// Who it runs as. Empty: root.
    pub user: String,
    /// The program and its first arguments. Empty: `command` is all there is.
    pub entrypoint: Vec<String>,
    /// The arguments unless others are given.
    pub command: Vec<String>,
    /// Variables of its environment, as `NAME=value`.
    pub env: Vec<String>,
    /// How many bytes it takes.
    pub size_bytes: u64,
}

/// What an engine says while it works on something long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Its words, without the end of the line.
    pub text: String,
}

impl Client {
    /// What is known of an image. `None`: it is not here.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn image(&self, name: &str) -> Result<Option<Image>, EngineError> {
        let call = self.call(Method::GET, &format!("/images/{name}/json"), format!("look at image `{name}`"));
        let inspected: Inspected = match call.send().await {
            Ok(answer) => answer.json().await?,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(Some(inspected.into()))
    }

    /// Takes in the images of an archive (OCI or Docker, possibly compressed). Gives their names.
    ///
    /// # Errors
    /// [`EngineError`]: it is no archive of images, or there is no room.
    pub async fn load_images(
        &self,
        archive: impl AsyncRead + Send + Sync + 'static,
    ) -> Result<Vec<String>, EngineError> {
        let call = self.call(Method::POST, "/images/load", "load the image").body(Body::archive(archive));
        let mut answer = call.patience(MOVING_PATIENCE).send().await?;
        if self.is_podman() {
            #[derive(Deserialize)]
            #[serde(rename_all = "PascalCase")]
            struct Loaded {
                names: Vec<String>,
            }
            return Ok(answer.json::<Loaded>().await?.names);
        }
        let mut names = Vec::new();
        while let Some(line) = answer.next_line().await? {
            // An image without a name is told by its id.
            let told = line.get("stream").and_then(Value::as_str).and_then(|text| text.trim().split_once(": "));
            names.extend(told.map(|(_, name)| name.to_owned()));
        }
        Ok(names)
    }

    /// Fetches an image from its registry, with the engine's own credentials, and tells how that goes.
    ///
    /// # Errors
    /// [`EngineError`]: no such image, no such registry, not allowed.
    pub async fn pull_image(&self, name: &str, mut observe: impl FnMut(Progress)) -> Result<(), EngineError> {
        let doing = format!("pull image `{name}`");
        let call = match self.is_podman() {
            true => self.call(Method::POST, "/images/pull", doing).query("reference", name),
            // Without a tag the engine would fetch all that there are.
            false => self.call(Method::POST, "/images/create", doing).query("fromImage", &with_tag(name)),
        };
        let mut answer = call.patience(MOVING_PATIENCE).send().await?;
        while let Some(line) = answer.next_line().await? {
            let text = ["stream", "status"].iter().find_map(|field| line.get(field)?.as_str());
            if let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) {
                observe(Progress { text: text.to_owned() });
            }
        }
        Ok(())
    }

    /// Removes an image by name or id, with all of its names in the latter case. One that is not there is no error.
    ///
    /// # Errors
    /// [`EngineError`]: a container uses it.
    pub async fn remove_image(&self, name: &str) -> Result<(), EngineError> {
        let call = self.call(Method::DELETE, &format!("/images/{name}"), format!("remove image `{name}`"));
        match call.patience(MOVING_PATIENCE).send().await {
            Ok(answer) => answer.end().await,
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// A name that names one image.
fn with_tag(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    if last.contains(':') || last.contains('@') { name.to_owned() } else { format!("{name}:latest") }
}

/// What both interfaces say of an image; what is empty may be absent or null.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    id: String,
    config: Option<Config>,
    annotations: Option<BTreeMap<String, String>>,
    #[serde(default)]
    size: u64,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    #[serde(default)]
    user: String,
    labels: Option<BTreeMap<String, String>>,
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    env: Option<Vec<String>>,
}

impl From<Inspected> for Image {
    fn from(inspected: Inspected) -> Self {
        let config = inspected.config.unwrap_or_default();
        Self {
            id: inspected.id.strip_prefix("sha256:").unwrap_or(&inspected.id).to_owned(),
            labels: config.labels.unwrap_or_default(),
            annotations: inspected.annotations.unwrap_or_default(),
            user: config.user,
            entrypoint: config.entrypoint.unwrap_or_default(),
            command: config.cmd.unwrap_or_default(),
            env: config.env.unwrap_or_default(),
            size_bytes: inspected.size,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_without_a_tag_is_the_latest() {
        let tagged = ["x", "x:1", "host:5000/x", "host:5000/x:1", "x@sha256:1"].map(with_tag);
        assert_eq!(tagged, ["x:latest", "x:1", "host:5000/x:latest", "host:5000/x:1", "x@sha256:1"]);
    }
}
