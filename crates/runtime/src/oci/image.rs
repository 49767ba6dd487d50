//! What an image says of itself: labels that `tagger build` writes. Images without any can be run all the same.

use std::path::Path;

use tagger_engine::{Client, EngineError, Image};
use tagger_wire::{Manifest, ModelKind};

use super::{ContainerError, Pull};
use crate::Model;

/// The label with the manifest, as JSON.
const MANIFEST_LABEL: &str = "io.tagger.manifest";
/// The label with the schema of the parameters, as JSON.
const PARAMETERS_LABEL: &str = "io.tagger.parameters";

/// The image of a model.
#[derive(Debug, Clone, Default)]
pub(crate) struct ImageModel {
    /// Its name, as the user or the configuration gives it.
    pub name: String,
    /// What it is: the digest of its configuration. Empty as long as nobody has looked.
    pub id: String,
    /// What it takes by the configuration, where it does not say.
    pub kind: Option<ModelKind>,
    /// Whether the configuration names the model; otherwise the image does.
    pub is_configured: bool,
}

impl Model {
    /// A model of which nothing is known but its image.
    pub(crate) fn of_image(image: &str) -> Self {
        // `localhost:5000/team/ocr:2` is `ocr`.
        let path = image.split('@').next().unwrap_or(image);
        let last = path.rsplit('/').next().unwrap_or(path);
        let name = last.split(':').next().unwrap_or(last).to_owned();
        Self {
            name,
            manifest: None,
            described: None,
            command: Vec::new(),
            folder: "/".into(),
            image: Some(ImageModel { name: image.to_owned(), ..ImageModel::default() }),
        }
    }
}

/// Finds the model's image, fetched if it has to be, and reads its labels. What is known from elsewhere comes first.
pub(super) async fn look_up(client: &Client, model: &mut Model, pull: Pull) -> Result<(), ContainerError> {
    let Some(named) = &mut model.image else { return Ok(()) };
    let image = find(client, &named.name, pull).await?;
    named.id = image.id.clone();
    if model.manifest.is_none()
        && let Some(mut manifest) = manifest_of(&image, &named.name)?
    {
        match named.is_configured {
            true => manifest.name = model.name.clone(),
            false => model.name = manifest.name.clone(),
        }
        model.manifest = Some(manifest);
    }
    Ok(())
}

async fn find(client: &Client, name: &str, pull: Pull) -> Result<Image, ContainerError> {
    let not_here = || ContainerError::NotHere { image: name.to_owned() };
    if pull != Pull::Always
        && let Some(image) = client.image(name).await?
    {
        return Ok(image);
    }
    if pull == Pull::Never {
        return Err(not_here());
    }
    client.pull_image(name, |_| {}).await.map_err(|source| match source {
        EngineError::Refused { .. } if pull == Pull::Always => {
            ContainerError::NotRenewed { image: name.to_owned(), source }
        }
        EngineError::Refused { .. } => ContainerError::NotFetched { image: name.to_owned(), source },
        away => away.into(),
    })?;
    client.image(name).await?.ok_or_else(not_here)
}

/// The manifest that is written on an image, for it.
fn manifest_of(image: &Image, name: &str) -> Result<Option<Manifest>, ContainerError> {
    let written = |label: &str| image.labels.get(label).or_else(|| image.annotations.get(label));
    let fault = |label| move |source| ContainerError::Label { image: name.to_owned(), label, source };
    let Some(text) = written(MANIFEST_LABEL) else { return Ok(None) };
    let mut manifest = Manifest::of_image(text, name, Path::new(MANIFEST_LABEL)).map_err(fault(MANIFEST_LABEL))?;
    if manifest.parameters.is_none()
        && let Some(text) = written(PARAMETERS_LABEL)
    {
        manifest.parameters =
            Some(Manifest::parameters_of(text, Path::new(PARAMETERS_LABEL)).map_err(fault(PARAMETERS_LABEL))?);
    }
    Ok(Some(manifest))
}
