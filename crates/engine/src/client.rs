//! Requests and their answers: HTTP/1.1 over the engine's socket, one connection a request.

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, UPGRADE};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::address::places;
use crate::{Body, EngineError};

/// How long an engine may take to say that it is there.
const PING_PATIENCE: Duration = Duration::from_secs(2);
/// How long it may take for what it does at once.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long an answer may be that is read as a whole.
const ANSWER_BYTES: usize = 64 << 20;
/// How long a line of a streamed answer may be.
const LINE_BYTES: usize = 4 << 20;

/// What may stand in a path as it is: names of images have slashes and colons.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/').remove(b':');
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Which engine answers, and its version of the interface that is spoken with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Engine {
    /// Podman, by its own interface.
    Podman {
        /// Podman's own version, such as `4.3.1`.
        version: String,
    },
    /// Docker, or another engine that speaks as it does.
    Docker {
        /// The interface's version, such as `1.41`.
        api: String,
    },
}

impl Engine {
    /// For people: "Podman 4.3.1".
    pub fn told(&self) -> String {
        match self {
            Self::Podman { version } => format!("Podman {version}"),
            Self::Docker { api } => format!("Docker, API {api},"),
        }
    }
}

/// A way to an engine. Holds no connection, so a copy costs nothing and an engine may go and come back.
#[derive(Debug, Clone)]
pub struct Client {
    socket: PathBuf,
    engine: Engine,
}

impl Client {
    /// Asks everywhere where engines listen, in the order of [`places`], and takes the first that answers.
    ///
    /// # Errors
    /// [`EngineError::NoneAnswers`].
    pub async fn find() -> Result<Self, EngineError> {
        let mut tried = Vec::new();
        for place in places() {
            match Self::at(&place.socket).await {
                Ok(client) => return Ok(client),
                Err(_) => tried.push(place.socket),
            }
        }
        Err(EngineError::NoneAnswers { tried })
    }

    /// Asks who listens on `socket`. Waits at most 2 s.
    ///
    /// # Errors
    /// Nobody does, or it is no engine.
    pub async fn at(socket: &Path) -> Result<Self, EngineError> {
        // Any will do to ask for what both have.
        let engine = Engine::Docker { api: String::new() };
        let unknown = Self { socket: socket.to_owned(), engine };
        let answer = unknown.call(Method::GET, "/_ping", "ask who listens").patience(PING_PATIENCE).send().await?;
        let header = |name: &str| answer.response.headers().get(name)?.to_str().ok().map(str::to_owned);
        let podman = header("Libpod-Api-Version").map(|version| Engine::Podman { version });
        match podman.or_else(|| header("Api-Version").map(|api| Engine::Docker { api })) {
            Some(engine) => Ok(Self { engine, ..unknown }),
            None => Err(answer.odd("it names no version")),
        }
    }

    /// Who answers.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Where it listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Whether Podman's own interface can be used.
    pub fn is_podman(&self) -> bool {
        matches!(self.engine, Engine::Podman { .. })
    }

    /// The same engine by the interface that Podman shares with Docker.
    pub fn as_docker(self) -> Self {
        match self.engine {
            Engine::Podman { .. } => Self { engine: Engine::Docker { api: "1.41".into() }, ..self },
            Engine::Docker { .. } => self,
        }
    }

    /// Begins a request. `path` lies behind the interface's version, as in `/containers/json`, and is written as it is
    /// read: what has a meaning of its own is escaped. `doing` says what it is for, as in "list the containers".
    pub fn call(&self, method: Method, path: &str, doing: impl Into<String>) -> Call<'_> {
        let path = utf8_percent_encode(path, PATH);
        let path = match &self.engine {
            Engine::Docker { api } if api.is_empty() => path.to_string(),
            Engine::Docker { api } => format!("/v{api}{path}"),
            Engine::Podman { version } => format!("/v{version}/libpod{path}"),
        };
        Call {
            client: self,
            method,
            path,
            doing: doing.into(),
            body: Ok(Body::empty()),
            headers: Vec::new(),
            patience: Some(PATIENCE),
        }
    }
}

/// A request that is put together.
pub struct Call<'a> {
    client: &'a Client,
    method: Method,
    path: String,
    doing: String,
    body: serde_json::Result<Body>,
    headers: Vec<(&'static str, String)>,
    patience: Option<Duration>,
}

