//! `tagger inspect`: what a media file really contains, or what a model says of itself.

use std::path::Path;
use std::slice;

use anyhow::Context;
use serde_json::{Map, Value, json};
use tagger_media::{
    MediaInfo, MediaKind, Rate, Rational, Scan, StreamInfo, StreamKind, VideoInfo, check_extension, plan_report, probe,
    scan,
};
use tagger_runtime::{Interpreter, Model, describe_damage};
use tagger_wire::{Description, MANIFEST_FILE, Manifest};

use crate::INTERRUPTED;
use crate::args::InspectArgs;
use crate::containers::containers;
use crate::report::count;
use crate::signals::Signals;

/// Runs the command; gives the exit status.
pub fn inspect(args: &InspectArgs) -> anyhow::Result<u8> {
    if let Some(image) = args.target.strip_prefix("oci:") {
        return crate::image::inspect(image, args.json);
    }
    let path = Path::new(&args.target);
    let is_model =
        path.is_dir() || !path.exists() || path.extension().is_some_and(|e| e == "py") || names_manifest(path);
    let text = if args.plan {
        of_plan(path, args.fps.unwrap_or(1.0), args.json)?
    } else if is_model && !looks_like_a_missing_file(path) {
        let Some(text) = of_model(args)? else { return Ok(INTERRUPTED) };
        text
    } else {
        of_file(path, args.json)?
    };
    crate::output::to_stdout(&text)?;
    Ok(0)
}

fn of_plan(path: &Path, fps: f64, as_json: bool) -> anyhow::Result<String> {
    let report = plan_report(path, &Rate::Fps(fps))?;
    if as_json {
        return Ok(serde_json::to_string_pretty(&report)? + "\n");
    }
    let mut text = format!("{}\n", path.display());
    if let Some(structure) = &report.structure {
        let (shortest, median, longest) = (structure.shortest_group, structure.median_group, structure.longest_group);
        text += &format!("  frames      {} in {}\n", structure.frames, count(structure.packets, "packet"));
        text += &format!(
            "  groups      {}, of them {} open, of {shortest} to {longest} packets, {median} in the middle\n",
            structure.groups, structure.open_groups
        );
        text += &format!(
            "  unreferred  {}, {}\n",
            count(structure.unreferenced, "packet"),
            count(structure.layers, "layer")
        );
    }
    if let (Some(wanted), Some(fed), Some(tasks)) = (report.frames_wanted, report.packets_fed, report.tasks) {
        text += &format!(
            "  at {fps} fps    {} by decoding {} in {}\n",
            count(wanted, "frame"),
            count(fed, "packet"),
            count(tasks, "task")
        );
    }
    if let Some(why) = &report.why {
        text += &format!("  at {fps} fps    everything is decoded: {why}\n");
    }
    Ok(text)
}

fn names_manifest(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == MANIFEST_FILE)
}

/// A model's name has no dots and slashes; what has them, and is not there, was meant as a file.
fn looks_like_a_missing_file(path: &Path) -> bool {
    !path.exists() && path.extension().is_some_and(|extension| extension != "py")
}

/// `None` if a signal ended it before the model had answered.
fn of_model(args: &InspectArgs) -> anyhow::Result<Option<String>> {
    let mut model = Model::resolve(&args.target, &Interpreter { chosen: args.python.clone() })?;
    let tokio = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let containers = containers()?;
    let described = tokio.block_on(async {
        let described = Signals::listen()?.describe(slice::from_mut(&mut model), &containers).await?;
        containers.close().await;
        anyhow::Ok(described)
    });
    if described?.is_none() {
        return Ok(None);
    }
    if args.json {
        let whole = match (&model.manifest, &model.described) {
            (Some(manifest), _) => {
                serde_json::to_value(Manifest { parameters: model.parameters().cloned(), ..manifest.clone() })
            }
            (None, Some(description)) => serde_json::to_value(Description {
                name: model.name.clone(),
                default_track: Some(model.default_track().to_owned()),
                ..description.clone()
            }),
            (None, None) => Ok(json!({"name": model.name, "default_track": model.default_track()})),
        };
        return Ok(Some(serde_json::to_string_pretty(&whole?)? + "\n"));
    }
    Ok(Some(match (&model.manifest, &model.described) {
        (None, None) => format!(
            "{}\n  a Python file without a {MANIFEST_FILE}: kind and parameters are its own business\n",
            model.name
        ),
        _ => describe_model(&model),
    }))
}

