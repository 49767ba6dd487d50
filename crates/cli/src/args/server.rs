//! Arguments of the server and of the commands that talk to one.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::time::TimePoint;

/// Arguments of `tagger serve`.
#[derive(Debug, Args)]
#[command(after_help = "\
SIGTERM and Ctrl-C end all programs in order; their jobs go on at the next start. SIGHUP lets \
running jobs end, takes no new ones, and then ends the server.

Exit status: 0 ended in order, 1 something failed, 130 interrupted.

Examples:
  tagger serve
  tagger serve --data /var/lib/tagger --config /etc/tagger-server.toml")]
pub struct ServeArgs {
    /// Listen on this address [default: 127.0.0.1:8086]
    #[arg(long, value_name = "ADDRESS", env = "TAGGER_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// Keep database, parts and logs in this folder [default: tagger-data]
    #[arg(long, value_name = "FOLDER", env = "TAGGER_DATA")]
    pub data: Option<PathBuf>,
    /// Read this configuration [default: tagger-server.toml in the data folder, if it is there]
    #[arg(long, value_name = "FILE", env = "TAGGER_CONFIG")]
    pub config: Option<PathBuf>,
    /// Show the configuration with all defaults, and start nothing
    #[arg(long)]
    pub check_config: bool,
    /// Run Python models with this interpreter [default: the model folder's .venv, VIRTUAL_ENV, python3]
    #[arg(long, value_name = "PATH", env = "TAGGER_PYTHON")]
    pub python: Option<PathBuf>,
}

/// Which server a command talks to.
#[derive(Debug, Args)]
pub struct ServerArgs {
    /// Talk to the server at this address; its token is taken from TAGGER_TOKEN
    #[arg(long, value_name = "URL", env = "TAGGER_SERVER", default_value = "http://127.0.0.1:8086")]
    pub server: String,
}

/// Arguments of `tagger submit`.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 0 done, 1 something failed, 2 usage, 3 ended with quarantined parts (with --wait), 130 interrupted.

