//! `tagger build`, `tagger push`, and `tagger inspect oci:IMAGE`: images of models.

use std::future::Future;
use std::io::IsTerminal;
use std::time::Duration;

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tagger_engine::{Client, Image, Push};
use tagger_image::{PROGRAM_CONTAINERFILE, Plan, Wishes};
use tagger_runtime::{Interpreter, Written, read_labels};
use tagger_wire::Manifest;

use crate::args::{BuildArgs, PushArgs};
use crate::containers::containers;
use crate::inspect::describe_parameters;
use crate::report::{self, count};
use crate::signals::Signals;
use crate::{INTERRUPTED, output};

/// The variable that says, for whole systems that are built reproducibly, when things are made: seconds since 1970.
const BUILD_TIME: &str = "SOURCE_DATE_EPOCH";

/// Runs `tagger build`; gives the exit status.
pub fn build(args: BuildArgs) -> anyhow::Result<u8> {
    for folder in &args.wheels {
        if !folder.is_dir() {
            bail!("there is no folder `{}` to take wheels from", folder.display());
        }
    }
    let time = std::env::var(BUILD_TIME).ok().map(|text| text.parse()).transpose();
    let wishes = Wishes {
        base: args.base,
        wheels: args.wheels,
        is_cache_left_out: args.no_cache,
        is_unasked: args.no_describe,
        interpreter: Interpreter { chosen: args.python },
        time: time.with_context(|| format!("{BUILD_TIME} is no number of seconds"))?,
    };
    let plan = Plan::of(&args.folder, &wishes)?;
    if args.print_containerfile {
        // That of a program makes what is made without one.
        let text = plan.containerfile().unwrap_or(PROGRAM_CONTAINERFILE);
        output::to_stdout(text)?;
        return Ok(0);
    }
    let name = args.tag.unwrap_or_default();
    let told = Told::begin();
    let built = with_engine(async |client| {
        let mut observe = |line: &str| told.line(line);
        Ok(plan.build(&client, &name, &wishes, &mut observe).await?)
    });
    told.end();
    let Some(built) = built? else { return Ok(INTERRUPTED) };
    output::to_stdout(&match args.json {
        true => json!({"image": name, "id": built.id, "size_bytes": built.size_bytes}).to_string() + "\n",
        false => format!("made {name}: {}, id {}\n", megabytes(built.size_bytes), short(&built.id)),
    })?;
    Ok(0)
}

/// Runs `tagger push`; gives the exit status.
pub fn push(args: &PushArgs) -> anyhow::Result<u8> {
    let told = Told::begin();
    let pushed = with_engine(async |client| {
        let credentials = if client.is_podman() { None } else { credentials(&args.destination) };
        let push = Push { is_plain: args.plain_http, credentials };
        client.push_image(&args.image, &args.destination, &push, |progress| told.line(&progress.text)).await?;
        Ok(())
    });
    told.end();
    if pushed?.is_none() {
        return Ok(INTERRUPTED);
    }
    output::to_stdout(&format!("pushed {} to {}\n", args.image, args.destination))?;
    Ok(0)
}

/// What Docker's own configuration says for a registry, in the form of its header. The daemon does not read it itself.
fn credentials(destination: &str) -> Option<String> {
    let registry = destination.split('/').next()?;
    let folder = std::env::var_os("DOCKER_CONFIG").map(std::path::PathBuf::from);
    let folder = folder.or_else(|| Some(std::path::Path::new(&std::env::var_os("HOME")?).join(".docker")))?;
    let text = std::fs::read_to_string(folder.join("config.json")).ok()?;
    let config: serde_json::Value = serde_json::from_str(&text).ok()?;
    let auth = STANDARD.decode(config.get("auths")?.get(registry)?.get("auth")?.as_str()?).ok()?;
    let auth = String::from_utf8(auth).ok()?;
    let (user, password) = auth.split_once(':')?;
    let header = json!({"username": user, "password": password, "serveraddress": registry});
    Some(URL_SAFE.encode(header.to_string()))
}

