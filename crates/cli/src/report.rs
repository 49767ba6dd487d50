//! Tells people on standard error what went wrong, why, and what to do.

use std::io::{self, Write};

/// Prints a line. Nobody may be listening any more (`2>&1 | head`), and that must not end the work.
///
/// Much of what is told here was written by models or taken from file names: what could steer a terminal is left out.
pub fn line(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", harmless(text));
}

/// Prints an error with its causes, one a line.
pub fn error(error: &anyhow::Error) {
    line(&text(error));
}

/// An error and its causes.
fn text(error: &anyhow::Error) -> String {
    let mut text = format!("error: {error}");
    for cause in error.chain().skip(1) {
        text += &format!("\n  caused by: {cause}");
    }
    text
}

/// `1 tag`, `2 tags`.
pub fn count(number: impl Into<u64>, word: &str) -> String {
    let number = number.into();
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}

/// A file's name on one line, however it is called.
pub fn name(name: &str) -> String {
    name.replace(char::is_control, "?")
}

/// Names in a row, in backticks; of many only the first ones.
pub fn names<'a>(all: impl ExactSizeIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 3;
    let more = all.len().saturating_sub(SHOWN);
    let mut shown: Vec<String> = all.take(SHOWN).map(|each| format!("`{}`", name(each))).collect();
    if more > 0 {
        shown.push(format!("{more} more"));
    }
    match shown.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
        None => String::new(),
    }
}

/// Text without control characters, except the ends of its lines.
pub fn harmless(text: &str) -> String {
    text.chars().filter(|c| *c == '\n' || *c == '\t' || !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_names_only_the_first_are_told() {
        let told = |all: &[&str]| names(all.iter().copied());
        assert_eq!(told(&["a"]), "`a`");
        assert_eq!(told(&["a", "b", "c"]), "`a`, `b` and `c`");
        assert_eq!(told(&["a", "b", "c", "d", "e"]), "`a`, `b`, `c` and 2 more");
    }

    #[test]
    fn nothing_that_is_told_can_steer_a_terminal() {
        assert_eq!(harmless("a\u{1b}[2Jb\r\n\tc\u{9b}d"), "a[2Jb\n\tcd");
    }
}
