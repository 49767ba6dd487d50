//! Submitting: everything that can be known to be wrong is refused before a job is there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tagger_store::{AttemptOutcome, Change, ContentId, Job, JobId, NewContent, NewJob, Paging};
use tagger_wire::{ModelKind, Need};
use tokio::task::spawn_blocking;

use super::Service;
use super::engine::Message;
use super::error::{ErrorCode, ServiceError};
use crate::config::Config;
use crate::digest::digest;
use crate::schedule::Needs;
use crate::sources::{fingerprint, look_into, stream_for, takes};
use crate::{Model, ParamSet, SourceError, describe_models};

/// The longest id of a job.
const MAX_ID_BYTES: usize = 128;
/// The longest name of a content: that of a path.
const MAX_CONTENT_BYTES: usize = 4096;

/// A job as somebody asks for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Submit {
    /// The job's name: letters, digits, `-`, `_`, `.`, `:` and `@`. Submitting the same again changes nothing.
    pub id: JobId,
    /// The media: a file, or a folder of stills. Relative paths are taken from the folder where the server started.
    pub source: String,
    /// The content's name. Default: the path as it is given.
    #[serde(default)]
    pub content: Option<ContentId>,
    /// The model: a name, or the path of a folder or a `.py` file.
    pub model: String,
    /// Its parameters.
    #[serde(default)]
    pub params: Map<String, Value>,
    /// Parameters as somebody typed them, read by what the model says of each. They go over `params`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub param_texts: BTreeMap<String, String>,
    /// Higher goes first. Default: what is configured for the model, else 0.
    #[serde(default)]
    pub priority: Option<i32>,
}

/// What came of submitting.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Submitted {
    /// The job as it stands.
    pub job: Job,
    /// Whether it is new; otherwise the same was submitted before.
    pub is_new: bool,
}

