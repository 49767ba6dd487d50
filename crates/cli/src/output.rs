//! Writes a run's tags where and how the user wants them.

mod table;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tagger_runtime::{TagRow, formats};
use tempfile::NamedTempFile;

use crate::args::Format;

/// One place to write tags to.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    format: Format,
    /// `None`: standard output.
    path: Option<PathBuf>,
}

impl Output {
    /// The outputs of a command line. Checked before anything starts, so that no work is lost on a typing error.
    pub fn from_args(paths: &[PathBuf], format: Option<Format>, num_contents: usize) -> anyhow::Result<Vec<Self>> {
        let standard = [PathBuf::from("-")];
        let paths = if paths.is_empty() { &standard } else { paths };
        let outputs: Vec<Self> = paths
            .iter()
            .map(|path| {
                let path = Some(path.clone()).filter(|path| path != Path::new("-"));
                let by_name = path.as_deref().and_then(format_of);
                Self { format: format.or(by_name).unwrap_or(Format::Table), path }
            })
            .collect();
        for output in &outputs {
            if output.format == Format::Vtt && num_contents > 1 {
                bail!(
                    "WebVTT holds the tags of one input, and this run has {num_contents}; run them one by one or take jsonl"
                );
            }
            if let Some(path) = &output.path {
                let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
                if !folder.is_dir() {
                    bail!("cannot write `{}`: there is no folder `{}`", path.display(), folder.display());
                }
                if path.is_dir() {
                    bail!("cannot write `{}`: it is a folder", path.display());
                }
            }
        }
        Ok(outputs)
    }

    /// Whether it is for people, not for programs.
    pub fn is_table(&self) -> bool {
        self.format == Format::Table
    }

    /// Writes all tags. A file is there whole or not at all.
    pub fn write(&self, rows: &[TagRow]) -> anyhow::Result<()> {
        match &self.path {
            None => {
                let mut out = BufWriter::new(io::stdout().lock());
                let width = console::Term::stdout().size_checked().map(|(_, columns)| columns);
                match write_rows(self.format, rows, width, &mut out).and_then(|()| out.flush()) {
                    // `tagger … | head` has seen enough.
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                    result => result.context("cannot write to standard output"),
                }
            }
            Some(path) => self.write_file(path, rows).with_context(|| format!("cannot write `{}`", path.display())),
        }
    }

    fn write_file(&self, path: &Path, rows: &[TagRow]) -> io::Result<()> {
        if path.exists() && !path.metadata()?.is_file() {
            // A pipe or a device is written to, not replaced.
            let mut out = BufWriter::new(File::create(path)?);
            write_rows(self.format, rows, None, &mut out)?;
            return out.flush();
        }
        replace_file(path, |out| write_rows(self.format, rows, None, out))
    }
}

/// Writes a file that appears whole or not at all, in the place of one that may be there.
pub fn replace_file(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    // A link stays one: what it leads to is replaced.
    let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().permissions(permissions()).tempfile_in(folder)?;
    let mut out = BufWriter::new(&mut file);
    write(&mut out)?;
    out.flush()?;
    drop(out);
    if let Ok(earlier) = target.metadata() {
        file.as_file().set_permissions(earlier.permissions())?;
    }
    keep(file, &target)
}

/// Prints a text for the user on standard output.
pub fn to_stdout(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.context("cannot write to standard output"),
    }
}

/// What a plainly created file would get, before the user's mask.
fn permissions() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o666)
}

fn keep(file: NamedTempFile, path: &Path) -> io::Result<()> {
    file.as_file().sync_all()?;
    file.persist(path).map(drop).map_err(|e| e.error)
}

/// The format that a file's extension stands for.
pub fn format_of(path: &Path) -> Option<Format> {
    match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "jsonl" | "ndjson" => Some(Format::Jsonl),
        "csv" => Some(Format::Csv),
        "vtt" => Some(Format::Vtt),
        _ => None,
    }
}

fn write_rows(format: Format, rows: &[TagRow], width: Option<u16>, mut out: &mut dyn Write) -> io::Result<()> {
    let format = match format {
        Format::Table => return table::write(rows, width, &mut out),
        Format::Jsonl => formats::Format::Jsonl,
        Format::Csv => formats::Format::Csv,
        Format::Vtt => formats::Format::Vtt,
    };
    format.begin(&mut out)?;
    format.write(rows, &mut out)
}
