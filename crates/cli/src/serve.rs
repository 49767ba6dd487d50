//! `tagger serve`: jobs and the HTTP API, until it is told to end.

use std::env;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use tagger_runtime::config::{Config, Overrides};
use tagger_runtime::service::{News, Service, Setup, Watch};
use tagger_runtime::{ContainerSetup, Containers, Executors, Guard, Interpreter, ProcessExecutor};
use tagger_store::Sqlite;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::args::ServeArgs;
use crate::output::to_stdout;
use crate::{GUARD, INTERRUPTED, report};

/// The variable that holds the token of server and clients.
pub const TOKEN_VARIABLE: &str = "TAGGER_TOKEN";

/// How long requests that are under way may take when the server ends.
const LAST_REQUESTS: Duration = Duration::from_secs(5);

/// Runs the command; gives the exit status.
pub fn serve(args: ServeArgs) -> anyhow::Result<u8> {
    let here = env::current_dir().and_then(|here| here.canonicalize()).context("cannot find the current folder")?;
    let token = env::var(TOKEN_VARIABLE).ok().filter(|token| !token.is_empty());
    let overrides = Overrides { file: args.config, listen: args.listen, data: args.data, token };
    let config = Config::resolve(overrides, &here)?;
    if args.check_config {
        to_stdout(&format!("{config}\n"))?;
        return Ok(0);
    }
    let tokio = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    tokio.block_on(run(config, Interpreter { chosen: args.python }))
}

async fn run(config: Config, python: Interpreter) -> anyhow::Result<u8> {
    // Before anything is begun: two servers at one address would be found out too late.
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}: choose another address with --listen", config.listen))?;
    let address = listener.local_addr().context("cannot tell the address")?;
    fs::create_dir_all(&config.data)
        .with_context(|| format!("cannot make the data folder `{}`", config.data.display()))?;
    let store = Sqlite::open(&config.data.join("tagger.db"))?;
    let guard = Guard::this_program(GUARD).context("cannot find this program")?;
    let stop = CancellationToken::new();
    let options = tagger_server::Options {
        token: config.token.clone(),
        request_bytes: config.limits.request_bytes,
        stop: stop.clone(),
    };
    let data = config.data.display().to_string();
    let containers = Containers::new(ContainerSetup {
        pull: config.containers.pull,
        guard: Some(guard.clone()),
        // Whoever holds the lock of the store is the only one there.
        place: config.data.canonicalize().ok().map(|data| data.display().to_string()),
        cache: Some(config.data.join("cache")),
        ..ContainerSetup::default()
    });
    let service = Service::start(Setup {
        config,
        store: Arc::new(store),
        executors: Executors { processes: ProcessExecutor { guard: Some(guard) }, containers },
        python,
        clock: Arc::new(now_ms),
    })
    .await?;
    let router = tagger_server::router(service.clone(), &options).context("cannot describe the API")?;
    let serving = tokio::spawn(tagger_server::serve(listener, router, stop.clone().cancelled_owned()));
    report::line(&format!("listening on http://{address}, data in {data}"));
    tokio::spawn(tell_news(service.watch(Some(0))));

    let status = until_told(&service).await?;
    // Whoever asks now is answered still; streams of events end.
    stop.cancel();
    match timeout(LAST_REQUESTS, serving).await {
        Ok(ended) => ended.context("the HTTP server has failed")?.context("the HTTP server has failed")?,
        Err(_) => report::line("some requests took too long and were cut off"),
    }
    report::line("ended; jobs that have not ended go on at the next start");
    Ok(status)
}

/// Says on standard error what an operator should know, as long as the service runs.
async fn tell_news(mut watch: Watch) {
    while let Some(announcement) = watch.next().await {
        match announcement.what {
            News::Trouble(trouble) => report::line(&format!("trouble: {trouble}")),
            News::Pruned { batches } => {
                let tracks = report::count(batches, "replaced track");
                report::line(&format!("gave up {tracks}: that cannot be undone any more"));
            }
            // Jobs have commands of their own.
            News::Job(_) | News::Removed(_) | News::Missed => {}
        }
    }
}

/// Waits for a signal and for what it asks for; gives the exit status.
async fn until_told(service: &Service) -> anyhow::Result<u8> {
    let listen = |kind| signal(kind).context("cannot listen for signals");
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let mut hangup = listen(SignalKind::hangup())?;
    let mut status = tokio::select! {
        _ = interrupt.recv() => Some(INTERRUPTED),
        _ = terminate.recv() => Some(0),
        _ = hangup.recv() => None,
    };
    if status.is_none() {
        report::line("taking no new jobs; ending when those that run have ended");
        status = tokio::select! {
            () = service.quiesce() => return Ok(0),
            _ = interrupt.recv() => Some(INTERRUPTED),
            _ = terminate.recv() => Some(0),
        };
    }
    report::line("ending all programs in order (this takes some seconds at most)");
    tokio::select! {
        () = service.drain() => {}
        // Asked twice: what was finished is stored, and the guards end the programs.
        _ = interrupt.recv() => std::process::exit(INTERRUPTED.into()),
    }
    Ok(status.unwrap_or(0))
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
