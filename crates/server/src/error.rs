//! The one shape of an error: `{"error": {"code", "message", "field"?}}`.

use std::fmt;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tagger_runtime::service::{ErrorCode, ServiceError};
use utoipa::ToSchema;

/// Why a request was not done.
#[derive(Debug)]
pub(crate) struct ApiError {
    code: ErrorCode,
    message: String,
    field: Option<String>,
    /// In place of the code's own.
    status: Option<StatusCode>,
}

/// An error as it is sent.
#[derive(Serialize, ToSchema)]
pub(crate) struct ErrorBody {
    error: ErrorView,
}

#[derive(Serialize, ToSchema)]
struct ErrorView {
    /// What kind of error, for programs: `invalid_request`, `unknown_model`, `invalid_parameter`, `invalid_media`,
    /// `unauthorized`, `outside_roots`, `not_found`, `conflict`, `too_large`, `exceeds_machine`, `quiescing`,
    /// `storage_full`, `internal`.
    #[schema(value_type = String)]
    code: ErrorCode,
    /// What happened and what to do, for people.
    message: String,
    /// The field of the request that is to blame, where one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
}

impl ApiError {
    pub fn new(code: ErrorCode, message: impl fmt::Display) -> Self {
        Self { code, message: message.to_string(), field: None, status: None }
    }

    /// A fault of a field of the request.
    pub fn field(field: &str, message: impl fmt::Display) -> Self {
        Self { field: Some(field.to_owned()), ..Self::new(ErrorCode::InvalidRequest, message) }
    }

    /// The same with another status than the code's.
    pub fn status(self, status: StatusCode) -> Self {
        Self { status: Some(status), ..self }
    }
}

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        let ServiceError { code, message, field } = error;
        Self { code, message, field: field.map(str::to_owned), status: None }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Self { code, message, field, status } = self;
        let status = status.or(StatusCode::from_u16(code.http_status()).ok());
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = ErrorBody { error: ErrorView { code, message, field } };
        let mut response = (status, Json(body)).into_response();
        match status {
            StatusCode::UNAUTHORIZED => {
                response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("10"));
            }
            _ => {}
        }
        response
    }
}