/// Runs `tagger inspect oci:IMAGE`; gives the exit status.
pub fn inspect(name: &str, as_json: bool) -> anyhow::Result<u8> {
    let Some(image) = with_engine(async |client| Ok(client.image(name).await?))? else { return Ok(INTERRUPTED) };
    let Some(image) = image else {
        bail!("image `{name}` is not on this machine; `podman pull {name}` or `docker pull {name}` fetches it");
    };
    let written = read_labels(&image, name)?;
    output::to_stdout(&match as_json {
        true => {
            serde_json::to_string_pretty(&json!({
                "image": name,
                "id": image.id,
                "digest": image.digest,
                "size_bytes": image.size_bytes,
                "layers": image.layers,
                "entrypoint": image.entrypoint,
                "user": image.user,
                "manifest": written.manifest.map(|manifest| Manifest { image: None, parameters: None, ..manifest }),
                "parameters": written.parameters,
            }))? + "\n"
        }
        false => report::harmless(&describe(name, &image, &written)),
    })?;
    Ok(0)
}

fn describe(name: &str, image: &Image, written: &Written) -> String {
    let mut text = match &written.manifest {
        Some(manifest) => {
            let kind = serde_json::to_value(manifest.kind).ok();
            let kind = kind.as_ref().and_then(|kind| kind.as_str()).unwrap_or_default();
            let mut text = format!("{} ({kind})\n", manifest.name);
            if !manifest.description.is_empty() {
                text += &format!("  {}\n", manifest.description);
            }
            text += &format!("  track       {}\n", manifest.default_track());
            for (name, amount) in &manifest.resources {
                text += &format!("  needs       {amount} {name}\n");
            }
            text
        }
        None => format!(
            "{name}\n  an image without a manifest: nothing says that it is a tagger; if it is, the configuration can \
             name its kind\n"
        ),
    };
    text += &written.parameters.as_ref().map(describe_parameters).unwrap_or_default();
    let starts: Vec<&str> = image.entrypoint.iter().chain(&image.command).map(String::as_str).collect();
    text += &format!("  image       {name}\n  starts      {}\n", starts.join(" "));
    text +=
        &format!("  runs as     {}\n", if image.user.is_empty() { "root, without capabilities" } else { &image.user });
    let layers = count(image.layers.len() as u64, "layer");
    text += &format!("  size        {} in {layers}\n  id          {}\n", megabytes(image.size_bytes), image.id);
    text + &image.digest.as_ref().map(|digest| format!("  digest      {digest}\n")).unwrap_or_default()
}

/// Does something with the engine, or with one of our own where none listens. `None`: a signal ended it.
fn with_engine<T, F>(work: impl FnOnce(Client) -> F) -> anyhow::Result<Option<T>>
where
    F: Future<Output = anyhow::Result<T>>,
{
    let tokio = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let done = tokio.block_on(async {
        let signals = Signals::listen()?;
        let containers = containers()?;
        let done = signals.unless_stopped(async { work(containers.client().await?).await }).await;
        containers.close().await;
        anyhow::Ok(done)
    });
    done?.transpose()
}

/// Tells what an engine says: on a terminal the last line of it, elsewhere all of them.
struct Told {
    bar: Option<ProgressBar>,
}

impl Told {
    fn begin() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            // The template is a constant; if it did not parse, the plain spinner would still tell.
            let style = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}");
            let bar = ProgressBar::new_spinner().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        Self { bar }
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(report::harmless(text)),
            None => report::line(text),
        }
    }

    fn end(&self) {
        self.bar.iter().for_each(ProgressBar::finish_and_clear);
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    #[test]
    fn help_names_the_base_that_is_taken() {
        let help = <crate::args::Tagger as clap::CommandFactory>::command();
        let build = help.find_subcommand("build").unwrap().clone().render_long_help().to_string();
        assert!(build.contains(tagger_image::DEFAULT_BASE), "{build}");
    }
}
