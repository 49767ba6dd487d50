//! The HTTP API: translates between JSON and the runtime's [`Service`], and decides nothing.
//!
//! [`router`] makes all routes, with the OpenAPI document that describes them; a route cannot be served without being in
//! it. [`serve`] listens until it is told to stop.

mod auth;
mod contents;
mod error;
mod events;
mod export;
mod jobs;
mod request;
mod system;
mod tags;
mod views;

use std::future::Future;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use tagger_runtime::config::Token;
use tagger_runtime::service::{ErrorCode, Service};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use error::ApiError;

/// What all requests share.
#[derive(Clone)]
struct Api {
    service: Service,
    /// Ends the streams that would otherwise never end.
    stop: CancellationToken,
}

/// How the API is served.
#[derive(Debug, Clone)]
pub struct Options {
    /// What clients have to know. `None`: whoever reaches the address may do everything.
    pub token: Option<Token>,
    /// How large a request's body may be, in bytes.
    pub request_bytes: u64,
    /// Ends streams of events, so that the server can end.
    pub stop: CancellationToken,
}

#[derive(OpenApi)]
#[openapi(
    info(title = "Tagger", description = "Media in, time-aligned tags out. Times are milliseconds on a content's timeline."),
    tags(
        (name = "jobs", description = "One model over one content"),
        (name = "tags", description = "What was found"),
        (name = "server", description = "The server itself"),
    )
)]
struct Document;

/// All routes.
///
/// # Errors
/// The document cannot be written as JSON, which no request can bring about.
pub fn router(service: Service, options: &Options) -> serde_json::Result<Router> {
    let api = Api { service, stop: options.stop.clone() };
    let (router, document) = described();
    let document: Arc<str> = document.to_json()?.into();
    let guard = auth::Guard::new(options.token.clone());
    Ok(router
        .route("/v1/openapi.json", axum::routing::get(move || async move { system::json_text(&document) }))
        .fallback(|| async { ApiError::new(ErrorCode::NotFound, "there is no such path; /v1/openapi.json lists all") })
        .method_not_allowed_fallback(|| async {
            ApiError::new(ErrorCode::InvalidRequest, "this path does not take that method; /v1/openapi.json lists all")
                .status(StatusCode::METHOD_NOT_ALLOWED)
                .into_response()
        })
        .layer(DefaultBodyLimit::max(usize::try_from(options.request_bytes).unwrap_or(usize::MAX)))
        .layer(from_fn_with_state(guard, auth::check))
        .with_state(api))
}

/// Answers requests that come to `listener`, until `stop` ends. Requests that are under way then are answered still.
///
/// # Errors
/// The system's, when the address cannot be listened on any more.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    axum::serve(listener, router).with_graceful_shutdown(stop).await
}

/// The routes, and what is said of them.
fn described() -> (Router<Api>, utoipa::openapi::OpenApi) {
    let (router, mut document) = routes().split_for_parts();
    if let Some(components) = &mut document.components {
        let bearer = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        components.security_schemes.insert("token".into(), bearer.into());
    }
    (router, document)
}

fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(jobs::create, jobs::list))
        .routes(routes!(jobs::put, jobs::get, jobs::remove))
        .routes(routes!(jobs::stop))
        .routes(routes!(jobs::retry))
        .routes(routes!(jobs::parts))
        .routes(routes!(jobs::attempts))
        .routes(routes!(jobs::log))
        .routes(routes!(tags::list))
        .routes(routes!(export::export))
        .routes(routes!(contents::list))
        .routes(routes!(contents::tracks))
        .routes(routes!(contents::undo))
        .routes(routes!(system::models))
        .routes(routes!(events::events))
        .routes(routes!(system::health))
        .routes(routes!(system::ready))
        .routes(routes!(system::metrics))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_changes_only_when_somebody_means_it_to() {
        let (_, document) = described();
        // In a file of its own: it is long, and is read as a document.
        insta::assert_snapshot!(document.to_pretty_json().unwrap());
    }
}
