//! `tagger run`: models over media, tags out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tagger_media::{MediaKind, Rational, Timestamp};
use tagger_runtime::{
    Executors, Failure, Input, Interpreter, Model, Outcome, ProcessExecutor, Run, Settings, Window, find_inputs,
    time_of_frame,
};
use tagger_wire::{ModelKind, Need};
use tokio_util::sync::CancellationToken;

use crate::args::RunArgs;
use crate::choice::chosen_params;
use crate::containers::containers;
use crate::output::Output;
use crate::progress::{Names, Progress};
use crate::signals::Signals;
use crate::time::TimePoint;
use crate::{FAILED, INTERRUPTED, report};

/// What times are typed in.
const MILLISECONDS: Rational = Rational { num: 1, den: 1000 };

/// Later than any file is long.
const AFTER_EVERYTHING: Timestamp = Timestamp { ticks: i64::MAX, base: MILLISECONDS };

/// Runs the command; gives the exit status.
pub fn run(args: RunArgs) -> anyhow::Result<u8> {
    let begun = Instant::now();
    let tokio = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let mut models = resolve(&args)?;
    let signals = {
        let _context = tokio.enter();
        Signals::listen()?
    };
    let containers = containers()?;
    if tokio.block_on(signals.describe(&mut models, &containers))?.is_none() {
        return Ok(INTERRUPTED);
    }
    refuse_unfit(&models, &args.allow)?;
    let params = chosen_params(args.params.as_deref(), &args.pairs)?.for_models(&models)?;
    let (mut inputs, faulty) = find_inputs(&args.inputs);
    let num_faulty = faulty.len();
    for fault in faulty {
        report::error(&fault.into());
    }
    let outputs = Output::from_args(&args.output, args.format, inputs.len())?;
    for input in &mut inputs {
        input.window = window(&args, input)?;
    }
    let unsuited = warn_of_unsuited(&models, &inputs);
    if inputs.is_empty() || unsuited == models.len() {
        return Ok(FAILED);
    }
    let names = Arc::new(Names {
        models: models.iter().map(|model| model.name.clone()).collect(),
        contents: inputs.iter().map(|input| input.content.clone()).collect(),
        spans_ms: inputs.iter().map(span_ms).collect(),
    });
    let progress = Progress::new(names.clone(), args.quiet);
    let run = Run {
        models: models.into_iter().zip(params).collect(),
        inputs,
        executors: Executors { processes: ProcessExecutor::default(), containers: containers.clone() },
        settings: Settings {
            input_timeout: Duration::from_secs_f64(args.input_timeout),
            on_damage: args.on_damage.into(),
        },
    };
    let outcome = tokio.block_on(async {
        let outcome = carry_out(run, &progress, &signals).await;
        containers.close().await;
        outcome
    })?;

    for failure in &outcome.failures {
        report::line(&describe_failure(failure, &names));
    }
    // Files of an earlier run are not replaced by nothing because this one has failed.
    let mut is_written = true;
    if outcome.finished > 0 || (outcome.failures.is_empty() && !outcome.is_interrupted) {
        for output in &outputs {
            if let Err(error) = output.write(&outcome.rows) {
                report::error(&error);
                is_written = false;
            }
        }
    }
    let num_failures = outcome.failures.len() + num_faulty + unsuited;
    if !args.quiet || outcome.is_interrupted {
        report::line(&format!(
            "{}, in {:.1} s",
            summary(&outcome, &names, progress.warnings(), num_failures),
            begun.elapsed().as_secs_f64()
        ));
    }
    Ok(match (outcome.is_interrupted, num_failures) {
        (true, _) => INTERRUPTED,
        (false, 0) if is_written => 0,
        (false, _) => FAILED,
    })
}

/// From where to where an input is tagged, in ms, if it is known how long it is.
fn span_ms(input: &Input) -> Option<(i64, i64)> {
    let duration = input.media.duration?.to_millis();
    let from = input.window.from.map_or(0, Timestamp::to_millis);
    Some((from, input.window.to.map_or(duration, |to| to.to_millis().min(duration))))
}

fn describe_failure(failure: &Failure, names: &Names) -> String {
    let contents = report::names(failure.inputs.iter().map(|input| names.contents[*input].as_str()));
    match (failure.model.map(|model| &names.models[model]), failure.inputs.len()) {
        (None, _) => format!("error: {contents}: {}", failure.message),
        (Some(model), 0) => format!("error: model `{model}` failed: {}", failure.message),
        (Some(model), _) => format!("error: model `{model}` failed on {contents}: {}", failure.message),
    }
}

fn resolve(args: &RunArgs) -> anyhow::Result<Vec<Model>> {
    let python = Interpreter { chosen: args.python.clone() };
    let mut models: Vec<Model> = Vec::new();
    for name in &args.models {
        let model = Model::resolve(name, &python)?;
        if models.iter().any(|known| known.name == model.name) {
            bail!("two models of this run are named `{}`: their tags could not be told apart", model.name);
        }
        models.push(model);
    }
    Ok(models)
}

