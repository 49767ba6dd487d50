//! `tagger tags` and `tagger export`.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use tagger_runtime::{StreamName, TagRow};

use crate::args::{ExportArgs, ExportFormat, Format, TagsArgs, WhichTags};
use crate::output::{Output, format_of, replace_file};
use crate::remote::client::{Client, Query, job_path, reader};
use crate::remote::views::{Part, Tag};
use crate::report;
use crate::time::TimePoint;

/// `tagger tags`.
pub fn tags(args: &TagsArgs) -> anyhow::Result<u8> {
    let client = Client::new(&args.server)?;
    let outputs = Output::from_args(&args.output, args.format, 1)?;
    let mut query = which(&args.which);
    query.push(("content", args.content.clone()));
    let tags: Vec<Tag> = client.pages("/v1/tags", &query, usize::MAX)?;
    let for_people = if outputs.iter().any(Output::is_table) { by_still(&client, &tags)? } else { HashMap::new() };
    let shown = |(place, tag): (usize, &TagRow)| TagRow {
        content: for_people.get(&place).cloned().unwrap_or_else(|| tag.content.clone()),
        ..tag.clone()
    };
    let rows: Vec<TagRow> = tags.into_iter().map(TagRow::from).collect();
    for output in outputs {
        if output.is_table() && !for_people.is_empty() {
            let mut rows: Vec<TagRow> = rows.iter().enumerate().map(shown).collect();
            rows.sort_by(|a, b| a.content.cmp(&b.content));
            output.write(&rows)?;
        } else {
            output.write(&rows)?;
        }
    }
    if rows.is_empty() {
        report::line("no tags found");
    }
    Ok(0)
}

/// Which still of a folder a tag is about, by the tag's place.
fn by_still(client: &Client, tags: &[Tag]) -> anyhow::Result<HashMap<usize, Arc<str>>> {
    let of_stills = || tags.iter().enumerate().filter(|(_, tag)| tag.stream == StreamName::Still);
    let mut files = HashMap::new();
    for job in of_stills().map(|(_, tag)| &tag.job).collect::<BTreeSet<_>>() {
        let parts: Vec<Part> = client.pages(&format!("{}/parts", job_path(job)?), &vec![], usize::MAX)?;
        files.extend(parts.into_iter().filter_map(|part| Some(((job, u64::from(part.number)), part.file?))));
    }
    let named = |(place, tag): (usize, &Tag)| {
        let file = files.get(&(&tag.job, tag.part))?;
        Some((place, format!("{}/{file}", tag.content).into()))
    };
    Ok(of_stills().filter_map(named).collect())
}

/// `tagger export`.
pub fn export(args: &ExportArgs) -> anyhow::Result<u8> {
    let client = Client::new(&args.server)?;
    let mut query = which(&args.which);
    let scope = [("content", &args.content), ("job", &args.job), ("q", &args.words)];
    query.extend(scope.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
    let format = match (args.format, args.output.as_deref().and_then(format_of)) {
        (Some(ExportFormat::Csv), _) | (None, Some(Format::Csv)) => "csv",
        (Some(ExportFormat::Vtt), _) | (None, Some(Format::Vtt)) => "vtt",
        _ => "jsonl",
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
