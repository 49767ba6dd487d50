//! What can go wrong between us and an engine.

use std::path::PathBuf;
use std::time::Duration;

use hyper::StatusCode;

/// Why an engine did not do what it was asked. `doing` is what that was: "start the container".
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Nobody answers anywhere.
    #[error("no container engine answers ({}); `tagger doctor` says what is missing", listed(.tried))]
    NoneAnswers {
        /// The sockets that were asked.
        tried: Vec<PathBuf>,
    },
    /// The socket takes no connection.
    #[error("no container engine listens on `{}`", socket.display())]
    Unreachable {
        /// The socket.
        socket: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// It did not answer in time.
    #[error("cannot {doing}: the container engine on `{}` has not answered within {} s", socket.display(), patience.as_secs_f64())]
    TimedOut {
        /// What was asked.
        doing: String,
        /// The engine's socket.
        socket: PathBuf,
        /// How long it was waited for.
        patience: Duration,
    },
    /// It answered that it cannot, or does not want to.
    #[error("cannot {doing}: {message}")]
    Refused {
        /// What was asked.
        doing: String,
        /// The answer's status. 200 where the refusal came in the middle of a stream.
        status: StatusCode,
        /// The engine's own words.
        message: String,
    },
    /// The connection broke, as when the engine ends.
    #[error("cannot {doing}: the container engine has closed the connection")]
    Broken {
        /// What was asked.
        doing: String,
        /// What the connection says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The answer is none that an engine gives.
    #[error("cannot {doing}: the container engine's answer is not understood: {problem}")]
    Odd {
        /// What was asked.
        doing: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl EngineError {
    /// Whether the engine said that there is no such thing.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status: StatusCode::NOT_FOUND, .. })
    }

    /// Whether the engine itself is away, so that the same call may succeed when it is back.
    pub fn is_away(&self) -> bool {
        match self {
            Self::NoneAnswers { .. } | Self::Unreachable { .. } | Self::TimedOut { .. } | Self::Broken { .. } => true,
            Self::Refused { .. } | Self::Odd { .. } => false,
        }
    }
}

fn listed(sockets: &[PathBuf]) -> String {
    let sockets: Vec<String> = sockets.iter().map(|socket| format!("`{}`", socket.display())).collect();
    format!("asked {}", sockets.join(", "))
}
