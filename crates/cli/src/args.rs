//! The command line.

mod server;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use tagger_media::OnDamage;
use tagger_wire::Need;

use crate::time::TimePoint;

pub use server::{
    ExportArgs, ExportFormat, JobArgs, JobsArgs, LogsArgs, RetryArgs, ServeArgs, ServerArgs, StatusArgs, SubmitArgs,
    TagsArgs, WhichTags,
};

/// Turns media into time-aligned tags with anybody's model.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 110, propagate_version = true)]
pub struct Tagger {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run models over media and show their tags
    Run(RunArgs),
    /// Show what a media file really contains, or what a model says of itself
    Inspect(InspectArgs),
    /// Make a project for a new model
    Init(InitArgs),
    /// Test whether a model's program keeps the contract
    Test(TestArgs),
    /// Make a container image of a model's folder
    Build(BuildArgs),
    /// Send an image to a registry
    Push(PushArgs),
    /// Tell what this machine has and lacks for running models, with the command that mends it
    Doctor(DoctorArgs),
    /// Serve jobs and their tags over HTTP
    Serve(ServeArgs),
    /// Hand media in to a server, and print the job ids
    Submit(SubmitArgs),
    /// List a server's jobs
    Jobs(JobsArgs),
    /// Show how a job stands
    Status(StatusArgs),
    /// Show what a job's program says
    Logs(LogsArgs),
    /// Stop jobs; what they have stored stays
    Stop(JobArgs),
    /// Do ended jobs again
    Retry(RetryArgs),
    /// Remove ended jobs with their tags
    Rm(JobArgs),
    /// Show a content's tags
    Tags(TagsArgs),
    /// Write stored tags for other programs
    Export(ExportArgs),
}

/// Arguments of `tagger run`.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 0 done, 1 something failed (what did not fail is shown all the same), 2 usage, 130 interrupted.

Examples:
  tagger run -m shot clip.mp4
  tagger run -m shot -m my_model.py --format jsonl -o tags.jsonl media/")]
pub struct RunArgs {
    /// Run this model: a shipped model's name, a folder with a tagger.toml, a .py file, or oci:IMAGE. May be given several times
    #[arg(short, long = "model", value_name = "MODEL", required = true)]
    pub models: Vec<String>,
    /// Set a parameter, for one of several models as `model:key=value`. May be given several times
    #[arg(short = 'p', long = "param", value_name = "KEY=VALUE")]
    pub pairs: Vec<String>,
    /// Set parameters from a JSON object, or from a file that holds one (@FILE). `-p` wins over it
    #[arg(long, value_name = "JSON|@FILE")]
    pub params: Option<String>,
    /// Begin at this time: seconds, HH:MM:SS.mmm or frames (375f)
    ///
    /// Tags that end before it are not shown. Models are given the smallest part of the file that covers the time from
    /// --from to --to and can be cut out without coding it anew: the pictures, or for models of sound the sound. A part
    /// is sampled as a file of its own, so that frames are counted off from its first one, and what reaches beyond it is
    /// tagged up to its end. A model that does not say what it takes is given files with pictures and sound whole.
    #[arg(long, value_name = "TIME")]
    pub from: Option<TimePoint>,
    /// End before this time: seconds, HH:MM:SS.mmm or frames (375f)
    ///
    /// Tags that begin at it or later are not shown. The rest is as for --from.
    #[arg(long, value_name = "TIME")]
    pub to: Option<TimePoint>,
    /// Write tags in this format [default: by the output file's extension, else table]
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Write tags to this file, `-` for standard output. May be given several times [default: -]
    #[arg(short, long, value_name = "FILE")]
    pub output: Vec<PathBuf>,
    /// Run Python models with this interpreter [default: the model folder's .venv, VIRTUAL_ENV, python3]
    #[arg(long, value_name = "PATH", env = "TAGGER_PYTHON")]
    pub python: Option<PathBuf>,
    /// Allow models in containers what they ask for: network, token or writable-root. May be given several times
    #[arg(long, value_name = "NEED", value_parser = need)]
    pub allow: Vec<Need>,
    /// Give up on a model that has not begun to read its input after this many seconds
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = positive_seconds)]
    pub input_timeout: f64,
    /// What damage inside a file is: a warning, or a failure. Tags of the rest are kept either way
    #[arg(long, value_enum, default_value = "skip")]
    pub on_damage: DamagePolicy,
    /// Show no progress
    #[arg(short, long)]
    pub quiet: bool,
    /// Tag these files, and the media in these folders
    #[arg(required = true)]
    pub inputs: Vec<PathBuf>,
}