fn describe_model(model: &Model) -> String {
    let kind = model.kind().map(|kind| format!(" ({})", serde_word(&kind))).unwrap_or_default();
    let mut text = format!("{}{kind}\n", model.name);
    if !model.description().is_empty() {
        text += &format!("  {}\n", model.description());
    }
    let manifest = model.manifest.as_ref();
    if let Some(command) = manifest.and_then(|manifest| manifest.command.as_ref()) {
        text += &format!("  command     {}\n", command.join(" "));
    }
    if let Some(image) = manifest.and_then(|manifest| manifest.image.as_ref()) {
        text += &format!("  image       {image}\n");
    }
    text += &format!("  track       {}\n", model.default_track());
    for (name, track) in model.tracks() {
        let told = if track.description.is_empty() { &track.label } else { &track.description };
        text += format!("    {name:<20}  {told}").trim_end();
        text.push('\n');
    }
    for (name, amount) in manifest.iter().flat_map(|manifest| &manifest.resources) {
        text += &format!("  needs       {amount} {name}\n");
    }
    text + &model.parameters().map(describe_parameters).unwrap_or_default()
}

pub fn describe_parameters(schema: &Map<String, Value>) -> String {
    let mut text = String::new();
    let fields = schema.get("properties").and_then(Value::as_object);
    for (nth, (name, field)) in fields.into_iter().flatten().enumerate() {
        let word =
            |key: &str| field.get(key).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        let mut facts: Vec<String> = word("type").into_iter().collect();
        if facts.is_empty() && !field.get("enum").is_some_and(Value::is_array) {
            facts.push(tagger_params::accepted(schema, field));
        }
        facts.extend(word("enum").map(|choices| format!("one of {choices}")));
        facts.extend(word("exclusiveMinimum").map(|limit| format!("above {limit}")));
        facts.extend(match (word("minimum"), word("maximum")) {
            (Some(least), Some(most)) => Some(format!("{least} to {most}")),
            (Some(least), None) => Some(format!("{least} or more")),
            (None, Some(most)) => Some(format!("{most} or less")),
            (None, None) => None,
        });
        facts.extend(word("default").map(|value| format!("default {value}")));
        let heading = if nth == 0 { "parameters" } else { "" };
        text += &format!("  {heading:<10}  {name}: {}\n", facts.join(", "));
        if let Some(description) = word("description") {
            text += &format!("  {:<10}    {description}\n", "");
        }
    }
    text
}

/// The word that a value is written as.
fn serde_word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn of_file(path: &Path, as_json: bool) -> anyhow::Result<String> {
    let media = probe(path)?;
    // A still has no packets worth counting: its picture is all there is.
    let scanned = (media.kind != MediaKind::Still).then(|| scan(path)).transpose()?;
    if as_json {
        let whole = json!({"path": path.to_string_lossy(), "media": media, "scan": scanned});
        return serde_json::to_string_pretty(&whole).map(|text| text + "\n").context("cannot write JSON");
    }
    Ok(describe_media(path, &media, scanned.as_ref()))
}