impl Service {
    /// Submits a job. It is durable when this returns.
    ///
    /// # Errors
    /// [`ServiceError`] names the field: an unknown model, parameters that it refuses, media that are not there, lie
    /// outside the roots or do not suit it, needs beyond the machine; [`ErrorCode::Conflict`] for another job of that
    /// name; [`ErrorCode::Quiescing`].
    pub async fn submit(&self, submit: Submit) -> Result<Submitted, ServiceError> {
        check_id(&submit.id)?;
        check_content(submit.content.as_ref())?;
        let body = json!(submit);
        match self.store().job(&submit.id).await {
            // Whatever has become of media and model since: it was taken.
            Ok(job) if job.body == body => return Ok(Submitted { job, is_new: false }),
            Ok(_) => {
                let message = format!("job `{}` is there already, with another request: choose another id", submit.id);
                return Err(ServiceError::new(ErrorCode::Conflict, Some("id"), message));
            }
            Err(tagger_store::StoreError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        if self.inner.is_quiescing.load(Ordering::Relaxed) {
            let message = "the server is shutting down and takes no new jobs: submit again when it is back";
            return Err(ServiceError::new(ErrorCode::Quiescing, None, message));
        }
        let model = self.find_model(&submit.model).await?;
        refuse_unfit(&model)?;
        let mut params = ParamSet::default();
        params.add_json(&Value::Object(submit.params.clone()).to_string())?;
        for (name, text) in &submit.param_texts {
            params.add_pair(&format!("{name}={text}"))?;
        }
        let params = params.for_models(std::slice::from_ref(&model))?.pop().unwrap_or_default();
        let resources = model.manifest.as_ref().map(|manifest| manifest.resources.clone()).unwrap_or_default();
        let config = self.config();
        config.needs(&model.name, &resources)?;
        let source = self.allowed(&submit.source, "source")?;
        let kind = model.kind();
        let (source, fingerprint) = blocking(move || {
            let fingerprint = fingerprint(&source)?;
            let inputs = look_into(&source)?;
            match inputs.first().and_then(|input| stream_for(input, kind)) {
                Some(_) => Ok((source, fingerprint)),
                None => Err(SourceError::Unsuited { path: source, takes: takes(kind) }),
            }
        })
        .await?;
        let source = source.into_os_string().into_string().map_err(|path| {
            let message = format!("path `{}` is no UTF-8: rename the file, or link to it", path.display());
            ServiceError::new(ErrorCode::InvalidMedia, Some("source"), message)
        })?;
        let (digest, model) = self.digest_of(model).await?;
        let mut tracks: Vec<String> = model.tracks().map(|(name, _)| name.clone()).collect();
        if !tracks.iter().any(|track| track == model.default_track()) {
            tracks.push(model.default_track().to_owned());
        }
        let configured = config.overrides.get(&model.name).and_then(|model| model.priority);
        let job = NewJob {
            id: submit.id,
            content: NewContent { id: submit.content.unwrap_or_else(|| submit.source.into()), source, fingerprint },
            model: model.name.clone(),
            model_digest: digest,
            params,
            body,
            priority: submit.priority.or(configured).unwrap_or(0),
            resources,
            tracks,
            created_ms: self.now_ms(),
        };
        let added = self.store().add_job(job).await?;
        if added.is_new {
            let entering = self.entering(added.job.clone()).await?;
            self.send(Message::Enter(Box::new(entering)))?;
        }
        Ok(Submitted { job: added.job, is_new: added.is_new })
    }

    /// The model of that name or path, asked for its parameters if its manifest does not tell them.
    pub(super) async fn find_model(&self, name: &str) -> Result<Model, ServiceError> {
        let is_path = !name.starts_with("oci:") && (name.contains('/') || name.ends_with(".py"));
        let name = if is_path { self.allowed(name, "model")?.to_string_lossy().into_owned() } else { name.to_owned() };
        let (folders, python) = (self.config().models.clone(), self.inner.python.clone());
        let configured = self.config().image_models().into_iter().find(|model| model.name == name);
        let mut models = [match configured {
            Some(model) => model,
            None => blocking(move || Model::resolve_among(&name, &folders, &python)).await?,
        }];
        let containers = &self.inner.context.containers;
        containers.look_up(&mut models).await?;
        refuse_unallowed(self.config(), &models[0])?;
        describe_models(&mut models, containers).await;
        let [model] = models;
        Ok(model)
    }

    /// The model and needs of a job that is in the store. The model must be what it was when the job was submitted.
    pub(super) async fn model_of(&self, row: &Job) -> (Result<Model, String>, Needs) {
        let needs = self.config().needs(&row.model, &row.resources).unwrap_or_default();
        let named = row.body.get("model").and_then(Value::as_str).unwrap_or(&row.model);
        let model = match self.find_model(named).await {
            Err(error) => return (Err(error.to_string()), needs),
            Ok(model) => model,
        };
        match self.digest_of(model).await {
            Err(error) => (Err(error.to_string()), needs),
            Ok((digest, model)) if digest == row.model_digest => (Ok(model), needs),
            Ok(_) => (Err(format!("model `{named}` has changed since the job was submitted: submit it anew")), needs),
        }
    }

    async fn digest_of(&self, model: Model) -> Result<(String, Model), ServiceError> {
        let name = model.name.clone();
        let digested = blocking(move || digest(&model).map(|digest| (digest, model))).await;
        digested.map_err(|error| {
            let message = format!("cannot read model `{name}`: {error}");
            ServiceError::new(ErrorCode::UnknownModel, Some("model"), message)
        })
    }

    /// The path in full, if it lies in one of the roots, links followed.
    fn allowed(&self, path: &str, field: &'static str) -> Result<PathBuf, ServiceError> {
        let given = std::path::absolute(path).unwrap_or_else(|_| path.into());
        let roots = &self.config().roots;
        let is_inside = |path: &Path| roots.iter().any(|root| path.starts_with(root));
        match given.canonicalize() {
            Ok(real) if is_inside(&real) => Ok(given),
            // Whether it is there is nobody's business outside the roots, wherever links and dots lead.
            Err(_)
                if given
                    .ancestors()
                    .find_map(|above| above.canonicalize().ok())
                    .is_some_and(|real| is_inside(&real)) =>
            {
                let (code, what) = match field {
                    "model" => (ErrorCode::UnknownModel, "model file or folder"),
                    _ => (ErrorCode::InvalidMedia, "file or folder"),
                };
                Err(ServiceError::new(code, Some(field), format!("there is no {what} `{path}`")))
            }
            _ => {
                let named: Vec<String> = roots.iter().map(|root| format!("`{}`", root.display())).collect();
                let message = format!(
                    "`{path}` lies outside the folders that this server may read ({}): move it there, or add its folder to `roots`",
                    named.join(", ")
                );
                Err(ServiceError::new(ErrorCode::OutsideRoots, Some(field), message))
            }
        }
    }

    /// Enters that the attempt of a job ended with the service that had begun it.
    pub(super) async fn close_attempts(&self, row: Job) -> Result<Job, ServiceError> {
        if row.attempts == 0 {
            return Ok(row);
        }
        let mut paging = Paging { after: None, limit: 10_000 };
        let mut open = Vec::new();
        loop {
            let page = self.store().attempts(&row.id, paging.clone()).await?;
            open.extend(page.items.into_iter().filter(|attempt| attempt.outcome.is_none()));
            match page.next {
                Some(next) => paging.after = Some(next),
                None => break,
            }
        }
        let at_ms = self.now_ms();
        let ended = open.into_iter().map(|attempt| Change::AttemptEnded {
            number: attempt.number,
            outcome: AttemptOutcome::Interrupted,
            cause: Some("the server ended".into()),
            is_counted: false,
            at_ms,
        });
        let changes: Vec<Change> = ended.collect();
        if changes.is_empty() { Ok(row) } else { Ok(self.store().apply(&row.id, changes).await?) }
    }
}

fn check_id(id: &JobId) -> Result<(), ServiceError> {
    let text = id.as_ref();
    let is_good = !text.is_empty()
        && text.len() <= MAX_ID_BYTES
        && !text.starts_with('.')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:@".contains(c));
    if is_good {
        return Ok(());
    }
    let message = format!(
        "job id `{text}` must be 1 to {MAX_ID_BYTES} letters, digits, `-`, `_`, `.`, `:` or `@`, and not begin with `.`"
    );
    Err(ServiceError::new(ErrorCode::InvalidRequest, Some("id"), message))
}

fn check_content(id: Option<&ContentId>) -> Result<(), ServiceError> {
    let length = id.map_or(1, |id| id.0.len());
    if (1..=MAX_CONTENT_BYTES).contains(&length) {
        return Ok(());
    }
    let message = format!("the content's name has {length} bytes, 1 to {MAX_CONTENT_BYTES} are expected");
    Err(ServiceError::new(ErrorCode::InvalidRequest, Some("content"), message))
}

/// Refuses models that files alone are not enough for.
fn refuse_unfit(model: &Model) -> Result<(), ServiceError> {
    let refuse = |message| Err(ServiceError::new(ErrorCode::InvalidRequest, Some("model"), message));
    if model.kind() == Some(ModelKind::Processor) {
        return refuse(format!("model `{}` is a processor: it takes time ranges of a content, not files", model.name));
    }
    match model.manifest.as_ref().and_then(|manifest| manifest.inputs.first()) {
        Some(track) => refuse(format!(
            "model `{}` reads track `{track}` of other models, which jobs cannot give it yet",
            model.name
        )),
        None => Ok(()),
    }
}

/// Refuses a container that needs more than the operator allows. It is the image's name that counts: what it says of
/// itself may be another's.
fn refuse_unallowed(config: &Config, model: &Model) -> Result<(), ServiceError> {
    let Some(image) = &model.image else { return Ok(()) };
    let of_image = config.overrides.values().filter(|model| model.image.as_ref() == Some(&image.name));
    let allowed: BTreeSet<Need> = of_image.flat_map(|model| &model.allow).copied().collect();
    let Some(first) = model.needs().iter().find(|need| !allowed.contains(need)) else { return Ok(()) };
    let all: BTreeSet<&Need> = allowed.iter().chain(model.needs()).collect();
    let all: Vec<String> = all.iter().map(|need| format!("\"{}\"", need.name())).collect();
    let message = format!(
        "image `{image}` asks for `{}`, which this server does not allow it: write `image = \"{image}\"` and \
         `allow = [{}]` under `[model.{}]` in the configuration",
        first.name(),
        all.join(", "),
        crate::config::key(&model.name),
        image = image.name,
    );
    Err(ServiceError::new(ErrorCode::InvalidRequest, Some("model"), message))
}

/// Does work that waits for disks where nobody else is kept waiting.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    // A panic in there is ours: pass it on.
    spawn_blocking(work).await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}
