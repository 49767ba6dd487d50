//! When what was replaced is too old to be kept.
//!
//! A clock may jump: a machine wakes up in the wrong year, and is set right a minute later. What was replaced yesterday
//! must not be gone then. So a batch is given up only where two looks, a day apart, find it too old, and the earlier one
//! is kept in a file: a server that is started anew each day would never come to the later one otherwise.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// How long it is from one look to the next.
const DAY_MS: i64 = 24 * 3600 * 1000;

/// When replaced batches were last looked through.
pub(super) struct Looks {
    file: PathBuf,
    /// In milliseconds since 1970. None: nobody has looked yet.
    last_ms: Option<i64>,
}

impl Looks {
    /// Goes on with the looks of the server that was here before.
    pub fn over(data: &Path) -> Self {
        let file = data.join("looked");
        // Half a number is a smaller one, and keeps things for longer; what is no number counts as no look.
        let last_ms = fs::read_to_string(&file).ok().and_then(|text| text.trim().parse().ok());
        Self { file, last_ms }
    }

    /// Whether it is time to look. One that is busy is let be for another day.
    pub fn is_due(&self, now_ms: i64, is_busy: bool) -> bool {
        let rest_ms = if is_busy { 2 * DAY_MS } else { DAY_MS };
        // A clock that was set back must not keep things for ever.
        self.last_ms.is_none_or(|last_ms| last_ms > now_ms || now_ms.saturating_sub(last_ms) >= rest_ms)
    }

    /// Looks. Gives by which time to tell what is too old: that of this look, or of the one before if that is earlier.
    /// None at the first look of all.
    ///
    /// # Errors
    /// The file cannot be written. Then the look counts only as long as the server runs.
    pub fn look(&mut self, now_ms: i64) -> (Option<i64>, io::Result<()>) {
        let agreed_ms = self.last_ms.replace(now_ms).map(|last_ms| last_ms.min(now_ms));
        (agreed_ms, fs::write(&self.file, format!("{now_ms}\n")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(looks: &mut Looks, now_ms: i64) -> Option<i64> {
        let (agreed_ms, written) = looks.look(now_ms);
        written.unwrap();
        agreed_ms
    }

    #[test]
    fn two_looks_have_to_agree_and_the_earlier_one_outlives_the_server() {
        let folder = tempfile::tempdir().unwrap();
        let mut looks = Looks::over(folder.path());
        assert!(looks.is_due(50 * DAY_MS, false));
        assert_eq!(look(&mut looks, 50 * DAY_MS), None);
        let mut looks = Looks::over(folder.path());
        assert!(!looks.is_due(51 * DAY_MS - 1, false), "a start is no reason to look again");
        assert!(looks.is_due(51 * DAY_MS, false));
        assert_eq!(look(&mut looks, 90 * DAY_MS), Some(50 * DAY_MS));
        assert_eq!(look(&mut looks, 91 * DAY_MS), Some(90 * DAY_MS));
    }

    #[test]
    fn a_clock_that_jumps_ahead_and_back_agrees_with_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut looks = Looks::over(folder.path());
        look(&mut looks, 50 * DAY_MS);
        assert_eq!(look(&mut looks, 9_000 * DAY_MS), Some(50 * DAY_MS));
        assert!(looks.is_due(50 * DAY_MS + 1, false), "set back");
        assert_eq!(look(&mut looks, 50 * DAY_MS + 1), Some(50 * DAY_MS + 1));
    }

    #[test]
    fn a_busy_server_looks_a_day_later() {
        let folder = tempfile::tempdir().unwrap();
        let mut looks = Looks::over(folder.path());
        look(&mut looks, 50 * DAY_MS);
        assert!(!looks.is_due(52 * DAY_MS - 1, true));
        assert!(looks.is_due(52 * DAY_MS, true));
    }

    #[test]
    fn a_file_that_holds_nonsense_counts_as_no_look_and_half_a_number_as_an_early_one() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("looked"), "yesterday").unwrap();
        assert_eq!(look(&mut Looks::over(folder.path()), 50 * DAY_MS), None);
        fs::write(folder.path().join("looked"), "4320").unwrap();
        assert_eq!(look(&mut Looks::over(folder.path()), 51 * DAY_MS), Some(4320));
        assert_eq!(Looks::over(folder.path()).last_ms, Some(51 * DAY_MS));
    }
}
