//! The wheels of a Python model: resolved and fetched on this machine, kept, and installed without a network.
//!
//! The SDK is only ever taken from a wheel or a checkout: on public indexes its name belongs to somebody else.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tagger_runtime::run_tool;

use crate::archive::{Entry, Tree, hex};
use crate::containerfile::ADDED;

/// The SDK as indexes write its name.
const SDK: &str = "common-ml";
/// Says that all wheels of a folder are there.
const COMPLETE: &str = "complete";

/// Why there are no wheels to install.
#[derive(Debug, thiserror::Error)]
pub enum WheelError {
    /// There is no wheel of the SDK.
    #[error("there is no wheel of the SDK in {}: `make wheel` in a checkout of Tagger makes one, and `--wheels FOLDER` says where it is", listed(.searched))]
    NoSdk {
        /// The folders that were searched.
        searched: Vec<PathBuf>,
    },
    /// pip says no.
    #[error("pip cannot get what `{}` asks for:\n{told}", requirements.display())]
    Unresolved {
        /// The file.
        requirements: PathBuf,
        /// What pip said last.
        told: String,
    },
    /// A file cannot be read or written.
    #[error("cannot keep wheels in `{}`", path.display())]
    Unwritable {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

fn listed(folders: &[PathBuf]) -> String {
    folders.iter().map(|folder| format!("`{}`", folder.display())).collect::<Vec<_>>().join(", ")
}

/// What wheels are resolved with.
pub(crate) struct Wheels<'a> {
    pub folder: &'a Path,
    pub python: &'a Path,
    /// The Python they are for, as in `3.11`.
    pub version: &'a str,
    /// Where to look for wheels before any index.
    pub searched: Vec<PathBuf>,
    pub is_cache_left_out: bool,
}

impl Wheels<'_> {
    /// Adds the wheels, and the list of them, to the context.
    pub fn put_into(&self, context: &mut Tree, observe: &mut dyn FnMut(&str)) -> Result<(), WheelError> {
        let house = self.house(observe)?;
        let mut listed = String::new();
        for wheel in wheels_in(&house) {
            let name = wheel.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let mut pieces = name.split('-');
            match (pieces.next(), pieces.next()) {
                (Some("pip"), _) => context.put(format!("{ADDED}/wheels/pip.whl"), Entry::File(wheel)),
                (Some(package), Some(version)) => {
                    listed += &format!("{package}=={version}\n");
                    context.put(format!("{ADDED}/wheels/{name}"), Entry::File(wheel));
                }
                _ => {}
            }
        }
        context.put(format!("{ADDED}/wheels/requirements.txt"), Entry::Text(listed));
        Ok(())
    }

    /// The folder with all wheels, filled if it is not there yet.
    fn house(&self, observe: &mut dyn FnMut(&str)) -> Result<PathBuf, WheelError> {
        let file = self.folder.join("requirements.txt");
        let text = fs::read_to_string(&file).unwrap_or_else(|_| SDK.to_owned());
        let (wanted, local) = self.wanted(&text)?;
        let mut key = Sha256::new();
        key.update([self.version, std::env::consts::ARCH, &wanted].join("\n"));
        for path in &local {
            let bytes = fs::read(path).map_err(|source| WheelError::Unwritable { path: path.clone(), source })?;
            key.update(Sha256::digest(bytes));
        }
        let cache = cache_folder();
        let house = cache.join(&hex(&key.finalize())[..16]);
        if house.join(COMPLETE).exists() && !self.is_cache_left_out {
            return Ok(house);
        }
        observe("getting what the model needs (pip)");
        let unwritable = |path: &Path| {
            let path = path.to_owned();
            move |source| WheelError::Unwritable { path, source }
        };
        fs::create_dir_all(&cache).map_err(unwritable(&cache))?;
        let fresh = tempfile::tempdir_in(&cache).map_err(unwritable(&cache))?;
        let list = fresh.path().join("wanted.txt");
        fs::write(&list, &wanted).map_err(unwritable(&list))?;
        let mut command: Vec<OsString> = vec![self.python.into()];
        command.extend(["-m", "pip", "wheel", "--disable-pip-version-check", "--quiet"].map(OsString::from));
        command.extend(["--wheel-dir".into(), fresh.path().into(), "--requirement".into(), list.clone().into()]);
        for folder in self.searched.iter().filter(|folder| folder.is_dir()) {
            command.extend(["--find-links".into(), folder.into()]);
        }
        command.push("pip".into()); // what installs them; the base need not have it
        run_tool(&command, self.folder, |line| observe(line))
            .map_err(|told| WheelError::Unresolved { requirements: file, told })?;
        let _ = fs::remove_file(&list);
        fs::write(fresh.path().join(COMPLETE), "").map_err(unwritable(fresh.path()))?;
        if house.exists() {
            fs::remove_dir_all(&house).map_err(unwritable(&house))?;
        }
        fs::rename(fresh.keep(), &house).map_err(unwritable(&house))?;
        Ok(house)
    }

