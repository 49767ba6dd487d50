//! Shows how far jobs are until they have ended: a bar a job on a terminal, lines elsewhere.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, IsTerminal};
use std::thread;
use std::time::Duration;

use anyhow::bail;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::Value;
use tagger_store::JobState;
use tokio::signal::unix::{SignalKind, signal};

use crate::remote::client::{Client, job_path, reader};
use crate::remote::views::{Job, state_name};
use crate::{FAILED, INTERRUPTED, QUARANTINED, report};

/// How often, and how many times, a server that has gone is looked for.
const AGAIN: Duration = Duration::from_secs(1);
const TRIES: u32 = 60;

/// How much of a content's name is shown beside a bar.
const NAME_COLUMNS: usize = 32;

/// A bar's units.
const UNITS: u64 = 1000;

/// The status of a command that has waited for jobs: the worst of them.
pub fn exit_status(jobs: &[Job]) -> u8 {
    let states = || jobs.iter().map(|job| job.state);
    if states().any(|state| matches!(state, JobState::Failed | JobState::Stopped)) {
        FAILED
    } else if states().any(|state| state == JobState::Quarantined) {
        QUARANTINED
    } else {
        0
    }
}

/// Waits until all jobs have ended; gives them as they ended.
pub fn follow(client: &Client, jobs: Vec<Job>) -> anyhow::Result<Vec<Job>> {
    say_when_interrupted()?;
    let mut board = Board::new(jobs);
    let mut last_event: Option<String> = None;
    let mut tries = 0;
    while !board.has_ended() {
        match board.listen(client, &mut last_event) {
            Ok(true) => tries = 0,
            // A server that is started anew goes on with its jobs, and so does who watches them.
            Ok(false) => tries += 1,
            Err(error) if error.is::<crate::remote::client::Unreachable>() && tries > 0 => tries += 1,
            Err(error) => return Err(error),
        }
        if tries > TRIES {
            bail!("the server has gone; the jobs go on when it is back, see `tagger status`");
        }
        if tries > 0 && !board.has_ended() {
            thread::sleep(AGAIN);
        }
    }
    Ok(board.jobs)
}

/// Jobs on their way.
struct Board {
    jobs: Vec<Job>,
    places: HashMap<String, usize>,
    bars: Option<(MultiProgress, Vec<ProgressBar>)>,
}

impl Board {
    fn new(jobs: Vec<Job>) -> Self {
        let places = jobs.iter().enumerate().map(|(place, job)| (job.id.clone(), place)).collect();
        let bars = std::io::stderr().is_terminal().then(|| {
            let all = MultiProgress::new();
            // The template is a constant; if it did not parse, the plain bar would still tell.
            let style = ProgressStyle::with_template("{prefix} {bar:20} {percent:>3}%  {wide_msg}");
            let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
            let bars = jobs.iter().map(|job| {
                let bar = all.add(ProgressBar::new(UNITS).with_style(style.clone()));
                bar.set_prefix(format!(
                    "{} {:<NAME_COLUMNS$}",
                    job.model,
                    tail(&report::name(&job.content), NAME_COLUMNS)
                ));
                bar
            });
            let bars = bars.collect();
            (all, bars)
        });
        let mut board = Self { jobs: Vec::new(), places, bars };
        for job in jobs {
            board.jobs.push(job.clone());
            board.show(board.jobs.len() - 1, None);
        }
        board
    }

    fn has_ended(&self) -> bool {
        self.jobs.iter().all(|job| job.state.is_ended())
    }

    /// Takes in events until all is over or the connection is. Gives whether any came.
    fn listen(&mut self, client: &Client, last_event: &mut Option<String>) -> anyhow::Result<bool> {
        let headers: Vec<(&str, &str)> = last_event.iter().map(|id| ("last-event-id", id.as_str())).collect();
        let response = client.open("/v1/events", &vec![], &headers)?;
        // Whatever happened before the stream began is in the jobs as they are now.
        self.look(client)?;
        let (mut id, mut name, mut data) = (String::new(), String::new(), String::new());
        let mut has_come = false;
        for line in BufReader::new(reader(response)).lines() {
            if self.has_ended() {
                return Ok(true);
            }
            let Ok(line) = line else { return Ok(has_come) };
            match line.split_once(':').map(|(field, value)| (field, value.trim_start())) {
                Some(("id", value)) => value.clone_into(&mut id),
                Some(("event", value)) => value.clone_into(&mut name),
                Some(("data", value)) => value.clone_into(&mut data),
                _ if line.is_empty() && !name.is_empty() => {
                    has_come = true;
                    self.take(client, &name, &data)?;
                    *last_event = Some(std::mem::take(&mut id));
                    name.clear();
                    data.clear();
                    if self.has_ended() {
                        return Ok(true);
                    }
                }
                _ => {}
            }
        }
        Ok(has_come)
    }