/// Refuses a model whose image asks for more than is allowed.
pub fn refuse_needs(model: &Model, allowed: &[Need]) -> anyhow::Result<()> {
    if let Some(need) = model.needs().iter().find(|need| !allowed.contains(need)) {
        let (name, need) = (&model.name, need.name());
        bail!("the image of model `{name}` asks for `{need}`: allow it with --allow {need}");
    }
    Ok(())
}

/// Refuses models that files alone are not enough for, and images that ask for more than is allowed.
fn refuse_unfit(models: &[Model], allowed: &[Need]) -> anyhow::Result<()> {
    for model in models {
        refuse_needs(model, allowed)?;
        if model.kind() == Some(ModelKind::Processor) {
            bail!("model `{}` is a processor: it takes time ranges of a content, not files", model.name);
        }
        if let Some(track) = model.manifest.as_ref().and_then(|manifest| manifest.inputs.first()) {
            bail!(
                "model `{}` reads track `{track}` of other models, which a run over files cannot give it",
                model.name
            );
        }
    }
    Ok(())
}

/// Tells which models have nothing to do here, and which inputs; gives the number of such models.
fn warn_of_unsuited(models: &[Model], inputs: &[Input]) -> usize {
    let mut unsuited = 0;
    for model in models {
        let suits = |input: &&Input| input.suits(model.kind());
        if !inputs.is_empty() && inputs.iter().filter(suits).count() == 0 {
            unsuited += 1;
            report::line(&format!("error: no input suits model `{}`: it takes {}", model.name, takes(model.kind())));
        }
    }
    if unsuited == models.len() {
        return unsuited;
    }
    for input in inputs.iter().filter(|input| models.iter().all(|model| !input.suits(model.kind()))) {
        report::line(&format!("warning: `{}` is passed over: no model of this run takes it", input.content));
    }
    unsuited
}

fn takes(kind: Option<ModelKind>) -> &'static str {
    match kind {
        Some(ModelKind::Frame) => "video and stills",
        Some(ModelKind::Video) => "video",
        Some(ModelKind::Audio) => "files with sound",
        Some(ModelKind::Processor) => "time ranges",
        None => "media",
    }
}

/// Runs until all is done, or Ctrl-C or a request to terminate stops it in order.
async fn carry_out(run: Run, progress: &Progress, signals: &Signals) -> anyhow::Result<Outcome> {
    let (voice, observer) = (progress.clone(), progress.clone());
    let work = |stop: CancellationToken| {
        let asked = stop.clone();
        tokio::spawn(async move {
            asked.cancelled().await;
            voice.say("stopping the models (this takes 5 s at most)");
        });
        run.carry_out(move |event| observer.on(event), stop)
    };
    Ok(signals.in_order(work).await?)
}

fn summary(outcome: &Outcome, names: &Names, num_warnings: u64, num_failures: usize) -> String {
    let count = |number: usize, word: &str| report::count(number as u64, word);
    let num_tags = outcome.rows.len() + outcome.num_outside;
    let mut text = String::new();
    if outcome.is_interrupted {
        text += &format!("interrupted with {} of {} done: ", outcome.finished, outcome.total);
    }
    if outcome.num_outside > 0 {
        text += &format!("{} of ", outcome.rows.len());
    }
    text += &count(num_tags, "tag");
    text += &format!(" from {} over {}", count(names.models.len(), "model"), count(names.contents.len(), "input"));
    if num_warnings > 0 {
        text += &format!(", {}", report::count(num_warnings, "warning"));
    }
    if num_failures > 0 {
        text += &format!(", {}", count(num_failures, "failure"));
    }
    text
}

/// The stretch of an input's time that the user wants to see.
fn window(args: &RunArgs, input: &Input) -> anyhow::Result<Window> {
    let from = args.from.map(|point| time_of(point, input)).transpose()?;
    let to = args.to.map(|point| time_of(point, input)).transpose()?;
    if let (Some(from), Some(to)) = (from, to)
        && from >= to
    {
        bail!("--from must lie before --to in `{}`", input.content);
    }
    Ok(Window { from, to })
}

/// Where a point lies on the content's timeline. A frame beyond the last lies after everything.
fn time_of(point: TimePoint, input: &Input) -> anyhow::Result<Timestamp> {
    match point {
        TimePoint::Millis(ticks) => Ok(Timestamp { ticks, base: MILLISECONDS }),
        TimePoint::Frame(_) if input.media.kind == MediaKind::Audio => {
            bail!("`{}` has no frames to count: give --from and --to as times", input.content)
        }
        TimePoint::Frame(index) => Ok(time_of_frame(&input.path, index)?.unwrap_or(AFTER_EVERYTHING)),
    }
}
