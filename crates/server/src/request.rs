//! Reads what a request says, and tells what is wrong with it in the one shape of an error.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use serde::de::DeserializeOwned;
use tagger_runtime::service::ErrorCode;
use tagger_store::{Cursor, Paging};

use crate::error::ApiError;

/// The most that a page may hold, and what it holds where nothing is said.
const LONGEST_PAGE: u32 = 10_000;
const PAGE: u32 = 100;

/// A body of JSON.
pub(crate) struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        // Anything else could be sent by a page of any site without asking.
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_json = kind.is_some_and(|kind| kind.split(';').next() == Some("application/json"));
        if !is_json {
            let message = "a body of JSON is needed, with the header `Content-Type: application/json`";
            return Err(ApiError::new(ErrorCode::InvalidRequest, message));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|error| match error {
            BytesRejection::FailedToBufferBody(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                ApiError::new(ErrorCode::TooLarge, "the request is larger than this server's limit `limits.request`")
            }
            error => ApiError::new(ErrorCode::InvalidRequest, error),
        })?;
        let mut reader = serde_json::Deserializer::from_slice(&bytes);
        let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let path = error.path().to_string();
            let message = format!("the request is not understood: {}", error.inner());
            if path == "." {
                ApiError::new(ErrorCode::InvalidRequest, message)
            } else {
                ApiError::field(&path, message)
            }
        })?;
        reader.end().map_err(|error| {
            ApiError::new(ErrorCode::InvalidRequest, format!("the request goes on behind its end: {error}"))
        })?;
        Ok(Self(value))
    }
}

/// What stands behind the question mark.
pub(crate) struct Asked<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        query.map(|Query(value)| Self(value)).map_err(|error| {
            let mut message = error.body_text();
            if let Some(rest) = message.strip_prefix("Failed to deserialize query string: ") {
                message = rest.to_owned();
            }
            ApiError::new(ErrorCode::InvalidRequest, format!("the query is not understood: {message}"))
        })
    }
}

/// The page that `limit` and `cursor` ask for.
pub(crate) fn paging(limit: Option<u32>, cursor: Option<String>) -> Result<Paging, ApiError> {
    let limit = limit.unwrap_or(PAGE);
    if !(1..=LONGEST_PAGE).contains(&limit) {
        return Err(ApiError::field("limit", format!("a page holds 1 to {LONGEST_PAGE}, not {limit}")));
    }
    Ok(Paging { after: cursor.map(Cursor), limit })
}

/// Words set off by commas; none of nothing.
pub(crate) fn words(list: Option<&str>) -> Vec<&str> {
    list.into_iter().flat_map(|list| list.split(',')).map(str::trim).filter(|word| !word.is_empty()).collect()
}
