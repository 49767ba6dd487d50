//! Tells people on standard error what went wrong, why, and what to do.

/// Prints an error with its causes, one a line.
pub fn error(error: &anyhow::Error) {
    eprintln!("{}", text(error));
}

/// An error and its causes.
pub fn text(error: &anyhow::Error) -> String {
    let mut text = format!("error: {error}");
    for cause in error.chain().skip(1) {
        text += &format!("\n  caused by: {cause}");
    }
    text
}
