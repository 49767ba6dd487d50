//! `tagger jobs`, `status`, `stop`, `retry` and `rm`.

use std::time::{Duration, UNIX_EPOCH};

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;
use tagger_store::PartState;

use crate::args::{JobArgs, JobsArgs, RetryArgs, ServerArgs, StatusArgs};
use crate::output::to_stdout;
use crate::remote::client::{Client, Query, job_path};
use crate::remote::follow::{exit_status, far, follow, tail};
use crate::remote::views::{Attempt, Job, Part, state_name};
use crate::report;

/// How many quarantined parts are shown.
const PARTS_SHOWN: usize = 20;

/// How much of a content's name is shown in a table.
const CONTENT_COLUMNS: usize = 64;

/// `tagger jobs`.
pub fn jobs(args: &JobsArgs) -> anyhow::Result<u8> {
    let client = Client::new(&args.server)?;
    let filters = [("state", &args.state), ("content", &args.content), ("model", &args.model)];
    let query: Query = filters.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect();
    let found: Vec<Value> = client.pages("/v1/jobs", &query, args.limit)?;
    if args.json {
        to_stdout(&format!("{}\n", serde_json::to_string_pretty(&found)?))?;
        return Ok(0);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["job", "state", "done", "parts", "tags", "model", "content", "submitted"]);
    for job in found {
        let job: Job = serde_json::from_value(job)?;
        let percent = format!("{:.0}%", (job.progress * 100.0).floor());
        let parts = format!("{}/{}", job.done, job.parts);
        let submitted = utc(job.created_ms);
        let content = tail(&report::name(&job.content), CONTENT_COLUMNS);
        table.add_row([
            job.id,
            state_name(job.state),
            percent,
            parts,
            job.tags.to_string(),
            job.model,
            content,
            submitted,
        ]);
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    to_stdout(&format!("{}\n", lines.join("\n")))?;
    Ok(0)
}

/// `tagger status`.
pub fn status(args: &StatusArgs) -> anyhow::Result<u8> {
    let client = Client::new(&args.server)?;
    let path = job_path(&args.job)?;
    let mut status = 0;
    if args.watch {
        let ended = follow(&client, vec![client.get(&path, &vec![])?])?;
        status = exit_status(&ended);
    }
    let job: Value = client.get(&path, &vec![])?;
    if args.json {
        to_stdout(&format!("{}\n", serde_json::to_string_pretty(&job)?))?;
        return Ok(status);
    }
    let job: Job = serde_json::from_value(job)?;
    let mut text = format!("{}  {}\n", job.id, far(&job));
    let mut line = |name: &str, value: &str| text += &format!("  {name:<10}{}\n", report::harmless(value));
    line("content", &report::name(&job.content));
    line("model", &job.model);
    line("submitted", &utc(job.created_ms));
    if let Some(started) = job.started_ms {
        line("started", &utc(started));
    }
    if let Some(ended) = job.ended_ms {
        line("ended", &utc(ended));
    }
    if let Some(cause) = &job.cause {
        line("cause", cause);
    }
    if let Some(warning) = &job.last_warning {
        line("warnings", &format!("{}, the last one: {warning}", job.warnings));
    }
    if job.attempts > 1 {
        let attempts: Vec<Attempt> = client.pages(&format!("{path}/attempts"), &vec![], 1000)?;
        for attempt in attempts {
            let outcome = attempt.outcome.map_or("runs".to_owned(), |outcome| format!("{outcome:?}").to_lowercase());
            let cause = attempt.cause.map(|cause| format!(": {}", without_log(&cause))).unwrap_or_default();
            line(&format!("attempt {}", attempt.number), &format!("{outcome}{cause}"));
        }
    }
    if job.quarantined > 0 {
        let parts: Vec<Part> = client.pages(&format!("{path}/parts"), &vec![], usize::MAX)?;
        let given_up = parts.into_iter().filter(|part| part.state == PartState::Quarantined);
        for part in given_up.take(PARTS_SHOWN) {
            let cause = without_log(&part.cause.unwrap_or_default()).to_owned();
            let attempts = report::count(part.attempts, "attempt");
            line(&format!("part {}", part.number), &format!("quarantined after {attempts}: {cause}"));
        }
    }
    to_stdout(&text)?;
    Ok(status)
}

/// `tagger stop`.
pub fn stop(args: &JobArgs) -> anyhow::Result<u8> {
    each(&args.server, &args.jobs, |client, path| {
        let job: Job = client.post(&format!("{path}/stop"), &vec![])?;
        Ok(format!("{} {}", job.id, far(&job)))
    })
}

/// `tagger retry`.
pub fn retry(args: &RetryArgs) -> anyhow::Result<u8> {
    each(&args.server, &args.jobs, |client, path| {
        let query = vec![("failed_only", args.failed_only.to_string())];
        let job: Job = client.post(&format!("{path}/retry"), &query)?;
        Ok(format!("{} {}", job.id, far(&job)))
    })
}

/// `tagger rm`.
pub fn remove(args: &JobArgs) -> anyhow::Result<u8> {
    each(&args.server, &args.jobs, |client, path| {
        client.delete(path)?;
        Ok(format!("{} removed", path.trim_start_matches("/v1/jobs/")))
    })
}

/// Does something to each of several jobs, and tells what came of it. What is refused for one goes on with the others.
fn each(
    server: &ServerArgs,
    jobs: &[String],
    act: impl Fn(&Client, &str) -> anyhow::Result<String>,
) -> anyhow::Result<u8> {
    let client = Client::new(server)?;
    let mut status = 0;
    for job in jobs {
        match job_path(job).and_then(|path| act(&client, &path)) {
            Ok(told) => report::line(&told),
            Err(error) if jobs.len() > 1 => {
                status = status.max(crate::exit_status(&error));
                report::error(&error);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(status)
}

/// A cause without the end of the log, which is shown once, with the job, and whole by `tagger logs`.
fn without_log(cause: &str) -> &str {
    cause.split_once("; its log ends:\n").map_or(cause, |(told, _)| told)
}

/// A point in time as people read it anywhere: `2026-11-23 20:15:00 UTC`.
fn utc(ms: i64) -> String {
    let time = UNIX_EPOCH + Duration::from_millis(u64::try_from(ms).unwrap_or(0));
    let text = humantime::format_rfc3339_seconds(time).to_string();
    text.replace('T', " ").replace('Z', " UTC")
}
