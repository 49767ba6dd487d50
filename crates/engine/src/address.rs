//! Where engines listen.

use std::env;
use std::path::{Path, PathBuf};

/// A socket that an engine may listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The socket.
    pub socket: PathBuf,
    /// The environment variable that names it. `None`: engines listen there by themselves.
    pub named_by: Option<&'static str>,
}

/// Where engines listen, in the order in which they are asked: what the user named first. Addresses of other machines
/// (`ssh://`, `tcp://`) are left out, because a container here has to see files of this machine.
pub fn places() -> Vec<Place> {
    let named = ["CONTAINER_HOST", "DOCKER_HOST"].into_iter().filter_map(|name| {
        let address = env::var(name).ok()?;
        Some(Place { socket: socket_of(&address)?, named_by: Some(name) })
    });
    let own = env::var_os("XDG_RUNTIME_DIR").map(|folder| Path::new(&folder).join("podman/podman.sock"));
    let usual = ["/run/podman/podman.sock", "/run/docker.sock"].map(PathBuf::from);
    let unnamed = own.into_iter().chain(usual).map(|socket| Place { socket, named_by: None });
    named.chain(unnamed).collect()
}

/// The socket of an address. `None`: it is no socket of this machine.
fn socket_of(address: &str) -> Option<PathBuf> {
    let path = address.strip_prefix("unix://")?;
    Some(PathBuf::from(path)).filter(|path| path.is_absolute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sockets_of_this_machine_are_addresses() {
        assert_eq!(socket_of("unix:///run/x.sock"), Some("/run/x.sock".into()));
        assert_eq!(
            ["tcp://127.0.0.1:2375", "ssh://host/run/x.sock", "/run/x.sock", "unix://"].map(socket_of),
            [None, None, None, None]
        );
    }
}