/// How tags are written.
/// What damage inside a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DamagePolicy {
    /// It costs its frames, and is told with its time
    Skip,
    /// The file counts as failed: exit status 1
    Fail,
}

impl From<DamagePolicy> for OnDamage {
    fn from(policy: DamagePolicy) -> Self {
        match policy {
            DamagePolicy::Skip => Self::Skip,
            DamagePolicy::Fail => Self::Fail,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// One JSON object a tag and line.
    Jsonl,
    /// One row a tag, with a header.
    Csv,
    /// WebVTT: one cue a tag, for players.
    Vtt,
}

/// Arguments of `tagger inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// Look into this: a media file, a model as `tagger run -m` takes it, or oci:IMAGE
    #[arg(value_name = "FILE|MODEL")]
    pub target: String,
    /// Print JSON, for programs
    #[arg(long)]
    pub json: bool,
    /// Tell the structure of the video, and what sampling its frames would decode
    #[arg(long)]
    pub plan: bool,
    /// Plan for this many frames a second [default: 1]
    #[arg(long, value_name = "NUMBER", requires = "plan")]
    pub fps: Option<f64>,
    /// Ask Python models with this interpreter [default: the model folder's .venv, VIRTUAL_ENV, python3]
    #[arg(long, value_name = "PATH", env = "TAGGER_PYTHON")]
    pub python: Option<PathBuf>,
}

/// Arguments of `tagger init`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tagger init faces
  tagger init shouts --kind av --lang rust")]
pub struct InitArgs {
    /// Make the project in a new folder of this name, which is the model's name too
    pub name: PathBuf,
    /// Begin with a model of this kind
    #[arg(long, value_enum, default_value = "frame")]
    pub kind: Kind,
    /// Write it in this language
    #[arg(long, value_enum, default_value = "python")]
    pub lang: Language,
    /// Take the SDK from this checkout of Tagger [default: the one that this program was built from, if it is there]
    #[arg(long, value_name = "FOLDER", env = "TAGGER_SDK")]
    pub sdk: Option<PathBuf>,
}

/// What a new model looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// One picture at a time: stills, and sampled frames of video.
    Frame,
    /// Several pictures at once.
    Batch,
    /// Whole files of video.
    Av,
    /// Batches of files, with messages of its own.
    Producer,
}

/// What a new model is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// With the package `common_ml`.
    Python,
    /// With the crate `common-ml`.
    Rust,
}

/// Arguments of `tagger test`.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 0 every rule that could be judged is kept, 1 a rule is broken, 2 usage, 130 interrupted.

Examples:
  tagger test my_model.py
  tagger test shot --json")]
