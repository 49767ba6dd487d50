//! `tagger init`: a project for a new model, written from the templates in this crate.
//!
//! No file of a project names a place on this machine. The SDK is reached through `sdk`, a link to a checkout, which is
//! not kept with the project and made anew elsewhere.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tagger_image::{PROGRAM_CONTAINERFILE, PYTHON_CONTAINERFILE};
use tagger_runtime::run_script;

use crate::args::{InitArgs, Kind, Language};
use crate::report;

/// The file that makes the test clip.
const CLIP_SCRIPT: &str = "make-clip.sh";

/// The template of a file in this crate.
macro_rules! template {
    ($path:literal) => {
        include_str!(concat!("../templates/", $path))
    };
}

/// Runs the command; gives the exit status.
pub fn init(args: &InitArgs) -> anyhow::Result<u8> {
    let folder = &args.name;
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if !is_name(name) {
        bail!("`{}` is no name for a model: take letters, digits, - and _, beginning with a letter", folder.display());
    }
    let sdk = find_sdk(args.sdk.as_deref())?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            bail!("`{}` is there already; choose another name, or remove it", folder.display())
        }
        made => made.with_context(|| format!("cannot make the folder `{}`", folder.display()))?,
    }
    for (file, template) in files(args.kind, args.lang) {
        let path = folder.join(file);
        let text = fill(template, &words(name, args.kind, args.lang));
        fs::create_dir_all(path.parent().unwrap_or(folder))
            .and_then(|()| fs::write(&path, text))
            .with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    let script = folder.join(CLIP_SCRIPT);
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))
        .with_context(|| format!("cannot make `{}` executable", script.display()))?;
    match &sdk {
        Some(sdk) => link_sdk(sdk, folder, args.lang)?,
        None => report::line(&format!(
            "warning: no checkout of Tagger was found to take the SDK from; make the link yourself: ln -s CHECKOUT {}",
            folder.join("sdk").display()
        )),
    }
    if let Err(problem) = run_script(&script) {
        report::line(&format!("warning: there is no test clip: {problem}; {} makes it", script.display()));
    }
    crate::output::to_stdout(&next_steps(folder, name, args.lang))?;
    Ok(0)
}

/// What is a model's name as well as that of a package and, in another form, of a class.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

/// The checkout to take the SDK from.
fn find_sdk(chosen: Option<&Path>) -> anyhow::Result<Option<PathBuf>> {
    let holds_sdk = |folder: &Path| folder.join("crates/common-ml").is_dir() && folder.join("python").is_dir();
    if let Some(folder) = chosen {
        if !holds_sdk(folder) {
            bail!("`{}` is no checkout of Tagger: it has no crates/common-ml or no python", folder.display());
        }
        return Ok(Some(folder.canonicalize().with_context(|| format!("cannot find `{}`", folder.display()))?));
    }
    let own = std::env::current_exe().ok().and_then(|path| path.canonicalize().ok());
    let beside = own.iter().flat_map(|path| path.ancestors().skip(1)).map(Path::to_owned);
    let built_from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().ok();
    Ok(beside.chain(built_from).find(|folder| holds_sdk(folder)))
}

fn link_sdk(sdk: &Path, folder: &Path, language: Language) -> anyhow::Result<()> {
    let link = folder.join("sdk");
    symlink(sdk, &link).with_context(|| format!("cannot make the link `{}`", link.display()))?;
    if language == Language::Rust {
        // The versions that the SDK was tested with. Cargo leaves out what the project does not need.
        let lock = folder.join("Cargo.lock");
        fs::copy(sdk.join("Cargo.lock"), &lock).with_context(|| format!("cannot write `{}`", lock.display()))?;
    }
    Ok(())
}

