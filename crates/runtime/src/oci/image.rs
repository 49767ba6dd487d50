//! What an image says of itself: labels that `tagger build` writes. Images without any can be run all the same.

use std::path::Path;

use serde_json::{Map, Value};
use tagger_engine::{Client, EngineError, Image};
use tagger_wire::{Manifest, ModelKind};

use super::{ContainerError, Pull};
use crate::Model;

/// The label with the model's manifest as JSON, without how it is started: the image says that itself.
pub const MANIFEST_LABEL: &str = "io.tagger.manifest";
/// The label with the schema of the model's parameters as JSON.
pub const PARAMETERS_LABEL: &str = "io.tagger.parameters";

/// The image of a model.
#[derive(Debug, Clone, Default)]
pub(crate) struct ImageModel {
    /// Its name, as the user or the configuration gives it.
    pub name: String,
    /// What it is: the digest of its configuration. Empty as long as nobody has looked.
    pub id: String,
    /// Whom its programs run as. Empty: root.
    pub user: String,
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

/// What an image says of its model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Written {
    /// The manifest. `None`: no tagger made this image.
    pub manifest: Option<Manifest>,
    /// The schema of the parameters, if it is known.
    pub parameters: Option<Map<String, Value>>,
}

/// Reads what is written on an image that goes by `name`. What labels lack, annotations may have: some tools keep only one
/// of the two.
///
/// # Errors
/// [`ContainerError::Label`].
pub fn read_labels(image: &Image, name: &str) -> Result<Written, ContainerError> {
    let written = |label: &str| image.labels.get(label).or_else(|| image.annotations.get(label));
    let fault = |label| move |source| ContainerError::Label { image: name.to_owned(), label, source };
    let manifest = written(MANIFEST_LABEL).map(|text| Manifest::of_image(text, name, Path::new(MANIFEST_LABEL)));
    let manifest = manifest.transpose().map_err(fault(MANIFEST_LABEL))?;
    let parameters = written(PARAMETERS_LABEL).map(|text| Manifest::parameters_of(text, Path::new(PARAMETERS_LABEL)));
    let parameters = parameters.transpose().map_err(fault(PARAMETERS_LABEL))?;
    let of_manifest = manifest.as_ref().and_then(|manifest| manifest.parameters.clone());
    Ok(Written { manifest, parameters: of_manifest.or(parameters) })
}

/// Finds the model's image, fetched if it has to be, and reads its labels. What is known from elsewhere comes first: where
/// the configuration names the kind, labels that cannot be read are as good as none.
pub(super) async fn look_up(client: &Client, model: &mut Model, pull: Pull) -> Result<(), ContainerError> {
    let Some(named) = &mut model.image else { return Ok(()) };
    let image = find(client, &named.name, pull).await?;
    named.id = image.id.clone();
    named.user = image.user.clone();
    if model.manifest.is_some() {
        return Ok(());
    }
    let written = match read_labels(&image, &named.name) {
        Err(_) if named.kind.is_some() => Written::default(),
        written => written?,
    };
    if let Some(mut manifest) = written.manifest {
        manifest.parameters = written.parameters;
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