Examples:
  tagger submit -m shot clip.mp4
  tagger submit -m shot -m my_model.py -p fps=2 --wait media/*.mp4")]
pub struct SubmitArgs {
    #[command(flatten)]
    pub server: ServerArgs,
    /// Run this model: a name the server knows, a folder with a tagger.toml, or a .py file. May be given several times
    #[arg(short, long = "model", value_name = "MODEL", required = true)]
    pub models: Vec<String>,
    /// Set a parameter. May be given several times
    #[arg(short = 'p', long = "param", value_name = "KEY=VALUE")]
    pub pairs: Vec<String>,
    /// Set parameters from a JSON object, or from a file that holds one (@FILE). `-p` wins over it
    #[arg(long, value_name = "JSON|@FILE")]
    pub params: Option<String>,
    /// Begin before jobs of a lower priority [default: 0]
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    pub priority: Option<i32>,
    /// Name the job; submitting the same again under this name changes nothing. For one model and one input
    #[arg(long, value_name = "NAME")]
    pub id: Option<String>,
    /// Name the content [default: the path as it is given]. For one input
    #[arg(long, value_name = "NAME")]
    pub content: Option<String>,
    /// Wait until the jobs have ended, and show how far they are
    #[arg(long)]
    pub wait: bool,
    /// Print the jobs as a JSON array instead of their ids
    #[arg(long)]
    pub json: bool,
    /// Tag these files and folders of stills
    #[arg(required = true)]
    pub inputs: Vec<PathBuf>,
}

/// Arguments of `tagger jobs`.
#[derive(Debug, Args)]
pub struct JobsArgs {
    #[command(flatten)]
    pub server: ServerArgs,
    /// List only jobs in these states, set off by commas
    #[arg(long, value_name = "STATE")]
    pub state: Option<String>,
    /// List only jobs over this content
    #[arg(long, value_name = "CONTENT")]
    pub content: Option<String>,
    /// List only jobs of this model
    #[arg(long, value_name = "MODEL")]
    pub model: Option<String>,
    /// List no more than this many, the newest first
    #[arg(long, value_name = "NUMBER", default_value = "50")]
    pub limit: usize,
    /// Print a JSON array
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `tagger status`.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 0, and with --watch: 0 succeeded, 1 failed or stopped, 3 ended with quarantined parts, 130 interrupted.")]
pub struct StatusArgs {
    #[command(flatten)]
    pub server: ServerArgs,
    /// The job
    pub job: String,
    /// Show how far it is until it has ended
    #[arg(long)]
    pub watch: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `tagger logs`.
#[derive(Debug, Args)]
pub struct LogsArgs {
    #[command(flatten)]
    pub server: ServerArgs,
    /// The job
    pub job: String,
    /// Go on as long as the job does
    #[arg(short, long)]
    pub follow: bool,
    /// Show the log of this attempt [default: the latest]
    #[arg(long, value_name = "NUMBER")]
    pub attempt: Option<u32>,
}

/// Arguments of `tagger stop` and `tagger rm`.
#[derive(Debug, Args)]
pub struct JobArgs {
    #[command(flatten)]
    pub server: ServerArgs,
    /// The jobs
    #[arg(required = true, value_name = "JOB")]
    pub jobs: Vec<String>,
}

/// Arguments of `tagger retry`.
#[derive(Debug, Args)]
pub struct RetryArgs {
    #[command(flatten)]
    pub server: ServerArgs,
    /// Do again only the parts that are not done
    #[arg(long)]
    pub failed_only: bool,
    /// The jobs
    #[arg(required = true, value_name = "JOB")]
    pub jobs: Vec<String>,
}

/// Arguments of `tagger tags`.
#[derive(Debug, Args)]
pub struct TagsArgs {
    #[command(flatten)]
    pub server: ServerArgs,
    /// The content: the path that was submitted, or the name it was given
    pub content: String,
    #[command(flatten)]
    pub which: WhichTags,
    /// Write tags in this format [default: by the output file's extension, else table]
    #[arg(long, value_enum)]
    pub format: Option<super::Format>,
    /// Write tags to this file, `-` for standard output. May be given several times [default: -]
    #[arg(short, long, value_name = "FILE")]
    pub output: Vec<PathBuf>,
}

/// Arguments of `tagger export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    #[command(flatten)]
    pub server: ServerArgs,
    /// Export the tags of this content
    #[arg(required_unless_present_any = ["job", "words"])]
    pub content: Option<String>,
    /// Export what this job wrote, whether it is what is read of the content or not
    #[arg(long, value_name = "JOB", conflicts_with = "content")]
    pub job: Option<String>,
    /// Export tags with all of these words; without a content, of all contents
    #[arg(long, value_name = "WORDS")]
    pub words: Option<String>,
    #[command(flatten)]
    pub which: WhichTags,
    /// Write them in this format [default: by the output file's extension, else jsonl]
    #[arg(long, value_enum)]
    pub format: Option<ExportFormat>,
    /// Write them to this file, which appears whole or not at all [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Which of the tags.
#[derive(Debug, Args)]
pub struct WhichTags {
    /// Only those on these tracks, set off by commas
    #[arg(long, value_name = "TRACK")]
    pub track: Option<String>,
    /// Only those of these models, set off by commas
    #[arg(long, value_name = "MODEL")]
    pub model: Option<String>,
    /// Only those that reach beyond this time: seconds, HH:MM:SS.mmm or frames (375f)
    #[arg(long, value_name = "TIME")]
    pub from: Option<TimePoint>,
    /// Only those that begin before this time: seconds, HH:MM:SS.mmm or frames (375f)
    #[arg(long, value_name = "TIME")]
    pub to: Option<TimePoint>,
    /// Leave runs that continue from one part into the next in pieces, as they are stored
    #[arg(long)]
    pub raw: bool,
}

/// How tags are exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// One JSON object a tag and line.
    Jsonl,
    /// One row a tag, with a header.
    Csv,
    /// WebVTT: one cue a tag, for players.
    Vtt,
}
