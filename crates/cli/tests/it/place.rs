//! A folder of a test's own, with clips in it, where the binary is run and looked at from outside.

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use tempfile::TempDir;

/// The repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

static CLIPS: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = root().join("target/test-media");
    let made = Command::new(root().join("fixtures/make-clips.sh")).arg(&folder).output().expect("bash and ffmpeg");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    folder
});

/// The path of a model program of the tests.
pub fn model(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models").join(name);
    assert!(path.exists(), "{}", path.display());
    path.to_str().unwrap().to_owned()
}

/// A working folder, removed in the end.
pub struct Place {
    work: TempDir,
    temporary: TempDir,
}

impl Place {
    /// An empty one.
    pub fn new() -> Self {
        Self { work: tempfile::tempdir().unwrap(), temporary: tempfile::tempdir().unwrap() }
    }

    /// One that holds these clips, under these names: `NAME` or `NAME=CLIP`.
    pub fn with(clips: &[&str]) -> Self {
        let place = Self::new();
        for pair in clips {
            let (name, clip) = pair.split_once('=').unwrap_or((pair, pair));
            place.put(name, clip);
        }
        place
    }

    /// The path of something in it.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.work.path().join(name)
    }

    /// Puts a clip of the fixtures here.
    pub fn put(&self, name: impl AsRef<Path>, clip: &str) {
        let (from, to) = (CLIPS.join(clip), self.path(name));
        assert!(from.exists(), "no {clip}: ffmpeg could not make it");
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
    }

    /// Writes a file.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), content).unwrap();
    }

    /// Reads a file.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// The names of all files here, sorted.
    pub fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.work.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// The binary, ready to be started here, with nothing around it that could change its ways.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tagger"));
        command.args(arguments).current_dir(self.work.path()).env("TMPDIR", self.temporary.path());
        for name in
            ["TAGGER_PYTHON", "TAGGER_MODELS", "TAGGER_SERVER", "TAGGER_TOKEN", "VIRTUAL_ENV", "PYTHONPATH", "COLUMNS"]
        {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the binary with the words of `line`, in which `{NAME.py}` stands for the path of a model, and `arguments`
    /// behind them. Tells how it ended and what it wrote.
    pub fn tagger(&self, line: &str, arguments: &[&str]) -> String {
        let words =
            line.split_whitespace().map(|word| match word.strip_prefix('{').and_then(|w| w.strip_suffix('}')) {
                Some(name) => model(name),
                None => word.to_owned(),
            });
        let output = self.command(words.chain(arguments.iter().map(|word| (*word).to_owned()))).output().unwrap();
        self.tell(&output)
    }

    /// The exit status and all that was written, without what differs from run to run. Nothing may be left behind.
    pub fn tell(&self, output: &Output) -> String {
        self.assert_nothing_is_left();
        let status = match (output.status.code(), output.status.signal()) {
            (Some(code), _) => format!("exit {code}"),
            (None, signal) => format!("signal {signal:?}"),
        };
        let mut told = status;
        for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
            let text = String::from_utf8(bytes.clone()).unwrap();
            if !text.is_empty() {
                told += &format!("\n--- {name}\n{}", text.trim_end());
            }
        }
        self.without_what_differs(&told)
    }

    /// Replaces paths and times.
    pub fn without_what_differs(&self, text: &str) -> String {
        let named = [
            (self.work.path().canonicalize().unwrap(), "HERE"),
            (self.work.path().to_owned(), "HERE"),
            (self.temporary.path().to_owned(), "TMP"),
            (Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models"), "MODELS"),
        ];
        let text = named.iter().fold(text.to_owned(), |text, (path, name)| text.replace(path.to_str().unwrap(), name));
        let lines = text.lines().map(|line| match line.rfind(", in ") {
            Some(end) if line.ends_with(" s") => format!("{}, in TIME", &line[..end]),
            _ => line.trim_end().to_owned(),
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Neither a process that was started for this place is left nor a temporary file.
    pub fn assert_nothing_is_left(&self) {
        // A killed process may take a moment to be gone.
        for _ in 0..100 {
            if self.processes().is_empty() {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(self.processes(), Vec::<String>::new(), "processes left behind");
        let left: Vec<PathBuf> = fs::read_dir(self.temporary.path()).unwrap().map(|e| e.unwrap().path()).collect();
        assert_eq!(left, Vec::<PathBuf>::new(), "temporary files left behind");
    }

    /// The command lines of processes that were started under this place's temporary folder.
    fn processes(&self) -> Vec<String> {
        let mark = self.temporary.path().to_str().unwrap();
        let mut found = Vec::new();
        for process in fs::read_dir("/proc").unwrap().filter_map(Result::ok) {
            let of = |file: &str| {
                let bytes = fs::read(process.path().join(file)).unwrap_or_default();
                String::from_utf8_lossy(&bytes).replace('\0', " ")
            };
            if of("environ").contains(mark) {
                found.push(of("cmdline"));
            }
        }
        found
    }
}

/// A started binary that does not outlive its test.
pub struct Running(pub Child);

impl Running {
    /// Waits for its end, with everything that it has written and nobody has read.
    pub fn output(mut self) -> Output {
        let read = |stream: Option<&mut dyn Read>| {
            let mut bytes = Vec::new();
            if let Some(stream) = stream {
                stream.read_to_end(&mut bytes).unwrap();
            }
            bytes
        };
        let stdout = read(self.0.stdout.as_mut().map(|stream| stream as &mut dyn Read));
        let stderr = read(self.0.stderr.as_mut().map(|stream| stream as &mut dyn Read));
        Output { status: self.0.wait().unwrap(), stdout, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs ffmpeg in a folder.
pub fn ffmpeg(folder: &Path, arguments: &str) {
    let made = Command::new("ffmpeg")
        .args(["-hide_banner", "-loglevel", "error", "-nostdin", "-y", "-bitexact"])
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .expect("ffmpeg");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}