/// The files of a project with their templates.
fn files(kind: Kind, language: Language) -> Vec<(&'static str, &'static str)> {
    let looks_at_pictures = matches!(kind, Kind::Frame | Kind::Batch);
    let mut files = vec![
        ("tagger.toml", template!("common/tagger.toml")),
        (CLIP_SCRIPT, template!("common/make-clip.sh")),
        (".gitignore", template!("common/gitignore")),
    ];
    match language {
        Language::Python => files.extend([
            (
                "model.py",
                match kind {
                    Kind::Frame => template!("python/frame.py"),
                    Kind::Batch => template!("python/batch.py"),
                    Kind::Av => template!("python/av.py"),
                    Kind::Producer => template!("python/producer.py"),
                },
            ),
            (
                "test_model.py",
                if looks_at_pictures { template!("python/test_frame.py") } else { template!("python/test_file.py") },
            ),
            ("requirements.txt", template!("python/requirements.txt")),
            ("Containerfile", PYTHON_CONTAINERFILE),
            ("README.md", template!("python/README.md")),
        ]),
        Language::Rust => files.extend([
            (
                "src/main.rs",
                match kind {
                    Kind::Frame => template!("rust/frame.rs"),
                    Kind::Batch => template!("rust/batch.rs"),
                    Kind::Av => template!("rust/av.rs"),
                    Kind::Producer => template!("rust/producer.rs"),
                },
            ),
            ("Cargo.toml", template!("rust/Cargo.toml")),
            ("Containerfile", PROGRAM_CONTAINERFILE),
            ("README.md", template!("rust/README.md")),
        ]),
    }
    files
}

/// What stands for the placeholders of the templates.
fn words(name: &str, kind: Kind, language: Language) -> Vec<(&'static str, String)> {
    let looks_at_pictures = matches!(kind, Kind::Frame | Kind::Batch);
    let either = |pictures: &str, files: &str| if looks_at_pictures { pictures } else { files }.to_owned();
    let (command, ignored) = match language {
        Language::Python => (r#"["python3", "model.py"]"#, "/.venv\n/wheels\n__pycache__\n"),
        Language::Rust => (r#"["cargo", "run", "--release", "--quiet", "--"]"#, "/target\n"),
    };
    let look = match kind {
        Kind::Frame => "model.tag_frame(picture(value))[0].tag",
        Kind::Batch => "model.tag_frames(picture(value)[None])[0][0].tag",
        Kind::Av => "model.tag(str(CLIP))",
        Kind::Producer => "model.produce([str(CLIP)])",
    };
    vec![
        ("name", name.to_owned()),
        ("class", class_name(name)),
        ("manifest_kind", either("frame", "video")),
        ("description", either("Tells bright frames from dark ones.", "Tells long files from short ones.")),
        ("command", command.to_owned()),
        ("ignored", ignored.to_owned()),
        ("look", look.to_owned()),
    ]
}

/// `night-sky` makes `NightSkyTagger`, which nothing that the templates import is called.
fn class_name(name: &str) -> String {
    let pieces = name.split(['-', '_']).filter(|piece| !piece.is_empty());
    let words: String = pieces.map(|piece| piece[..1].to_ascii_uppercase() + &piece[1..]).collect();
    words + "Tagger"
}

fn fill(template: &str, words: &[(&str, String)]) -> String {
    words.iter().fold(template.to_owned(), |text, (name, word)| text.replace(&format!("{{{{{name}}}}}"), word))
}

fn next_steps(folder: &Path, name: &str, language: Language) -> String {
    let place = folder.display();
    // A bare name would be looked for among the shipped models first.
    let model = if folder.components().count() > 1 { place.to_string() } else { name.to_owned() };
    let (code, build, test) = match language {
        Language::Python => ("model.py", String::new(), format!("(cd {place} && python3 -m unittest)")),
        Language::Rust => (
            "src/main.rs",
            format!("  (cd {place} && cargo build --release)\n"),
            format!("(cd {place} && cargo test --release)"),
        ),
    };
    format!(
        "made {place}: the model is in {place}/{code}, what it says of itself in {place}/tagger.toml\n\n\
         next:\n{build}  tagger run -m {model} {place}/clip.mp4\n  tagger test {model}\n  {test}\n\n\
         {place}/README.md tells the rest\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_placeholder_of_every_template_is_filled() {
        for kind in [Kind::Frame, Kind::Batch, Kind::Av, Kind::Producer] {
            for language in [Language::Python, Language::Rust] {
                for (file, template) in files(kind, language) {
                    let text = fill(template, &words("night-sky", kind, language));
                    assert!(!text.contains("{{") && !text.contains("}}"), "{file} of {kind:?}:\n{text}");
                }
            }
        }
    }

    #[test]
    fn a_name_becomes_a_class() {
        assert_eq!(class_name("night-sky_2"), "NightSky2Tagger");
        assert_eq!(class_name("OCR"), "OCRTagger");
        assert!(is_name("night-sky_2") && !is_name("2nd") && !is_name("a b") && !is_name(""));
    }
}
