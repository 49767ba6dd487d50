//! {{description}}

use std::path::Path;
use std::process::ExitCode;

use common_ml::{AvModel, BoxError, Model, Tag};
use schemars::JsonSchema;
use serde::Deserialize;

/// What a user may choose.
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Params {
    /// A file of more seconds is long.
    #[schemars(range(min = 0))]
    long_above: f64,
}

impl Default for Params {
    fn default() -> Self {
        Self { long_above: 60.0 }
    }
}

/// Tags each file as short or long.
struct {{class}} {
    params: Params,
}

impl AvModel for {{class}} {
    /// Tags one file; times are milliseconds from its start.
    fn tag(&mut self, path: &Path) -> Result<Vec<Tag>, BoxError> {
        let duration = tagger_media::probe(path)?.duration;
        let duration = duration.ok_or_else(|| format!("`{}` does not say how long it is", path.display()))?;
        let word = if duration.seconds() > self.params.long_above { "long" } else { "short" };
        Ok(vec![Tag::new(0, duration.to_millis(), word)])
    }
}

fn main() -> ExitCode {
    common_ml::run(include_str!("../tagger.toml"), |params: Params| Ok(Model::av({{class}} { params })))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the model says of the clip, which has two seconds.
    fn said(params: Params) -> String {
        let clip = Path::new(env!("CARGO_MANIFEST_DIR")).join("clip.mp4");
        assert!(clip.exists(), "make-clip.sh makes the clip");
        {{class}} { params }.tag(&clip).unwrap().remove(0).tag
    }

    #[test]
    fn a_clip_of_two_seconds_is_short() {
        assert_eq!(said(Params::default()), "short");
    }

    #[test]
    fn the_user_says_where_long_begins() {
        assert_eq!(said(Params { long_above: 1.0 }), "long");
    }
}