    /// The requirements with the SDK's own wheel in place of its name or checkout, and the wheels that are local.
    fn wanted(&self, text: &str) -> Result<(String, Vec<PathBuf>), WheelError> {
        let (mut lines, mut local) = (Vec::new(), Vec::new());
        for line in text.lines() {
            let bare = line.split(" #").next().unwrap_or_default().trim();
            if bare.is_empty() || bare.starts_with('#') {
                continue;
            }
            let is_path = bare.starts_with(['.', '/']);
            let is_sdk =
                match is_path {
                    true => is_sdk_checkout(&self.folder.join(bare)),
                    false => bare.to_lowercase().replace('_', "-").strip_prefix(SDK).is_some_and(|rest| {
                        !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.')
                    }),
                };
            if is_sdk {
                let sdk = self.sdk()?;
                lines.push(sdk.display().to_string());
                local.push(sdk);
            } else if is_path {
                let path = self.folder.join(bare);
                lines.push(path.display().to_string());
                local.extend(Some(path).filter(|path| path.is_file()));
            } else {
                lines.push(bare.to_owned());
            }
        }
        Ok((lines.join("\n") + "\n", local))
    }

    fn sdk(&self) -> Result<PathBuf, WheelError> {
        let found = self
            .searched
            .iter()
            .flat_map(|folder| wheels_in(folder))
            .find(|wheel| wheel.file_name().is_some_and(|name| name.to_string_lossy().starts_with("common_ml-")));
        let found = found.and_then(|wheel| wheel.canonicalize().ok());
        found.ok_or_else(|| WheelError::NoSdk { searched: self.searched.clone() })
    }
}

fn wheels_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let mut wheels: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "whl")).collect();
    wheels.sort();
    wheels
}

fn is_sdk_checkout(folder: &Path) -> bool {
    let text = fs::read_to_string(folder.join("pyproject.toml")).unwrap_or_default();
    let project = text.parse::<toml::Table>().ok().and_then(|file| file.get("project")?.get("name").cloned());
    project.is_some_and(|name| name.as_str() == Some(SDK))
}

/// Where wheels are kept from one build to the next.
fn cache_folder() -> PathBuf {
    let set = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    set.or_else(home).unwrap_or_else(std::env::temp_dir).join("tagger/wheels")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wheels<'a>(folder: &'a Path, searched: Vec<PathBuf>) -> Wheels<'a> {
        Wheels { folder, python: Path::new("python3"), version: "3.11", searched, is_cache_left_out: false }
    }

    #[test]
    fn the_sdk_is_taken_from_its_wheel_however_it_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("sdk/python")).unwrap();
        fs::write(at("sdk/python/pyproject.toml"), "[project]\nname = 'common-ml'\n").unwrap();
        let wheel = at("common_ml-0.1.0-cp38-abi3-any.whl");
        fs::write(&wheel, "wheel").unwrap();
        let wheel = wheel.canonicalize().unwrap();
        for (asked, is_sdk) in [
            ("./sdk/python", true),
            ("common-ml", true),
            ("Common_ML[legacy]>=0.1 # the SDK", true),
            ("common-ml-extras", false),
            ("numpy", false),
        ] {
            let (wanted, local) = wheels(folder.path(), vec![folder.path().into()]).wanted(asked).unwrap();
            assert_eq!(wanted.trim() == wheel.display().to_string(), is_sdk, "{asked}: {wanted}");
            assert_eq!(local.contains(&wheel), is_sdk);
        }
    }

    #[test]
    fn without_a_wheel_of_the_sdk_the_way_to_one_is_told() {
        let error = wheels(Path::new("/m"), vec!["/m/wheels".into()]).wanted("common-ml").unwrap_err();
        insta::assert_snapshot!(error, @"there is no wheel of the SDK in `/m/wheels`: `make wheel` in a checkout of Tagger makes one, and `--wheels FOLDER` says where it is");
    }
}
