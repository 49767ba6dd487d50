//! Who may ask: whoever shows the token, or without one whoever is on this machine.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;
use tagger_runtime::config::Token;
use tagger_runtime::service::ErrorCode;

use crate::error::ApiError;

/// Paths that anybody may ask, so that whoever watches over the server needs no secret.
const OPEN: [&str; 2] = ["/v1/health", "/v1/ready"];

/// Keeps strangers out.
#[derive(Clone)]
pub(crate) struct Guard(Option<Arc<Token>>);

impl Guard {
    pub fn new(token: Option<Token>) -> Self {
        Self(token.map(Arc::new))
    }
}

/// Lets a request through or refuses it.
pub(crate) async fn check(State(guard): State<Guard>, request: Request, next: Next) -> Result<Response, ApiError> {
    match &guard.0 {
        _ if OPEN.contains(&request.uri().path()) => {}
        Some(token) => {
            let shown = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
            let shown = shown.and_then(|value| value.strip_prefix("Bearer ")).map(str::trim);
            if !shown.is_some_and(|shown| token.is(shown)) {
                let message = match shown {
                    None => "a token is needed: send `Authorization: Bearer …`, or set TAGGER_TOKEN for the command",
                    Some(_) => "the token is not the server's",
                };
                return Err(ApiError::new(ErrorCode::Unauthorized, message));
            }
        }
        // A page of some site may have its own name lead here, and then reads what it is not to know.
        None if !is_own_name(&request) => {
            let message = "without a token the server answers to `localhost` and loopback addresses only";
            return Err(ApiError::new(ErrorCode::Unauthorized, message));
        }
        None => {}
    }
    Ok(next.run(request).await)
}

fn is_own_name(request: &Request) -> bool {
    let Some(host) = request.headers().get(header::HOST) else { return true };
    let Ok(host) = host.to_str() else { return false };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