    fn take(&mut self, client: &Client, name: &str, data: &str) -> anyhow::Result<()> {
        match name {
            "job" => {
                if let Ok(job) = serde_json::from_str::<Job>(data) {
                    self.update(job);
                }
            }
            "removed" => {
                let id =
                    serde_json::from_str::<Value>(data).ok().and_then(|data| Some(data["id"].as_str()?.to_owned()));
                if let Some(id) = id.filter(|id| self.places.contains_key(id)) {
                    bail!("job `{id}` was removed");
                }
            }
            "trouble" => {
                let data = serde_json::from_str::<Value>(data).unwrap_or_default();
                self.say(&format!("the server is in trouble: {}", data["message"].as_str().unwrap_or_default()));
            }
            "pruned" => {}
            _ => self.look(client)?,
        }
        Ok(())
    }

    /// Looks at all jobs that have not ended.
    fn look(&mut self, client: &Client) -> anyhow::Result<()> {
        let going: Vec<String> =
            self.jobs.iter().filter(|job| !job.state.is_ended()).map(|job| job.id.clone()).collect();
        for id in going {
            self.update(client.get(&job_path(&id)?, &vec![])?);
        }
        Ok(())
    }

    fn update(&mut self, job: Job) {
        if let Some(&place) = self.places.get(&job.id) {
            let before = std::mem::replace(&mut self.jobs[place], job);
            self.show(place, Some(&before));
        }
    }

    fn show(&self, place: usize, before: Option<&Job>) {
        let job = &self.jobs[place];
        if let Some((_, bars)) = &self.bars {
            let bar = &bars[place];
            bar.set_position((job.progress * UNITS as f64) as u64);
            bar.set_message(far(job));
            if job.state.is_ended() {
                bar.abandon();
            }
        } else if before.is_none_or(|before| before.state != job.state) {
            report::line(&format!("{}: {} over {} {}", job.id, job.model, report::name(&job.content), far(job)));
        }
        let is_new = |before: &Job| before.warnings < job.warnings;
        if let Some(warning) = job.last_warning.as_ref().filter(|_| before.is_none_or(is_new)) {
            self.say(&format!("warning: {}: {warning}", job.id));
        }
        if job.state.is_ended()
            && let Some(cause) = &job.cause
        {
            self.say(&format!("{}: {} because: {cause}", job.id, state_name(job.state)));
        }
    }

    fn say(&self, text: &str) {
        match &self.bars {
            Some((all, _)) => all.suspend(|| report::line(text)),
            None => report::line(text),
        }
    }
}

/// How far a job is, in words.
pub fn far(job: &Job) -> String {
    let mut text = state_name(job.state);
    if job.parts > 0 {
        text += &format!(", {}/{} parts", job.done, job.parts);
    }
    if job.quarantined > 0 {
        text += &format!(", {} quarantined", job.quarantined);
    }
    if job.tags > 0 {
        text += &format!(", {}", report::count(job.tags, "tag"));
    }
    text
}

/// The end of a long name: that is where names differ.
pub fn tail(name: &str, columns: usize) -> String {
    match name.chars().count().checked_sub(columns) {
        None | Some(0) => name.to_owned(),
        Some(over) => format!("…{}", name.chars().skip(over + 1).collect::<String>()),
    }
}

/// Ends the command at Ctrl-C, and says that the jobs do not end with it.
fn say_when_interrupted() -> anyhow::Result<()> {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    thread::spawn(move || {
        tokio.block_on(async {
            let Ok(mut interrupt) = signal(SignalKind::interrupt()) else { return };
            if interrupt.recv().await.is_some() {
                report::line("no longer watching; the jobs go on");
                std::process::exit(INTERRUPTED.into());
            }
        });
    });
    Ok(())
}