impl Call<'_> {
    /// Adds to the query.
    #[must_use]
    pub fn query(mut self, name: &str, value: &str) -> Self {
        let sign = if self.path.contains('?') { '&' } else { '?' };
        self.path.extend([sign]);
        self.path.extend(utf8_percent_encode(name, QUERY));
        self.path.push('=');
        self.path.extend(utf8_percent_encode(value, QUERY));
        self
    }

    /// Carries a value as JSON.
    #[must_use]
    pub fn json(mut self, value: &impl Serialize) -> Self {
        self.body = Body::json(value);
        self
    }

    /// Carries this.
    #[must_use]
    pub fn body(mut self, body: Body) -> Self {
        self.body = Ok(body);
        self
    }

    /// Adds a header, such as the one with a registry's credentials.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// How long the engine may be silent: before it answers, and between two pieces of what it is sent or sends. Default:
    /// 30 s.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = Some(patience);
        self
    }

    /// Waits for as long as it takes, as for a container's end.
    #[must_use]
    pub fn patiently(mut self) -> Self {
        self.patience = None;
        self
    }

    /// Sends it, and waits for the beginning of the answer.
    ///
    /// # Errors
    /// [`EngineError`]; every status from 400 on is [`EngineError::Refused`].
    pub async fn send(self) -> Result<Answer, EngineError> {
        let (socket, doing, patience) = (self.client.socket.clone(), self.doing.clone(), self.patience);
        let late = || EngineError::TimedOut {
            doing: doing.clone(),
            socket: socket.clone(),
            patience: patience.unwrap_or_default(),
        };
        let body =
            self.body.map_err(|source| EngineError::Odd { doing: doing.clone(), problem: source.to_string() })?;
        let sent = body.sent.clone();
        let mut request = Request::builder()
            .method(self.method)
            .uri(self.path)
            .header(HOST, "localhost")
            .header(CONTENT_TYPE, body.content_type);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let odd = |problem: String| EngineError::Odd { doing: doing.clone(), problem };
        let request = request.body(body.content).map_err(|error| odd(error.to_string()))?;
        let exchange = async {
            let stream = UnixStream::connect(&socket)
                .await
                .map_err(|source| EngineError::Unreachable { socket: socket.clone(), source })?;
            let broken = |source: hyper::Error| EngineError::Broken { doing: doing.clone(), source: source.into() };
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
            // What it ends with comes out where the answer is read.
            tokio::spawn(connection.with_upgrades());
            sender.send_request(request).await.map_err(broken)
        };
        let response = match patience {
            None => exchange.await?,
            Some(patience) => patiently(exchange, patience, &sent).await.ok_or_else(late)??,
        };
        let answer = Answer { response, doing, socket, patience, unread: Vec::new() };
        match answer.status() {
            status if status.is_client_error() || status.is_server_error() => Err(answer.refusal().await),
            _ => Ok(answer),
        }
    }

    /// Sends it, and takes the connection over for a stream of bytes in both directions.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn hijack(self) -> Result<UnixStream, EngineError> {
        let call = self.header(CONNECTION.as_str(), "Upgrade".into()).header(UPGRADE.as_str(), "tcp".into());
        let answer = call.send().await?;
        if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(answer.odd("it keeps the connection to itself"));
        }
        let doing = answer.doing;
        let upgraded = hyper::upgrade::on(answer.response)
            .await
            .map_err(|source| EngineError::Broken { doing: doing.clone(), source: source.into() })?;
        match upgraded.downcast::<TokioIo<UnixStream>>() {
            Ok(parts) if parts.read_buf.is_empty() => Ok(parts.io.into_inner()),
            _ => Err(EngineError::Odd { doing, problem: "bytes came before they were asked for".into() }),
        }
    }
}

/// Waits while the engine is sent something, and `patience` longer. `None`: that was not long enough.
async fn patiently<T>(exchange: impl Future<Output = T>, patience: Duration, sent: &AtomicU64) -> Option<T> {
    let mut exchange = pin!(exchange);
    let mut num_sent = 0;
    loop {
        if let Ok(done) = timeout(patience, &mut exchange).await {
            return Some(done);
        }
        let num_now = sent.load(Ordering::Relaxed);
        if num_now == num_sent {
            return None;
        }
        num_sent = num_now;
    }
}

/// An answer, of which the head is there.
pub struct Answer {
    response: Response<Incoming>,
    doing: String,
    socket: PathBuf,
    patience: Option<Duration>,
    /// What has come behind the last line that was taken.
    unread: Vec<u8>,
}

