//! `tagger submit`.

use std::path::{Path, absolute};

use anyhow::{Context, bail};
use serde_json::{Map, Value, json};

use crate::args::SubmitArgs;
use crate::output::to_stdout;
use crate::remote::client::{Client, job_path};
use crate::remote::follow::{exit_status, follow};
use crate::remote::views::Job;
use crate::{Usage, report};

/// Runs the command; gives the exit status.
pub fn submit(args: &SubmitArgs) -> anyhow::Result<u8> {
    let several = args.models.len() * args.inputs.len() > 1;
    if several && args.id.is_some() {
        bail!(Usage(format!("--id names one job, and this would be {}", args.models.len() * args.inputs.len())));
    }
    if args.inputs.len() > 1 && args.content.is_some() {
        bail!(Usage(format!("--content names one content, and there are {} inputs", args.inputs.len())));
    }
    let client = Client::new(&args.server)?;
    let (params, texts) = chosen(args)?;
    let path = match &args.id {
        Some(id) => job_path(id).map_err(|_| {
            Usage(format!(
                "a job cannot be named `{id}`: take letters, digits, `-`, `_`, `.`, `:` or `@`, and no `.` first"
            ))
        })?,
        None => "/v1/jobs".to_owned(),
    };
    let (mut jobs, mut shown) = (Vec::new(), Vec::new());
    let mut status = 0;
    for input in &args.inputs {
        for model in &args.models {
            let body = json!({
                "model": whole(model)?,
                "source": absolute(input)?.to_str().with_context(|| no_text(input))?,
                "content": args.content.as_deref().or(input.to_str()),
                "params": params,
                "param_texts": texts,
                "priority": args.priority,
            });
            match client.send::<Value>(&path, args.id.is_some(), &body) {
                Ok(job) => {
                    let known: Job =
                        serde_json::from_value(job.clone()).context("the server's answer is not understood")?;
                    if !args.json {
                        to_stdout(&format!("{}\n", known.id))?;
                    }
                    jobs.push(known);
                    shown.push(job);
                }
                // The others go on, as far as the server is there.
                Err(error) if several && error.is::<crate::remote::Refused>() => {
                    let of = format!("cannot submit `{}` for model `{model}`", report::name(&input.to_string_lossy()));
                    status = status.max(crate::exit_status(&error));
                    report::error(&error.context(of));
                }
                Err(error) => return Err(error),
            }
        }
    }
    if args.wait {
        let ended = follow(&client, jobs)?;
        if args.json {
            shown = ended.iter().map(|job| client.get(&job_path(&job.id)?, &vec![])).collect::<Result<_, _>>()?;
        }
        status = status.max(exit_status(&ended));
    }
    if args.json {
        to_stdout(&format!("{}\n", serde_json::to_string_pretty(&shown)?))?;
    }
    Ok(status)
}

/// Parameters as JSON, and as they were typed.
fn chosen(args: &SubmitArgs) -> anyhow::Result<(Map<String, Value>, Map<String, Value>)> {
    let text = match args.params.as_deref().map(|text| (text, text.strip_prefix('@'))) {
        None => "{}".to_owned(),
        Some((_, Some(file))) => std::fs::read_to_string(file).with_context(|| format!("cannot read `{file}`"))?,
        Some((text, None)) => text.to_owned(),
    };
    let params = serde_json::from_str(&text).context("--params must be one JSON object, such as '{\"fps\": 2}'")?;
    let mut texts = Map::new();
    for pair in &args.pairs {
        let (key, value) = pair.split_once('=').with_context(|| format!("`-p {pair}` must read key=value"))?;
        texts.insert(key.to_owned(), value.into());
    }
    Ok((params, texts))
}

/// A model by name as it is, one by path as the server finds it, too.
fn whole(model: &str) -> anyhow::Result<String> {
    let is_path = model.contains('/') || model.ends_with(".py");
    if !is_path {
        return Ok(model.to_owned());
    }
    let path = absolute(model)?;
    Ok(path.to_str().with_context(|| no_text(&path))?.to_owned())
}

fn no_text(path: &Path) -> String {
    format!("path `{}` is no UTF-8: rename it, or link to it", path.display())
}
