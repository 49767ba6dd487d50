//! Looks through the input files themselves while models work on them.
//!
//! A model that reads a file whose end is missing tags what is there and says nothing. So the packets are read once here,
//! without decoding: what is cut off or broken is told, whatever the models make of it.

use std::thread;

use tagger_media::{Damage, MediaKind, OnDamage, Scan, Timestamp, scan};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::{Input, Warning};

/// What is wrong with the files of a run.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Inputs that are damaged so that it counts as a failure, and how.
    pub failed: Vec<(usize, String)>,
}

/// Looks through `inputs` in a thread of its own, told by their places in the run. Damage that costs no more than itself
/// goes to `warn`, unless it is to fail. The thread ends after the file it is at once `stop` is cancelled.
pub(crate) fn look_through(
    inputs: Vec<(usize, Input)>,
    on_damage: OnDamage,
    warn: impl Fn(Warning) + Send + 'static,
    stop: CancellationToken,
) -> oneshot::Receiver<Found> {
    let (sender, receiver) = oneshot::channel();
    thread::spawn(move || {
        let mut found = Found::default();
        // A still has no packets worth reading: its picture is all there is.
        for (place, input) in inputs.into_iter().filter(|(_, input)| input.media.kind != MediaKind::Still) {
            if stop.is_cancelled() {
                break;
            }
            // What cannot be read at all is told by the models, who cannot either.
            let Ok(scanned) = scan(&input.path) else { continue };
            match failing(&input, &scanned, on_damage) {
                Some(what) => found.failed.push((place, what)),
                None => {
                    for damage in &scanned.damage {
                        warn(Warning { input: Some(place), message: describe_damage(damage, input.media.start) });
                    }
                }
            }
        }
        // Nobody waits for it any more when the run was stopped.
        let _ = sender.send(found);
    });
    receiver
}

/// What of a file's damage is a failure: that its end is missing, and all else if that is asked for.
fn failing(input: &Input, scanned: &Scan, on_damage: OnDamage) -> Option<String> {
    let whys: Vec<String> = scanned
        .damage
        .iter()
        .filter(|damage| on_damage == OnDamage::Fail || !matches!(damage, Damage::Packets { .. } | Damage::Lost { .. }))
        .map(|damage| describe_damage(damage, input.media.start))
        .collect();
    let last =
        scanned.video.as_ref().and_then(|video| video.last).map(|last| last.seconds() - input.media.start.seconds());
    let span = match (last, input.media.duration.map(|duration| duration.seconds())) {
        (Some(last), Some(all)) if last < all - 1.0 => format!(", its pictures end at {last:.3} s of {all:.3} s"),
        _ => String::new(),
    };
    (!whys.is_empty()).then(|| whys.join("; ") + &span)
}

/// Says in words what is broken in a file whose timeline begins at `start`.
pub fn describe_damage(damage: &Damage, start: Timestamp) -> String {
    let at = |time: &Timestamp| time.seconds() - start.seconds();
    let span = |first: &Option<Timestamp>, last: &Option<Timestamp>| match (first, last) {
        (Some(first), Some(last)) if first == last => format!(" at {:.3} s", at(first)),
        (Some(first), Some(last)) => format!(" between {:.3} s and {:.3} s", at(first), at(last)),
        _ => String::new(),
    };
    match damage {
        Damage::Packets { stream, count, first, last } => {
            let packets = if *count == 1 { "1 damaged packet".to_owned() } else { format!("{count} damaged packets") };
            format!("{packets} in stream {stream}{}", span(first, last))
        }
        Damage::Lost { stream, count, first, last } => {
            let times = if *count == 1 { String::new() } else { format!(", {count} times") };
            format!("pictures are missing from stream {stream}{}{times}", span(first, last))
        }
        Damage::Unreadable { reason } => format!("cannot be read to its end ({reason})"),
        Damage::Cut { missing_bytes } => format!("its end is missing (at least {missing_bytes} bytes)"),
    }
}
