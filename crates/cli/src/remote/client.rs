//! Asks a server over HTTP.

use std::env;
use std::io::{self, Read};
use std::time::Duration;

use anyhow::{Context, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tagger_runtime::service::ErrorCode;
use ureq::http::Response;
use ureq::{Agent, Body};

use crate::args::ServerArgs;
use crate::serve::TOKEN_VARIABLE;

/// How long it may take until a server takes the connection.
const CONNECT: Duration = Duration::from_secs(10);

/// A refusal that a server has sent.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// What kind, if it is one that this release knows.
    pub code: Option<ErrorCode>,
    message: String,
}

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
#[error("no server answers at {url}: start one with `tagger serve`, or name another one with --server")]
pub struct Unreachable {
    url: String,
    source: ureq::Error,
}

/// What to put behind the question mark.
pub type Query<'a> = Vec<(&'a str, String)>;

/// A server to talk to.
#[derive(Debug, Clone)]
pub struct Client {
    agent: Agent,
    url: String,
    authorization: Option<String>,
}

impl Client {
    /// The server of a command line.
    pub fn new(args: &ServerArgs) -> anyhow::Result<Self> {
        let url = args.server.trim_end_matches('/').to_owned();
        if url.starts_with("https://") {
            bail!(
                "--server `{}`: commands speak HTTP without encryption: reach the server through a tunnel, such as \
                 `ssh -L 8086:127.0.0.1:8086 HOST`, and name http://127.0.0.1:8086",
                args.server
            );
        }
        if !url.starts_with("http://") {
            bail!("--server `{}` must begin with http://, such as http://127.0.0.1:8086", args.server);
        }
        // A server's refusal is an answer; the proxy that suits web pages need not lead to it.
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT))
            .proxy(None)
            .user_agent(concat!("tagger/", env!("CARGO_PKG_VERSION")));
        let token = env::var(TOKEN_VARIABLE).ok().filter(|token| !token.is_empty());
        Ok(Self { agent: config.build().into(), url, authorization: token.map(|token| format!("Bearer {token}")) })
    }

    /// Reads.
    pub fn get<T: DeserializeOwned>(&self, path: &str, query: &Query) -> anyhow::Result<T> {
        understood(self.open(path, query, &[])?)
    }

    /// Reads all pages of a list, up to `limit` items.
    pub fn pages<T: DeserializeOwned>(&self, path: &str, query: &Query, limit: usize) -> anyhow::Result<Vec<T>> {
        const PAGE: usize = 5000;
        let mut items = Vec::new();
        let mut query = query.clone();
        query.push(("limit", limit.clamp(1, PAGE).to_string()));
        let given = query.len();
        loop {
            let page: super::views::Page<T> = self.get(path, &query)?;
            items.extend(page.items);
            match page.next {
                Some(next) if items.len() < limit => {
                    query.truncate(given);
                    query.push(("cursor", next));
                }
                _ => break,
            }
        }
        items.truncate(limit);
        Ok(items)
    }

    /// Opens an answer to be read piece by piece.
    pub fn open(&self, path: &str, query: &Query, headers: &[(&str, &str)]) -> anyhow::Result<Response<Body>> {
        let mut request = self.agent.get(format!("{}{path}", self.url));
        for (name, value) in query {
            request = request.query(name, value);
        }
        for (name, value) in headers.iter().copied().chain(self.authorization()) {
            request = request.header(name, value);
        }
        self.answered(request.call())
    }

    /// Asks for something to be done.
    pub fn post<T: DeserializeOwned>(&self, path: &str, query: &Query) -> anyhow::Result<T> {
        let mut request = self.agent.post(format!("{}{path}", self.url));
        for (name, value) in query {
            request = request.query(name, value);
        }
        for (name, value) in self.authorization() {
            request = request.header(name, value);
        }
        understood(self.answered(request.send_empty())?)
    }

    /// Hands something in, under a name of its own if the path has one.
    pub fn send<T: DeserializeOwned>(&self, path: &str, is_named: bool, body: &Value) -> anyhow::Result<T> {
        let url = format!("{}{path}", self.url);
        let mut request = if is_named { self.agent.put(url) } else { self.agent.post(url) };
        for (name, value) in self.authorization() {
            request = request.header(name, value);
        }
        understood(self.answered(request.content_type("application/json").send(body.to_string()))?)
    }

    /// Removes.
    pub fn delete(&self, path: &str) -> anyhow::Result<()> {
        let mut request = self.agent.delete(format!("{}{path}", self.url));
        for (name, value) in self.authorization() {
            request = request.header(name, value);
        }
        self.answered(request.call()).map(drop)
    }

    fn authorization(&self) -> impl Iterator<Item = (&str, &str)> {
        self.authorization.iter().map(|value| ("authorization", value.as_str()))
    }

    /// An answer that is no refusal.
    fn answered(&self, result: Result<Response<Body>, ureq::Error>) -> anyhow::Result<Response<Body>> {
        let response = result.map_err(|source| Unreachable { url: self.url.clone(), source })?;
        if response.status().is_success() {
            return Ok(response);
        }
        #[derive(Deserialize)]
        struct Envelope {
            error: Told,
        }
        #[derive(Deserialize)]
        struct Told {
            code: Value,
            message: String,
        }
        let status = response.status();
        let text = text_of(response)?;
        match serde_json::from_str::<Envelope>(&text) {
            Ok(Envelope { error }) => {
                Err(Refused { code: serde_json::from_value(error.code).ok(), message: error.message }.into())
            }
            Err(_) => bail!("{} answered {status}, and is no server of this kind", self.url),
        }
    }
}

/// The path of a job. A name that no job can have is not asked for.
pub fn job_path(id: &str) -> anyhow::Result<String> {
    let is_possible =
        !id.is_empty() && !id.starts_with('.') && id.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:@".contains(c));
    if !is_possible {
        bail!("no job `{id}`");
    }
    Ok(format!("/v1/jobs/{id}"))
}

fn text_of(response: Response<Body>) -> anyhow::Result<String> {
    let mut text = String::new();
    reader(response).read_to_string(&mut text).context("the server's answer broke off")?;
    Ok(text)
}

/// An answer's body, however long it is.
pub fn reader(response: Response<Body>) -> impl io::Read {
    response.into_body().into_with_config().limit(u64::MAX).reader()
}

fn understood<T: DeserializeOwned>(response: Response<Body>) -> anyhow::Result<T> {
    let text = text_of(response)?;
    serde_json::from_str(&text).context("the server's answer is not understood; is it of another release?")
}
