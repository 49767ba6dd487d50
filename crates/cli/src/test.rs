//! `tagger test`: does a model's program keep the contract?

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use tagger_runtime::{Conformance, Executors, Finding, Interpreter, Model, ProcessExecutor, Report, Sort, Verdict};
use tagger_wire::ModelKind;

use crate::args::TestArgs;
use crate::choice::chosen_params;
use crate::containers::containers;
use crate::report::{count, harmless};
use crate::run::refuse_needs;
use crate::signals::Signals;
use crate::{FAILED, INTERRUPTED};

/// Runs the command; gives the exit status.
pub fn test(args: &TestArgs) -> anyhow::Result<u8> {
    let begun = Instant::now();
    let mut models = [Model::resolve(&args.model, &Interpreter { chosen: args.python.clone() })?];
    let tokio = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let signals = {
        let _context = tokio.enter();
        Signals::listen()?
    };
    let containers = containers()?;
    if tokio.block_on(signals.describe(&mut models, &containers))?.is_none() {
        return Ok(INTERRUPTED);
    }
    let params = chosen_params(args.params.as_deref(), &args.pairs)?.for_models(&models)?;
    let [model] = models;
    refuse_needs(&model, &args.allow)?;
    let variables = ["ELV_CONTENT", "ELV_TOKEN"];
    if model.kind() == Some(ModelKind::Processor) && variables.iter().any(|name| std::env::var_os(name).is_none()) {
        bail!("model `{}` is a processor: name a content that it can fetch in {}", model.name, variables.join(" and "));
    }
    let conformance = Conformance {
        params: params.into_iter().next().unwrap_or_default(),
        patience: Duration::from_secs_f64(args.timeout),
        model,
        executors: Executors { processes: ProcessExecutor::default(), containers: containers.clone() },
    };
    let examined = tokio.block_on(async {
        let examined = examine(&conformance, &signals).await;
        containers.close().await;
        examined
    })?;
    let Some(report) = examined else { return Ok(INTERRUPTED) };
    let text = if args.json {
        serde_json::to_string_pretty(&as_json(&report))? + "\n"
    } else {
        let summary = summary(&report);
        format!("{}{summary}, in {:.1} s\n", describe(&report, args.verbose), begun.elapsed().as_secs_f64())
    };
    crate::output::to_stdout(&harmless(&text))?;
    Ok(if report.count(Verdict::Broken) == 0 { 0 } else { FAILED })
}

/// Tests, and shows on a terminal what is being tried. `None` if the user has had enough.
async fn examine(conformance: &Conformance, signals: &Signals) -> anyhow::Result<Option<Report>> {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    if std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::stderr());
        bar.set_style(ProgressStyle::with_template("{spinner} {msg}").context("progress")?);
        bar.enable_steady_tick(Duration::from_millis(100));
    }
    let name = &conformance.model.name;
    let report = signals
        .unless_stopped(conformance.examine(|what| bar.set_message(format!("{name}: {what}"))))
        .await
        .transpose();
    bar.finish_and_clear();
    Ok(report?)
}

fn describe(report: &Report, is_verbose: bool) -> String {
    let takes: Vec<&str> = report.takes.iter().map(|sort| word(*sort)).collect();
    let takes = if takes.is_empty() { "nothing that it was given".to_owned() } else { takes.join(", ") };
    let mut text = format!("{} (takes {takes})\n", report.model);
    for finding in &report.findings {
        let (rule, verdict) = (finding.rule, finding.verdict);
        let mark = match verdict {
            Verdict::Kept => "ok",
            Verdict::Broken => "BROKEN",
            Verdict::NotJudged => "-",
        };
        let told = if verdict == Verdict::NotJudged { &finding.came } else { rule.contract() };
        text += &format!("  {mark:<6}  {:<17}  {told}\n", rule.name());
        if verdict == Verdict::Broken || (is_verbose && verdict == Verdict::Kept) {
            for (heading, told) in [("sent", &finding.sent), ("came", &finding.came)] {
                text += &format!("            {heading}  {told}\n");
            }
        } else if is_verbose {
            text += &format!("            rule  {}\n", rule.contract());
        }
    }
    for advice in &report.advice {
        text += &format!("  {:<6}  {:<17}  {}\n", "note", advice.about, advice.told);
    }
    text
}

fn word(sort: Sort) -> &'static str {
    match sort {
        Sort::Video => "video",
        Sort::Image => "stills",
        Sort::Audio => "sound",
        Sort::Ranges => "time ranges",
    }
}

fn summary(report: &Report) -> String {
    let num = |verdict| report.count(verdict) as u64;
    let kept = count(num(Verdict::Kept), "rule");
    format!("{kept} kept, {} broken, {} not judged", num(Verdict::Broken), num(Verdict::NotJudged))
}

fn as_json(report: &Report) -> serde_json::Value {
    let findings: Vec<_> = report.findings.iter().map(finding_as_json).collect();
    json!({
        "model": report.model,
        "takes": report.takes,
        "findings": findings,
        "advice": report.advice,
        "kept": report.count(Verdict::Kept),
        "broken": report.count(Verdict::Broken),
        "not_judged": report.count(Verdict::NotJudged),
    })
}

fn finding_as_json(finding: &Finding) -> serde_json::Value {
    json!({
        "rule": finding.rule,
        "verdict": finding.verdict,
        "sent": finding.sent,
        "came": finding.came,
        "contract": finding.rule.contract(),
    })
}