pub struct TestArgs {
    /// Test this model: a shipped model's name, a folder with a tagger.toml, a .py file, or oci:IMAGE
    pub model: String,
    /// Print JSON, for programs
    #[arg(long)]
    pub json: bool,
    /// Tell of each rule what was sent, what came, and what the contract says, also of those that are kept
    #[arg(short, long)]
    pub verbose: bool,
    /// Set a parameter at every start. May be given several times
    #[arg(short = 'p', long = "param", value_name = "KEY=VALUE")]
    pub pairs: Vec<String>,
    /// Set parameters from a JSON object, or from a file that holds one (@FILE). `-p` wins over it
    #[arg(long, value_name = "JSON|@FILE")]
    pub params: Option<String>,
    /// Run Python models with this interpreter [default: the model folder's .venv, VIRTUAL_ENV, python3]
    #[arg(long, value_name = "PATH", env = "TAGGER_PYTHON")]
    pub python: Option<PathBuf>,
    /// Allow a model in a container what it asks for: network, token or writable-root. May be given several times
    #[arg(long, value_name = "NEED", value_parser = need)]
    pub allow: Vec<Need>,
    /// Wait no longer than this many seconds for anything
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = positive_seconds)]
    pub timeout: f64,
}

/// Arguments of `tagger build`.
#[derive(Debug, Args)]
#[command(after_help = "\
A Containerfile in the folder is used. Otherwise a Python model's is made, on a base with Python; a program becomes an
image of itself and the libraries it loads, and of nothing else.

Exit status: 0 the image is there, 1 something failed, 2 usage, 130 interrupted.

Examples:
  tagger build ./light -t light
  tagger build ./light -t light:2 --base python:3.11-slim --print-containerfile")]
pub struct BuildArgs {
    /// Make an image of the model in this folder, which has a tagger.toml
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
    /// Give the image this name
    #[arg(short, long, value_name = "IMAGE", required_unless_present = "print_containerfile")]
    pub tag: Option<String>,
    /// Put a Python model on this image [default: localhost/tagger-base:1]
    #[arg(long, value_name = "IMAGE")]
    pub base: Option<String>,
    /// Take wheels from this folder before any index, the SDK's too. May be given several times [default: FOLDER/wheels]
    #[arg(long, value_name = "FOLDER")]
    pub wheels: Vec<PathBuf>,
    /// Make and fetch everything anew
    #[arg(long)]
    pub no_cache: bool,
    /// Do not ask the program for its parameters, because it does not know the question
    #[arg(long)]
    pub no_describe: bool,
    /// Print the instructions that the image would be made by, and make none
    #[arg(long)]
    pub print_containerfile: bool,
    /// Print JSON, for programs
    #[arg(long)]
    pub json: bool,
    /// Run pip with this interpreter [default: the model folder's .venv, VIRTUAL_ENV, python3]
    #[arg(long, value_name = "PATH", env = "TAGGER_PYTHON")]
    pub python: Option<PathBuf>,
}

/// Arguments of `tagger push`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  tagger push light registry.example/team/light:2")]
pub struct PushArgs {
    /// Send this image
    pub image: String,
    /// Send it there: a registry, and the image's name in it
    #[arg(value_name = "DEST")]
    pub destination: String,
    /// Speak to a registry without TLS, as to one on this machine
    #[arg(long)]
    pub plain_http: bool,
}

/// Arguments of `tagger doctor`.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 0 models run here (there may be remarks), 1 something that they need is missing, 2 usage, 130 interrupted.

Examples:
  tagger doctor
  tagger doctor --python .venv/bin/python --json")]
pub struct DoctorArgs {
    /// Print JSON, for programs
    #[arg(long)]
    pub json: bool,
    /// Look at this interpreter for Python models [default: the .venv of this folder, VIRTUAL_ENV, python3]
    #[arg(long, value_name = "PATH", env = "TAGGER_PYTHON")]
    pub python: Option<PathBuf>,
    /// Look at this data folder of a server too [default: tagger-data, if it is there]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

/// What a container may be allowed.
fn need(text: &str) -> Result<Need, String> {
    let all = [Need::Network, Need::Token, Need::WritableRoot];
    let known = all.iter().find(|need| need.name() == text).copied();
    known.ok_or_else(|| format!("one of {}", all.map(Need::name).join(", ")))
}

fn positive_seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| *seconds > 0.0 && *seconds <= 1e9);
    seconds.ok_or_else(|| "give a number of seconds above 0".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Tagger::command().debug_assert();
    }
}
