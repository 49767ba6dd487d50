//! What a container is made of: everything is closed that the contract or the operator does not open.

use std::fs;
use std::io;

use rustix::process::{Resource, getrlimit};
use tagger_engine::{Mount, Spec};

use super::media::{MEDIA, OUTPUT, Placed, place};
use super::owner::labels;
use super::survivors;
use crate::executor::{Container, Launch};

/// Where programs start, in images of any age.
pub(crate) const HOME: &str = "/elv";
/// Where weights are kept between runs.
const CACHE: &str = "/root/.cache";
/// Folders that programs expect to write to, each in memory.
const SCRATCH: [&str; 3] = ["/tmp", "/var/tmp", "/run"];
/// How much each of these holds, and that is counted as memory of the program.
const SCRATCH_BYTES: u64 = 512 << 20;
/// How many files a program may have open, where this process may have as many.
const OPEN_FILES: u64 = 16_384;

/// Makes the container's recipe, and places the files that it is fed at once.
pub(super) fn recipe(launch: &Launch, container: &Container, place_label: Option<&str>) -> io::Result<Spec> {
    let mut mounts = vec![
        bind(container.folder.join(MEDIA), format!("{HOME}/{MEDIA}"), false),
        bind(container.folder.join(OUTPUT), format!("{HOME}/{OUTPUT}"), true),
    ];
    for file in &container.files {
        let media = container.folder.join(MEDIA);
        let placed = place(file, &media, true)
            .map_err(|error| io::Error::new(error.kind(), format!("cannot place `{}`: {error}", file.display())))?;
        if let Placed::ToMount(source) = placed {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            mounts.push(bind(source, format!("{HOME}/{MEDIA}/{name}"), false));
        }
    }
    if let Some(cache) = &container.cache {
        fs::create_dir_all(cache)?;
        mounts.push(bind(cache.clone(), CACHE.to_owned(), true));
    }
    let scratch_bytes = SCRATCH_BYTES.min(container.limits.memory_bytes / 2);
    mounts.extend(SCRATCH.map(|target| Mount::Memory { target: target.to_owned(), max_bytes: scratch_bytes }));
    let text = |word: &std::ffi::OsString| word.to_string_lossy().into_owned();
    let most_files = getrlimit(Resource::Nofile).maximum.unwrap_or(OPEN_FILES);
    Ok(Spec {
        image: container.image.clone(),
        entrypoint: None,
        command: launch.command.iter().map(text).collect(),
        folder: Some(HOME.to_owned()),
        env: launch.env.iter().map(|(name, value)| (text(name), text(value))).collect(),
        labels: labels(place_label).into_iter().chain(survivors::labels(launch)).collect(),
        user: None,
        has_input: true,
        has_network: container.grants.network,
        is_root_writable: container.grants.writable_root,
        mounts,
        memory_bytes: Some(container.limits.memory_bytes),
        cpus: container.limits.cpus,
        processes: Some(container.limits.processes),
        open_files: Some(most_files.min(OPEN_FILES)),
        devices: container.devices.clone(),
    })
}

fn bind(source: std::path::PathBuf, target: String, is_writable: bool) -> Mount {
    Mount::Bind { source, target, is_writable }
}
