//! One JSON object a tag and line: everything, for programs.

use std::io::{self, Write};

use tagger_runtime::TagRow;

pub fn write(rows: &[TagRow], out: &mut impl Write) -> io::Result<()> {
    for row in rows {
        serde_json::to_writer(&mut *out, row)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_line_holds_everything_about_a_tag() {
        let mut out = Vec::new();
        super::write(&crate::output::samples::rows(), &mut out).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @"");
    }
}