fn describe_media(path: &Path, media: &MediaInfo, scanned: Option<&Scan>) -> String {
    let mut text = format!("{}\n  {:<10}  {}", path.display(), serde_word(&media.kind), format_name(path, media));
    if let Some(duration) = media.duration {
        text += &format!(", {:.3} s", duration.seconds());
    }
    if media.start.ticks != 0 {
        text += &format!(", starts at {:.3} s", media.start.seconds());
    }
    text.push('\n');
    let (video, audio) = (media.video().map(|(stream, _)| stream.index), media.audio().map(|(stream, _)| stream.index));
    for stream in &media.streams {
        let (word, mut facts) = describe_stream(stream);
        if let Some(scan) = scanned {
            if Some(stream.index) == video {
                facts.extend(scan.video.iter().flat_map(describe_frames));
            } else if Some(stream.index) == audio {
                facts.extend(scan.audio.iter().filter_map(|a| a.duration).map(|d| format!("{:.3} s", d.seconds())));
            }
        }
        // `und` is how MP4 says that it does not know.
        facts.extend(stream.language.clone().filter(|language| language != "und"));
        facts.extend(stream.title.clone());
        text += &format!("  {word} {:<w$}  {}\n", stream.index, facts.join(", "), w = 9 - word.len().min(8));
    }
    if let Err(error) = check_extension(path) {
        text += &format!("  name        {error}\n");
    }
    match scanned.map(|scan| scan.damage.as_slice()) {
        None => {}
        Some([]) => text += "  damage      none found (packets read, nothing decoded)\n",
        Some(damage) => {
            for damage in damage {
                text += &format!("  damage      {}\n", describe_damage(damage, media.start));
            }
        }
    }
    text
}

/// Of the names that libav has for a family of containers, the one that the file goes by.
fn format_name<'a>(path: &Path, media: &'a MediaInfo) -> &'a str {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    let mut names = media.format.split(',');
    let first = names.clone().next().unwrap_or_default();
    names.find(|name| extension.as_deref() == Some(name)).unwrap_or(first)
}

fn describe_stream(stream: &StreamInfo) -> (&str, Vec<String>) {
    match &stream.kind {
        StreamKind::Video(video) if stream.attached_picture => {
            ("cover", vec![stream.codec.clone(), format!("{}x{}", video.width, video.height)])
        }
        StreamKind::Video(video) => ("video", describe_picture(&stream.codec, video)),
        StreamKind::Audio(audio) => {
            let layout = if audio.channels == 1 { "mono" } else { &audio.channel_layout };
            ("audio", vec![stream.codec.clone(), format!("{} Hz", audio.sample_rate), layout.to_owned()])
        }
        StreamKind::Other { name } => (name, vec![stream.codec.clone()]),
    }
}

fn describe_picture(codec: &str, video: &VideoInfo) -> Vec<String> {
    let mut facts = vec![codec.to_owned(), format!("{}x{}", video.width, video.height), video.pixel_format.clone()];
    facts.extend(video.colour_space.clone());
    if video.rotation_degrees != 0 {
        facts.push(format!("turned {}° to {}x{}", video.rotation_degrees, video.display_width, video.display_height));
    }
    if video.mirrored {
        facts.push("mirrored".into());
    }
    facts
}

fn describe_frames(video: &tagger_media::VideoScan) -> Vec<String> {
    let mut facts = vec![count(video.frame_count, "frame")];
    let rate = video.true_fps.map(fps).unwrap_or_default();
    if video.variable_frame_rate {
        let seconds = |time: Option<tagger_media::Timestamp>| time.map_or(f64::NAN, tagger_media::Timestamp::seconds);
        let (shortest, longest) = (seconds(video.min_interval), seconds(video.max_interval));
        facts.push(format!("variable rate, {rate} on average, {shortest:.3} to {longest:.3} s apart"));
    } else if !rate.is_empty() {
        facts.push(format!("{rate} constant"));
    }
    facts.push(format!("{}, longest GOP {}", count(video.key_frames, "key frame"), video.longest_gop));
    facts.extend((!video.gaps.is_empty()).then(|| count(video.gaps.len() as u64, "gap")));
    let untimed = video.missing_timestamps;
    facts.extend((untimed > 0).then(|| format!("{} without a time", count(untimed, "packet"))));
    facts
}

fn fps(rate: Rational) -> String {
    match rate.den {
        1 => format!("{} fps", rate.num),
        _ => format!("{:.3} fps ({rate})", rate.to_f64()),
    }
}
