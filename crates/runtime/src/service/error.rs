//! Why a service refuses.

use std::error::Error;

use serde::{Deserialize, Serialize};
use tagger_store::StoreError;

use crate::jobs::Refusal;
use crate::schedule::NeedsError;
use crate::{ModelError, ParamError, SourceError};

/// What kind of refusal it is: yields the HTTP status and the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The request makes no sense.
    InvalidRequest,
    /// There is no such model, or it cannot be started here.
    UnknownModel,
    /// The model refuses its parameters.
    InvalidParameter,
    /// The media cannot be tagged: not there, not media, or nothing for this model.
    InvalidMedia,
    /// The path lies outside the folders that are allowed.
    OutsideRoots,
    /// The model needs more than the machine has.
    ExceedsMachine,
    /// There is no such thing.
    NotFound,
    /// It contradicts what is there.
    Conflict,
    /// The server takes no new jobs, because it is about to end.
    Quiescing,
    /// The server's own trouble.
    Internal,
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ServiceError {
    /// What kind.
    pub code: ErrorCode,
    /// The field of the request it is about.
    pub field: Option<&'static str>,
    /// What happened, and what to do.
    pub message: String,
}

impl ServiceError {
    pub(super) fn new(code: ErrorCode, field: Option<&'static str>, message: impl Into<String>) -> Self {
        Self { code, field, message: message.into() }
    }

    /// The server has ended, or its engine has died.
    pub(super) fn closed() -> Self {
        Self::new(ErrorCode::Internal, None, "the server has ended")
    }
}

/// An error with all of its causes in one line.
pub(super) fn told(error: &(dyn Error + 'static)) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        told = format!("{told}: {error}");
        cause = error.source();
    }
    told
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        let (code, field) = match &error {
            StoreError::NotFound { .. } => (ErrorCode::NotFound, None),
            StoreError::Conflict { .. } => (ErrorCode::Conflict, None),
            StoreError::Invalid { .. } => (ErrorCode::InvalidRequest, None),
            StoreError::BadCursor { .. } => (ErrorCode::InvalidRequest, Some("cursor")),
            StoreError::Newer { .. }
            | StoreError::Foreign { .. }
            | StoreError::Broken { .. }
            | StoreError::InUse { .. }
            | StoreError::Full { .. }
            | StoreError::Failed { .. }
            | StoreError::Closed => (ErrorCode::Internal, None),
        };
        Self::new(code, field, told(&error))
    }
}

impl From<SourceError> for ServiceError {
    fn from(error: SourceError) -> Self {
        let code = match &error {
            SourceError::System { .. } | SourceError::CalledOff => ErrorCode::Internal,
            SourceError::Vanished { .. }
            | SourceError::Changed { .. }
            | SourceError::Media(_)
            | SourceError::Input(_)
            | SourceError::NoStills { .. }
            | SourceError::Unsuited { .. }
            | SourceError::BeyondBudget { .. } => ErrorCode::InvalidMedia,
        };
        Self::new(code, Some("source"), told(&error))
    }
}

impl From<ModelError> for ServiceError {
    fn from(error: ModelError) -> Self {
        Self::new(ErrorCode::UnknownModel, Some("model"), told(&error))
    }
}

impl From<ParamError> for ServiceError {
    fn from(error: ParamError) -> Self {
        Self::new(ErrorCode::InvalidParameter, Some("params"), told(&error))
    }
}

impl From<NeedsError> for ServiceError {
    fn from(error: NeedsError) -> Self {
        Self::new(ErrorCode::ExceedsMachine, Some("model"), told(&error))
    }
}

impl From<Refusal> for ServiceError {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal {
            Refusal::NotEnded | Refusal::NothingFailed => ErrorCode::Conflict,
            Refusal::ShuttingDown => ErrorCode::Quiescing,
        };
        Self::new(code, None, refusal.to_string())
    }
}