impl Answer {
    /// The status, below 400.
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// Reads it as one JSON value.
    ///
    /// # Errors
    /// [`EngineError`]: it breaks off, is late, is longer than 64 MiB, or does not say what was asked for.
    pub async fn json<T: DeserializeOwned>(mut self) -> Result<T, EngineError> {
        let bytes = self.bytes().await?;
        serde_json::from_slice(&bytes).map_err(|error| self.odd(&error.to_string()))
    }

    /// Reads it to its end for nothing but that end.
    ///
    /// # Errors
    /// As [`Self::json`].
    pub async fn end(mut self) -> Result<(), EngineError> {
        self.bytes().await.map(drop)
    }

    /// Reads the next of the JSON values that are streamed, one a line. `None`: there are no more.
    ///
    /// # Errors
    /// As [`Self::json`]; a line with an `error` is [`EngineError::Refused`], because engines refuse in the middle of
    /// a stream that began with status 200.
    pub async fn next_line(&mut self) -> Result<Option<Value>, EngineError> {
        loop {
            let line = match self.unread.iter().position(|byte| *byte == b'\n') {
                Some(end) => self.unread.drain(..=end).collect::<Vec<u8>>(),
                None if self.unread.len() > LINE_BYTES => return Err(self.odd("a line has no end")),
                None => match self.next_bytes().await? {
                    Some(bytes) => {
                        self.unread.extend_from_slice(&bytes);
                        continue;
                    }
                    None if self.unread.is_empty() => return Ok(None),
                    None => std::mem::take(&mut self.unread),
                },
            };
            if line.trim_ascii().is_empty() {
                continue;
            }
            let value: Value = serde_json::from_slice(&line).map_err(|error| self.odd(&error.to_string()))?;
            return match message_in(&value).filter(|_| value.get("error").is_some()) {
                None => Ok(Some(value)),
                Some(message) => {
                    Err(EngineError::Refused { doing: self.doing.clone(), status: self.status(), message })
                }
            };
        }
    }

    /// Reads what comes next, as it is. `None`: nothing more does.
    ///
    /// # Errors
    /// As [`Self::json`].
    pub async fn next_bytes(&mut self) -> Result<Option<Bytes>, EngineError> {
        loop {
            let frame = self.response.body_mut().frame();
            let frame = match self.patience {
                None => frame.await,
                Some(patience) => timeout(patience, frame).await.map_err(|_| self.late())?,
            };
            match frame {
                None => return Ok(None),
                Some(Err(source)) => {
                    return Err(EngineError::Broken { doing: self.doing.clone(), source: source.into() });
                }
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) => return Ok(Some(bytes)),
                    Err(_) => continue, // trailers
                },
            }
        }
    }

    async fn bytes(&mut self) -> Result<Bytes, EngineError> {
        let all = Limited::new(self.response.body_mut(), ANSWER_BYTES).collect();
        let all = match self.patience {
            None => all.await,
            Some(patience) => timeout(patience, all).await.map_err(|_| self.late())?,
        };
        let all = all.map_err(|source| EngineError::Broken { doing: self.doing.clone(), source })?;
        Ok(all.to_bytes())
    }

    /// Why the engine does not do it, in its words.
    async fn refusal(mut self) -> EngineError {
        let status = self.status();
        // A refusal whose words do not arrive is one all the same.
        let bytes = self.bytes().await.unwrap_or_default();
        let told = serde_json::from_slice(&bytes).ok().and_then(|value| message_in(&value));
        let message = told.unwrap_or_else(|| match String::from_utf8_lossy(&bytes).trim() {
            "" => format!("the container engine answers {status}"),
            text => text.to_owned(),
        });
        EngineError::Refused { doing: self.doing, status, message }
    }

    fn late(&self) -> EngineError {
        let (doing, socket) = (self.doing.clone(), self.socket.clone());
        EngineError::TimedOut { doing, socket, patience: self.patience.unwrap_or_default() }
    }

    pub(crate) fn odd(&self, problem: &str) -> EngineError {
        EngineError::Odd { doing: self.doing.clone(), problem: problem.to_owned() }
    }
}

/// The words of a refusal: Podman has the cause in `cause` and the whole story in `message`, Docker only the latter; a
/// stream has them in `error`.
fn message_in(value: &Value) -> Option<String> {
    let text = |field: &str| value.get(field).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
    text("message").or_else(|| text("error")).map(str::to_owned)
}
