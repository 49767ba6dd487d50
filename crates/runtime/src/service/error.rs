//! Why a service refuses.

use serde::{Deserialize, Serialize};
use tagger_store::StoreError;

pub(super) use crate::causes::told;
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
    /// The token is missing or wrong.
    Unauthorized,
    /// The path lies outside the folders that are allowed.
    OutsideRoots,
    /// The request is larger than allowed.
    TooLarge,
    /// The model needs more than the machine has.
    ExceedsMachine,
    /// There is no such thing.
    NotFound,
    /// It contradicts what is there.
    Conflict,
    /// The server takes no new jobs, because it is about to end.
    Quiescing,
    /// The disk is full.
    StorageFull,
    /// The server's own trouble.
    Internal,
}

impl ErrorCode {
    /// The HTTP status it is answered with.
    pub fn http_status(self) -> u16 {
        match self {
            Self::InvalidRequest | Self::UnknownModel | Self::InvalidParameter | Self::InvalidMedia => 400,
            Self::Unauthorized => 401,
            Self::OutsideRoots => 403,
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::TooLarge => 413,
            Self::ExceedsMachine => 422,
            Self::Internal => 500,
            Self::Quiescing => 503,
            Self::StorageFull => 507,
        }
    }

    /// The status that a command ends with because of it: 2 where what was typed is wrong, else 1.
    pub fn exit_status(self) -> u8 {
        match self {
            Self::InvalidRequest | Self::UnknownModel | Self::InvalidParameter => 2,
            Self::InvalidMedia
            | Self::Unauthorized
            | Self::OutsideRoots
            | Self::NotFound
            | Self::Conflict
            | Self::TooLarge
            | Self::ExceedsMachine
            | Self::Quiescing
            | Self::StorageFull
            | Self::Internal => 1,
        }
    }
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

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        Self::from(&error)
    }
}

impl From<&StoreError> for ServiceError {
    fn from(error: &StoreError) -> Self {
        let (code, field) = match error {
            StoreError::NotFound { .. } => (ErrorCode::NotFound, None),
            StoreError::Conflict { .. } => (ErrorCode::Conflict, None),
            StoreError::Invalid { .. } => (ErrorCode::InvalidRequest, None),
            StoreError::BadCursor { .. } => (ErrorCode::InvalidRequest, Some("cursor")),
            StoreError::Full { .. } => (ErrorCode::StorageFull, None),
            StoreError::Newer { .. }
            | StoreError::Foreign { .. }
            | StoreError::Broken { .. }
            | StoreError::InUse { .. }
            | StoreError::Failed { .. }
            | StoreError::Closed => (ErrorCode::Internal, None),
        };
        Self::new(code, field, told(error))
    }
}

impl From<SourceError> for ServiceError {
    fn from(error: SourceError) -> Self {
        let code = match &error {
            SourceError::System { .. } | SourceError::Unwritable { .. } | SourceError::CalledOff => ErrorCode::Internal,
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
