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

/// How long an id is.
const ID_DIGITS: usize = 64;

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
    /// The digests of its layers, from the lowest.
    pub layers: Vec<String>,
    /// The digest of its manifest, where the engine knows it.
    pub digest: Option<String>,
}

/// How an image is built.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Build {
    /// Where the file of instructions lies in the context.
    pub instructions: String,
    /// What its arguments are set to.
    pub arguments: BTreeMap<String, String>,
    /// What the image will be called.
    pub names: Vec<String>,
    /// What is written on its manifest. Only Podman can. Labels are left to the instructions: given apart from them,
    /// engines write them in an order that differs from build to build.
    pub annotations: BTreeMap<String, String>,
    /// Whether everything is made anew.
    pub is_cache_left_out: bool,
    /// Whether its instructions may use the network.
    pub has_network: bool,
    /// When it was made, in seconds since 1970, as were all files that it adds. Only Podman heeds it.
    pub time: u64,
}

/// How an image is pushed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Push {
    /// Whether the registry may be spoken to without TLS. Docker decides that by its own configuration.
    pub is_plain: bool,
    /// What the registry is told of who pushes, as Docker's header has it. Podman has its own.
    pub credentials: Option<String>,
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

    /// Makes an image of a context, a tar archive that holds the file of instructions, and tells how that goes. Gives the
    /// image's id.
    ///
    /// # Errors
    /// [`EngineError`]: an instruction fails.
    pub async fn build_image(
        &self,
        context: impl AsyncRead + Send + Sync + 'static,
        build: &Build,
        mut observe: impl FnMut(Progress),
    ) -> Result<String, EngineError> {
        let mut call = self
            .call(Method::POST, "/build", "build the image")
            .body(Body::archive(context))
            .query("dockerfile", &build.instructions)
            .query("nocache", if build.is_cache_left_out { "1" } else { "0" })
            .query("rm", "1")
            .query("forcerm", "1");
        if !build.arguments.is_empty() {
            call = call.query("buildargs", &as_json(&build.arguments));
        }
        if !build.has_network {
            call = call.query("networkmode", "none");
        }
        for name in &build.names {
            call = call.query("t", name);
        }
        if self.is_podman() {
            let annotations: Vec<String> =
                build.annotations.iter().map(|(key, value)| format!("{key}={value}")).collect();
            call = call
                .query("layers", "1")
                .query("pullpolicy", "missing")
                .query("outputformat", "application/vnd.oci.image.manifest.v1+json")
                .query("annotations", &as_json(&annotations))
                .query("timestamp", &build.time.to_string());
        }
        let mut answer = call.patience(MOVING_PATIENCE).send().await?;
        let mut id = None;
        while let Some(line) = answer.next_line().await? {
            // Docker says the id where it is nothing else, Podman on the last line.
            if let Some(told) = line.get("aux").and_then(|aux| aux.get("ID")).and_then(Value::as_str) {
                id = Some(told.to_owned());
            }
            for text in line.get("stream").and_then(Value::as_str).into_iter().flat_map(str::lines) {
                let text = text.trim();
                match text.len() == ID_DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                    true => id = Some(text.to_owned()),
                    false if text.is_empty() => {}
                    false => observe(Progress { text: text.to_owned() }),
                }
            }
        }
        let id = id.ok_or_else(|| answer.odd("it names no image"))?;
        Ok(id.strip_prefix("sha256:").unwrap_or(&id).to_owned())
    }

    /// Gives an image another name.
    ///
    /// # Errors
    /// [`EngineError`]: it is not here.
    pub async fn tag_image(&self, image: &str, name: &str) -> Result<(), EngineError> {
        let (repository, tag) = split_tag(name);
        let call = self.call(Method::POST, &format!("/images/{image}/tag"), format!("name image `{image}`"));
        call.query("repo", repository).query("tag", tag).send().await?.end().await
    }

    /// Sends an image to a registry under the name `destination`, and tells how that goes.
    ///
    /// # Errors
    /// [`EngineError`]: it is not here, no such registry, not allowed.
    pub async fn push_image(
        &self,
        image: &str,
        destination: &str,
        push: &Push,
        mut observe: impl FnMut(Progress),
    ) -> Result<(), EngineError> {
        let doing = format!("push image `{image}` to `{destination}`");
        let call = if self.is_podman() {
            self.call(Method::POST, &format!("/images/{image}/push"), doing)
                .query("destination", destination)
                .query("tlsVerify", if push.is_plain { "false" } else { "true" })
                .query("quiet", "false")
        } else {
            self.tag_image(image, destination).await?;
            let (repository, tag) = split_tag(destination);
            let call = self.call(Method::POST, &format!("/images/{repository}/push"), doing).query("tag", tag);
            // Docker wants the header even where there is nothing to say.
            call.header("x-registry-auth", push.credentials.clone().unwrap_or_else(|| "e30=".to_owned()))
        };
        let mut answer = call.patience(MOVING_PATIENCE).send().await?;
        while let Some(line) = answer.next_line().await? {
            let text = ["stream", "status"].iter().find_map(|field| line.get(field)?.as_str());
            for text in text.into_iter().flat_map(str::lines).map(str::trim).filter(|text| !text.is_empty()) {
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

/// A name and its tag. Default: `latest`.
fn split_tag(name: &str) -> (&str, &str) {
    match name.rsplit_once(':') {
        // The port of a registry is no tag.
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (name, "latest"),
    }
}

fn as_json(value: &impl serde::Serialize) -> String {
    // Strings by strings always have a form in JSON.
    serde_json::to_string(value).unwrap_or_default()
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
    digest: Option<String>,
    #[serde(rename = "RootFS")]
    root: Option<Root>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Root {
    layers: Option<Vec<String>>,
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
            layers: inspected.root.and_then(|root| root.layers).unwrap_or_default(),
            digest: inspected.digest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_no_tag() {
        let split = ["x", "x:1", "host:5000/x", "host:5000/x:1"].map(split_tag);
        assert_eq!(split, [("x", "latest"), ("x", "1"), ("host:5000/x", "latest"), ("host:5000/x", "1")]);
    }

    #[test]
    fn an_image_without_a_tag_is_the_latest() {
        let tagged = ["x", "x:1", "host:5000/x", "host:5000/x:1", "x@sha256:1"].map(with_tag);
        assert_eq!(tagged, ["x:latest", "x:1", "host:5000/x:latest", "host:5000/x:1", "x@sha256:1"]);
    }
}
