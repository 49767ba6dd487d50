//! One start of a model program over some files: started, fed, its output read line by line to the end.
//!
//! What the lines mean is for others to say; here only silence and too much speech are told apart from work.

use std::future::pending;
use std::io;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use tagger_wire::Line;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::yield_now;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::collector::{Changes, Collector};
use crate::executor::{Ending, Executor, Launch, RunningProgram};

/// How many lines of a program's log an error shows.
const LOG_LINES_SHOWN: usize = 8;

/// How patient an attempt is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// Give up on a program that has not begun to read its input after this long.
    pub input: Duration,
    /// Give up on a program that has written no line for this long. `None`: wait for ever.
    pub progress: Option<Duration>,
    /// Give up on a program that has written more than this. `None`: however much it is.
    pub output_bytes: Option<u64>,
}

/// What may be asked of a running attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// End the program in order, within 5 s.
    Stop,
    /// End its input, whatever of it is still to come.
    EndInput,
    /// Ask the program to terminate.
    Terminate,
    /// Kill it.
    Kill,
}

/// Who takes the lines of an attempt.
#[async_trait]
pub(crate) trait Listener: Send {
    /// Takes a line. An error ends the attempt: the program is killed.
    fn take(&mut self, line: Line) -> io::Result<()>;

    /// Does what the lines so far ask for; reading waits for it.
    async fn settle(&mut self) -> io::Result<()>;
}

/// Why an attempt was over.
#[derive(Debug)]
pub(crate) enum Over {
    /// The program has ended by itself.
    Ended(Ending),
    /// It was stopped by [`Order::Stop`].
    Stopped,
    /// It has not read its input in time, and was killed.
    NeverRead(String),
    /// It has written nothing for too long, and was killed.
    Stalled(String),
    /// It has written too much, and was killed.
    Flooded(String),
    /// Its output cannot be read, and it was killed.
    Unreadable(io::Error),
    /// What it found cannot be kept, and it was killed.
    Unkept(io::Error),
}

/// Runs `launch`, which writes to `output` and is fed `paths`, to its end, which `orders` may bring about. The
/// folder of `output` must exist and be no other attempt's.
///
/// # Errors
/// The program cannot be started.
pub(crate) async fn attempt(
    executor: &dyn Executor,
    launch: &Launch,
    output: &Path,
    paths: &[String],
    patience: Patience,
    orders: &mut UnboundedReceiver<Order>,
    listener: &mut impl Listener,
) -> io::Result<Over> {
    let mut reading = Reading {
        changes: Changes::watch(output.parent().unwrap_or(Path::new("/"))),
        collector: Collector::new(output.to_owned()),
        max_bytes: patience.output_bytes.unwrap_or(u64::MAX),
    };
    let mut program = executor.start(launch).await.map_err(|error| match &launch.container {
        None => io::Error::new(error.kind(), format!("cannot start `{}`: {error}", launch.command[0].display())),
        Some(_) => error,
    })?;
    program.feed(paths);
    program.close_input();
    let over = reading.follow(program.as_mut(), patience, orders, listener).await;
    let remark = program.remark().map(|remark| format!("; {remark}")).unwrap_or_default();
    let log = program.finish().await;
    // What was written before the end counts, however the end came.
    let over = match over {
        Over::Flooded(_) | Over::Unreadable(_) | Over::Unkept(_) => over,
        _ => reading.finish(listener).await.unwrap_or(over),
    };
    let explained = |told: String| told + &remark + &log_end(&log);
    Ok(match over {
        Over::Ended(Ending { is_clean, told }) => {
            let missing = if is_clean { ", but no progress message has come" } else { "" };
            Over::Ended(Ending { is_clean, told: explained(told + missing) })
        }
        Over::NeverRead(told) => Over::NeverRead(explained(told)),
        Over::Stalled(told) => Over::Stalled(explained(told)),
        Over::Stopped | Over::Flooded(_) | Over::Unreadable(_) | Over::Unkept(_) => over,
    })
}

/// The output file while it grows.
struct Reading {
    changes: Changes,
    collector: Collector,
    max_bytes: u64,
}

impl Reading {
    async fn follow(
        &mut self,
        program: &mut dyn RunningProgram,
        patience: Patience,
        orders: &mut UnboundedReceiver<Order>,
        listener: &mut impl Listener,
    ) -> Over {
        let mut reading_clock = interval(patience.input);
        reading_clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        reading_clock.tick().await; // the first tick is now
        let mut last_line = Instant::now();
        // A program that was taken over has written before.
        let mut has_more = true;
        let over = loop {
            let something_new = async { if has_more { yield_now().await } else { self.changes.next().await } };
            let silence = async {
                match patience.progress {
                    Some(patience) => sleep_until(last_line + patience).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                ended = program.wait() => match ended {
                    Ok(ending) => return Over::Ended(ending),
                    Err(error) => break Over::Unreadable(error),
                },
                Some(order) = orders.recv() => match order {
                    Order::EndInput => program.cut_input(),
                    Order::Terminate => program.terminate(),
                    // Its end is told by itself, like any other.
                    Order::Kill => program.kill().await,
                    Order::Stop => {
                        program.stop().await;
                        return Over::Stopped;
                    }
                },
                () = something_new => match self.turn(listener).await {
                    Ok(turn) => {
                        has_more = turn.has_more;
                        if turn.lines > 0 {
                            last_line = Instant::now();
                        }
                    }
                    Err(over) => break over,
                },
                _ = reading_clock.tick() => if !program.has_read() {
                    let seconds = patience.input.as_secs_f64();
                    break Over::NeverRead(format!("it has not read its input within {seconds} s"));
                },
                () = silence => {
                    let seconds = patience.progress.unwrap_or_default().as_secs_f64();
                    break Over::Stalled(format!("it has written nothing for {seconds} s and was killed"));
                }
            }
        };
        program.kill().await;
        over
    }

    /// Takes in what is new, up to a limit.
    async fn turn(&mut self, listener: &mut impl Listener) -> Result<Turn, Over> {
        let mut lines = 0;
        let mut refused = None;
        let has_more = self
            .collector
            .read_some(|line| {
                lines += 1;
                if refused.is_none() {
                    refused = listener.take(line).err();
                }
            })
            .map_err(Over::Unreadable)?;
        if let Some(error) = refused {
            return Err(Over::Flooded(error.to_string()));
        }
        listener.settle().await.map_err(Over::Unkept)?;
        if self.collector.read_bytes() > self.max_bytes {
            return Err(Over::Flooded(format!("it has written more than {} bytes of output", self.max_bytes)));
        }
        Ok(Turn { lines, has_more })
    }

    /// Takes in the rest of what a program has written that is gone. Gives what spoils it.
    async fn finish(&mut self, listener: &mut impl Listener) -> Option<Over> {
        loop {
            match self.turn(listener).await {
                Ok(Turn { has_more: true, .. }) => {}
                Ok(_) => break,
                Err(over) => return Some(over),
            }
        }
        if let Some(line) = self.collector.last_line()
            && let Err(error) = listener.take(line)
        {
            return Some(Over::Flooded(error.to_string()));
        }
        listener.settle().await.err().map(Over::Unkept)
    }
}

/// What one look at the output has brought.
struct Turn {
    lines: u64,
    has_more: bool,
}

/// The last lines of a program's log, set off from the message they explain.
fn log_end(log: &str) -> String {
    let lines: Vec<&str> = log.lines().filter(|line| !line.trim().is_empty()).collect();
    let shown = &lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..];
    if shown.is_empty() { String::new() } else { format!("; its log ends:\n    | {}", shown.join("\n    | ")) }
}
