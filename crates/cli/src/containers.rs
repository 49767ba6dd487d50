//! Containers as commands use them that do their work and end.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::Context;
use tagger_runtime::{ContainerSetup, Containers, Guard};

use crate::GUARD;

/// Containers of this command. The engine is looked for when the first is wanted.
pub fn containers() -> anyhow::Result<Containers> {
    let guard = Guard::this_program(GUARD).context("cannot find this program")?;
    let setup = ContainerSetup { guard: Some(guard), cache: cache(), ..ContainerSetup::default() };
    Ok(Containers::new(setup))
}

/// Where models in containers keep their weights: beside other caches of the user.
fn cache() -> Option<PathBuf> {
    let folder = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")))?;
    Some(caches.join(Path::new("tagger/models")))
}
