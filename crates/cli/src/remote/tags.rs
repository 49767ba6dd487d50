//! `tagger tags` and `tagger export`.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;
use tagger_runtime::TagRow;

use crate::args::{ExportArgs, ExportFormat, TagsArgs, WhichTags};
use crate::output::{Output, replace_file};
use crate::remote::client::{Client, Query, reader};
use crate::remote::views::Tag;
use crate::time::TimePoint;

/// `tagger tags`.
pub fn tags(args: &TagsArgs) -> anyhow::Result<u8> {
    let client = Client::new(&args.server)?;
    let outputs = Output::from_args(&args.output, args.format, 1)?;
    let mut query = which(&args.which);
    query.push(("content", args.content.clone()));
    let tags: Vec<Tag> = client.pages("/v1/tags", &query, usize::MAX)?;
    let rows: Vec<TagRow> = tags.into_iter().map(TagRow::from).collect();
    for output in outputs {
        output.write(&rows)?;
    }
    Ok(0)
}

/// `tagger export`.
pub fn export(args: &ExportArgs) -> anyhow::Result<u8> {
    let client = Client::new(&args.server)?;
    let mut query = which(&args.which);
    let scope = [("content", &args.content), ("job", &args.job), ("q", &args.words)];
    query.extend(scope.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
    let format = match args.format {
        ExportFormat::Jsonl => "jsonl",
        ExportFormat::Csv => "csv",
        ExportFormat::Vtt => "vtt",
    };
    query.push(("format", format.to_owned()));
    let mut body = reader(client.open("/v1/export", &query, &[])?);
    match &args.output {
        None => match io::copy(&mut body, &mut io::stdout().lock()) {
            // `tagger export … | head` has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            result => drop(result.context("the export broke off: it is not whole")?),
        },
        Some(path) => {
            let mut copy = |out: &mut dyn Write| io::copy(&mut body, out).map(drop);
            write(path, &mut copy).with_context(|| format!("cannot write `{}`", path.display()))?;
        }
    }
    Ok(0)
}

fn write(path: &Path, copy: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    if path.exists() && !path.metadata()?.is_file() {
        // A pipe or a device is written to, not replaced.
        return copy(&mut File::create(path)?);
    }
    replace_file(path, |out| copy(out))
}

fn which(args: &WhichTags) -> Query<'static> {
    let mut query = Query::new();
    query.extend(args.track.clone().map(|track| ("track", track)));
    query.extend(args.model.clone().map(|model| ("model", model)));
    for (name, in_frames, time) in [("from", "from_frame", args.from), ("to", "to_frame", args.to)] {
        match time {
            None => {}
            Some(TimePoint::Millis(millis)) => query.push((name, millis.to_string())),
            Some(TimePoint::Frame(frame)) => query.push((in_frames, frame.to_string())),
        }
    }
    if args.raw {
        query.push(("stitch", "false".into()));
    }
    query
}
