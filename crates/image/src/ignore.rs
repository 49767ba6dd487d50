//! What a model's folder keeps out of its image: `.containerignore`, or else `.dockerignore`, read as engines read them.

use std::fs;
use std::io;
use std::path::Path;

use globset::{GlobBuilder, GlobMatcher};

/// The files with patterns, of which the first that is there counts.
const NAMES: [&str; 2] = [".containerignore", ".dockerignore"];

/// Patterns, of which the last that fits a path or a folder above it decides.
#[derive(Debug, Default)]
pub(crate) struct Ignore {
    patterns: Vec<Pattern>,
}

#[derive(Debug)]
struct Pattern {
    matcher: GlobMatcher,
    /// Whether it takes back in what patterns before it have left out.
    takes_in: bool,
}

impl Ignore {
    /// Reads the patterns of a model's folder. Without a file, there are none.
    ///
    /// # Errors
    /// The system's, or a pattern that is none; the text names file and line.
    pub fn of(folder: &Path) -> io::Result<Self> {
        for name in NAMES {
            match fs::read_to_string(folder.join(name)) {
                Ok(text) => return Self::parse(&text, name),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(io::Error::new(error.kind(), format!("`{name}`: {error}"))),
            }
        }
        Ok(Self::default())
    }

    fn parse(text: &str, name: &str) -> io::Result<Self> {
        let mut patterns = Vec::new();
        for (nth, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            if line.starts_with('#') {
                continue;
            }
            let (takes_in, pattern) = match line.trim().strip_prefix('!') {
                Some(pattern) => (true, pattern.trim()),
                None => (false, line.trim()),
            };
            let pattern = pattern.trim_start_matches("./").trim_matches('/');
            if pattern.is_empty() || pattern == "." {
                continue;
            }
            // Braces have no meaning there.
            let escaped = pattern.replace('{', "[{]").replace('}', "[}]");
            let glob = GlobBuilder::new(&escaped).literal_separator(true).backslash_escape(true).build();
            let glob = glob.map_err(|error| {
                let told = format!("`{name}`, line {}: {}", nth + 1, error.kind());
                io::Error::new(io::ErrorKind::InvalidInput, told)
            })?;
            patterns.push(Pattern { matcher: glob.compile_matcher(), takes_in });
        }
        Ok(Self { patterns })
    }

    /// Whether a file stays out. `path` is relative to the folder.
    pub fn leaves_out(&self, path: &Path) -> bool {
        let fits = |pattern: &&Pattern| {
            let mut at_or_above = path.ancestors().filter(|place| !place.as_os_str().is_empty());
            at_or_above.any(|place| pattern.matcher.is_match(place))
        };
        self.patterns.iter().rev().find(fits).is_some_and(|pattern| !pattern.takes_in)
    }

    /// Whether nothing in a folder can come in, so that it need not be searched.
    pub fn leaves_out_all_of(&self, folder: &Path) -> bool {
        self.leaves_out(folder) && !self.patterns.iter().any(|pattern| pattern.takes_in)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left_out(text: &str, paths: &[&str]) -> Vec<bool> {
        let ignore = Ignore::parse(text, ".containerignore").unwrap();
        paths.iter().map(|path| ignore.leaves_out(Path::new(path))).collect()
    }

    #[test]
    fn patterns_begin_at_the_folder_and_stars_stop_at_its_folders() {
        let paths = ["a.md", "docs/a.md", "docs/x/b.txt", "data", "data/x/y", "more/data"];
        assert_eq!(left_out("*.md\n/data/\n", &paths), [true, false, false, true, true, false]);
        assert_eq!(left_out("**/*.md\n", &paths[..2]), [true, true]);
        assert_eq!(left_out("docs/**\n", &paths[..3]), [false, true, true]);
        assert_eq!(left_out("# *.md\n\n  ./a.md  \n", &paths[..2]), [true, false]);
        assert_eq!(left_out("{a,b}.md\n", &["a.md", "{a,b}.md"]), [false, true]);
    }

    #[test]
    fn the_last_pattern_that_fits_decides() {
        let paths = ["model.py", "nets/a.bin", "nets/keep.bin"];
        assert_eq!(left_out("*\n!model.py\n!nets/keep.bin\n", &paths), [false, true, false]);
        assert_eq!(left_out("!nets\nnets\n", &paths), [false, true, true]);
        assert_eq!(left_out("nets/a.bin\n!nets\n", &paths), [false, false, false]);
    }

    #[test]
    fn the_file_with_the_engines_own_name_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        let reads = || Ignore::of(folder.path()).unwrap().leaves_out(Path::new("x"));
        assert!(!reads());
        fs::write(folder.path().join(".dockerignore"), "x\n").unwrap();
        assert!(reads());
        fs::write(folder.path().join(".containerignore"), "y\n").unwrap();
        assert!(!reads());
    }

    #[test]
    fn a_pattern_that_is_none_is_named_with_its_line() {
        let error = Ignore::parse("x\n[a\n", ".containerignore").unwrap_err();
        assert_eq!(error.to_string(), "`.containerignore`, line 2: unclosed character class; missing ']'");
    }
}
