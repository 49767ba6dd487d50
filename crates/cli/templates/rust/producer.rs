//! {{description}}

use std::path::Path;
use std::process::ExitCode;

use common_ml::{BoxError, Message, Model, Output, Producer, Tag};
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

/// Tags each file as short or long, and says itself when it is finished.
struct {{class}} {
    params: Params,
}

impl Producer for {{class}} {
    /// Works through files that came together. What is sent is written at once.
    fn produce(&mut self, files: &[String], output: &mut Output) -> Result<(), BoxError> {
        for file in files {
            match self.look_at(file) {
                Ok(tag) => {
                    output.send(Message::Tag(tag))?;
                    output.send(Message::Progress { source_media: file.clone() })?;
                }
                Err(error) => {
                    output.send(Message::Error { message: error.to_string(), source_media: Some(file.clone()) })?;
                }
            }
        }
        Ok(())
    }
}

impl {{class}} {
    fn look_at(&self, file: &str) -> Result<Tag, BoxError> {
        let duration = tagger_media::probe(Path::new(file))?.duration;
        let duration = duration.ok_or_else(|| format!("`{file}` does not say how long it is"))?;
        let word = if duration.seconds() > self.params.long_above { "long" } else { "short" };
        Ok(Tag { source_media: file.to_owned(), ..Tag::new(0, duration.to_millis(), word) })
    }
}

fn main() -> ExitCode {
    common_ml::run(include_str!("../tagger.toml"), |params: Params| Ok(Model::producer({{class}} { params })))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the model says of the clip, which has two seconds.
    fn said(params: Params) -> String {
        let clip = Path::new(env!("CARGO_MANIFEST_DIR")).join("clip.mp4");
        assert!(clip.exists(), "make-clip.sh makes the clip");
        {{class}} { params }.look_at(clip.to_str().unwrap()).unwrap().tag
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
