//! The run loop: reads paths, hands batches to the model, ends as the contract says.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use tagger_params::with_loop;
use tagger_wire::{Description, MANIFEST_FILE, Manifest, Message, MessageWriter, ModelKind};

use crate::model::{Model, WholeFile};
use crate::params;
use crate::processor::RangeWork;
use crate::producer::{Output, chain};
use crate::{Arguments, BoxError, FileProducer, FrameTagger, LoopParams, Producer, Request};

/// How long the loop waits, after a first line, for more lines of the same batch.
pub const GATHER_TIME: Duration = Duration::from_millis(5);

/// How many unread paths wait in memory; more wait in the pipe.
const PATHS_AHEAD: usize = 1024;

/// Runs a model program: arguments from the command line, paths from standard input.
///
/// - `manifest`: the text of the model's `tagger.toml`. With `--describe` the program prints what it says, with the
///   schema of `P`, and makes no model.
/// - `make` gets the model's parameters, already checked, and makes the model. Whatever goes wrong from then on is
///   written to the output file as an error message, so that the user gets to see it.
pub fn run<P, F>(manifest: &str, make: F) -> ExitCode
where
    P: DeserializeOwned + JsonSchema,
    F: FnOnce(P) -> Result<Model, BoxError>,
{
    run_with(manifest, std::env::args_os().skip(1), io::stdin(), make)
}

/// The same with arguments and input of the caller's, for programs that hold several models.
pub fn run_with<P, F>(
    manifest: &str,
    arguments: impl IntoIterator<Item = OsString>,
    input: impl Read + Send + 'static,
    make: F,
) -> ExitCode
where
    P: DeserializeOwned + JsonSchema,
    F: FnOnce(P) -> Result<Model, BoxError>,
{
    match Request::parse(arguments) {
        Ok(Request::Run(arguments)) => tag(&arguments, input, make),
        Ok(Request::Describe) => match describe::<P>(manifest) {
            Ok(line) => {
                println!("{line}");
                ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("error: {}", chain(&*error));
                ExitCode::FAILURE
            }
        },
        Err(error) => {
            eprintln!("error: {error}\nusage: PROGRAM --output-path PATH [--params JSON] < PATHS");
            eprintln!("       PROGRAM --describe");
            ExitCode::from(2)
        }
    }
}

/// What the model is, in one line.
fn describe<P: JsonSchema>(manifest: &str) -> Result<String, BoxError> {
    let manifest = Manifest::parse(manifest, Path::new(MANIFEST_FILE))?;
    let parameters = with_loop(params::schema_of::<P>(), manifest.kind == ModelKind::Frame);
    Ok(serde_json::to_string(&Description::new(manifest, parameters))?)
}

fn tag<P, F>(arguments: &Arguments, input: impl Read + Send + 'static, make: F) -> ExitCode
where
    P: DeserializeOwned + JsonSchema,
    F: FnOnce(P) -> Result<Model, BoxError>,
{
    let writer = match MessageWriter::append(&arguments.output_path) {
        Ok(writer) => writer,
        Err(error) => {
            eprintln!("error: cannot open `{}` for appending: {error}", arguments.output_path.display());
            return ExitCode::FAILURE;
        }
    };
    let mut output = Output::new(writer);
    let started = start(arguments, make);
    let result = started.and_then(|(mut producer, params)| {
        output.set_continue_on_error(params.continue_on_error);
        serve(&mut *producer, &read_paths(input), &mut output, params.continue_on_error)
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&*error, &mut output);
            ExitCode::FAILURE
        }
    }
}

/// Checks the parameters and makes the model: everything that can fail before the first path is read.
fn start<P, F>(arguments: &Arguments, make: F) -> Result<(Box<dyn Producer>, LoopParams), BoxError>
where
    P: DeserializeOwned + JsonSchema,
    F: FnOnce(P) -> Result<Model, BoxError>,
{
    let given = arguments.params.clone()?;
    let (own, looped) = params::read::<P>(&given)?;
    let producer: Box<dyn Producer> = match make(own)? {
        Model::Frame(model) => Box::new(FileProducer::new(FrameTagger::new(model, (&looped).into()))),
        Model::Av(model) => Box::new(FileProducer::new(WholeFile(model))),
        Model::Producer(producer) => producer,
        Model::Processor(processor) => Box::new(RangeWork::new(processor)),
    };
    Ok((producer, looped))
}

fn serve(
    producer: &mut dyn Producer,
    paths: &Receiver<io::Result<String>>,
    output: &mut Output,
    continue_on_error: bool,
) -> Result<(), BoxError> {
    while let Some(batch) = next_batch(paths)? {
        if let Err(error) = producer.produce(&batch, output) {
            if !continue_on_error {
                return Err(error);
            }
            report(&*error, output);
        }
        if output.is_ended() {
            return Err("the model went on after its error message".into());
        }
    }
    producer.on_completion(output)
}

/// Writes an error to the output file, unless an error message has ended the program already.
fn report(error: &(dyn std::error::Error + 'static), output: &mut Output) {
    if output.is_ended() {
        return;
    }
    let message = chain(error);
    if let Err(unsent) = output.send(Message::Error { message: message.clone(), source_media: None }) {
        // Sending an error that ends the program answers with one, too; only a file that takes no more is news.
        if !output.is_ended() {
            eprintln!("error: {message}\nerror: {}", chain(&*unsent));
        }
    }
}

/// Waits for a line, then gathers those that come with it. `None` at the end of input.
fn next_batch(paths: &Receiver<io::Result<String>>) -> io::Result<Option<Vec<String>>> {
    let Ok(first) = paths.recv() else { return Ok(None) };
    let mut batch = vec![first?];
    let deadline = Instant::now() + GATHER_TIME;
    loop {
        match paths.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(path) => batch.push(path?),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Ok(Some(batch)),
        }
    }
}

/// Reads lines in a thread of its own, so that waiting for the rest of a batch can end by time. Ends with the input.
fn read_paths(input: impl Read + Send + 'static) -> Receiver<io::Result<String>> {
    let (sender, receiver) = sync_channel(PATHS_AHEAD);
    thread::spawn(move || {
        for line in BufReader::new(input).lines() {
            let path = line.map(|line| line.trim().to_owned());
            let last = path.is_err();
            if path.as_ref().is_ok_and(String::is_empty) {
                continue;
            }
            // An error to send means the loop has ended: nobody reads on.
            if sender.send(path).is_err() || last {
                return;
            }
        }
    });
    receiver
}
