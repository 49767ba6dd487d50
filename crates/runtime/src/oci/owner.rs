//! Whose a container is. Each carries the process that it works for; when that has died, the container is nobody's.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use tagger_engine::{Client, EngineError};

use super::survivors::Survivor;

/// The label with the process that a container works for.
const OWNER: &str = "io.tagger.owner";
/// The label with the place of the service that a container works for.
const PLACE: &str = "io.tagger.place";

/// The labels of a container of ours.
pub(super) fn labels(place: Option<&str>) -> BTreeMap<String, String> {
    // Without one too, or its image could bring one along.
    let place = place.unwrap_or_default().to_owned();
    [(OWNER.to_owned(), this_process()), (PLACE.to_owned(), place)].into()
}

/// Removes the containers whose owners have died, and those of earlier services at `place`; nobody else's. Those of that
/// place that write to `work` and could be taken over are given instead.
pub(super) async fn sweep(
    client: &Client,
    place: Option<&str>,
    work: Option<&Path>,
) -> Result<Vec<Survivor>, EngineError> {
    let own = this_process();
    let mut survivors = Vec::new();
    for container in client.containers_with(OWNER).await? {
        let Some(owner) = container.labels.get(OWNER).filter(|owner| **owner != own) else { continue };
        let is_of_this_place = place.is_some() && container.labels.get(PLACE).map(String::as_str) == place;
        match work.and_then(|work| Survivor::of(&container, work)).filter(|_| is_of_this_place) {
            Some(survivor) => survivors.push(survivor),
            None if is_of_this_place || has_died(owner) => client.remove_container(&container.id).await?,
            None => {}
        }
    }
    Ok(survivors)
}

/// This process, so that no other is meant, now or later: the start of the system, the namespace of its processes, its
/// number, and when it began.
pub(super) fn this_process() -> String {
    let pid = std::process::id();
    format!("{}/{pid}/{}", world(), began(pid).unwrap_or_default())
}

/// Whether the process can be seen to have died. One of another namespace cannot be seen.
pub(super) fn has_died(owner: &str) -> bool {
    let mut parts = owner.split('/');
    let (Some(boot), Some(namespace), Some(pid), Some(begin)) =
        (parts.next(), parts.next(), parts.next().and_then(|pid| pid.parse().ok()), parts.next())
    else {
        return false;
    };
    let own = world();
    match own.split_once('/') {
        Some((own_boot, _)) if own_boot != boot => true,
        Some((_, own_namespace)) if own_namespace == namespace => began(pid).is_none_or(|now| now != begin),
        _ => false,
    }
}

fn world() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let namespace = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    format!("{}/{}", boot.trim(), namespace.display())
}

/// When a process began, in the system's ticks. `None`: there is none of that number, or it is dead and unburied.
fn began(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Behind the name, which may hold anything.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?;
    fields.nth(18).filter(|_| state != "Z").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_lives_has_not_died() {
        assert!(!has_died(&this_process()));
    }

    #[test]
    fn a_number_that_was_given_away_again_is_somebody_else() {
        let world = world();
        let own = std::process::id();
        assert!(has_died(&format!("{world}/{own}/1")));
        assert!(has_died(&format!("{world}/4194305/1")));
        assert!(has_died(&format!("another-start/pid:[1]/{own}/1")));
        let (boot, _) = world.split_once('/').unwrap();
        assert!(!has_died(&format!("{boot}/pid:[1]/{own}/1")), "not to be seen from here");
        assert!(!has_died("nonsense"));
    }
}
