//! What Ctrl-C, a request to terminate and a hang-up do: end the command at once, or in order where it has started
//! programs.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use tagger_runtime::{Containers, Model, ModelError, describe_models};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::INTERRUPTED;

/// Listens to the signals that ask for an end.
pub struct Signals {
    stop: CancellationToken,
    /// Whether something is at work that has to be cleared up.
    is_at_work: Arc<AtomicBool>,
}

impl Signals {
    /// Begins to listen. A signal ends the command at once, with the status of one that was interrupted.
    ///
    /// # Errors
    /// The system lets nobody listen.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn listen() -> anyhow::Result<Self> {
        let signals = Self { stop: CancellationToken::new(), is_at_work: Arc::default() };
        for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
            let mut signal = signal(kind).context("cannot listen for signals")?;
            let (stop, is_at_work) = (signals.stop.clone(), signals.is_at_work.clone());
            tokio::spawn(async move {
                while signal.recv().await.is_some() {
                    if !is_at_work.load(Ordering::Relaxed) {
                        std::process::exit(INTERRUPTED.into());
                    }
                    stop.cancel();
                }
            });
        }
        Ok(signals)
    }

    /// Does `work`, which ends in order once the token it is given is cancelled: a signal cancels it.
    pub async fn in_order<T, F: Future<Output = T>>(&self, work: impl FnOnce(CancellationToken) -> F) -> T {
        self.is_at_work.store(true, Ordering::Relaxed);
        let result = work(self.stop.clone()).await;
        self.is_at_work.store(false, Ordering::Relaxed);
        result
    }

    /// Does `work`, which is dropped at a signal: then there is no result.
    pub async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.in_order(|stop| async move {
            tokio::select! {
                result = work => Some(result),
                () = stop.cancelled() => None,
            }
        })
        .await
    }

    /// Asks images and programs what they are. `None` if a signal came first; then none of them is left.
    ///
    /// # Errors
    /// An image cannot be had.
    pub async fn describe(&self, models: &mut [Model], containers: &Containers) -> Result<Option<()>, ModelError> {
        let asking = async {
            containers.look_up(models).await?;
            describe_models(models, containers).await;
            Ok(())
        };
        self.unless_stopped(asking).await.transpose()
    }
}
