//! {{description}}

use std::process::ExitCode;

use common_ml::{BoxError, FrameModel, FrameTag, Image, Model};
use schemars::JsonSchema;
use serde::Deserialize;

/// What a user may choose.
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Params {
    /// A frame whose mean is above this is bright.
    #[schemars(range(min = 0, max = 255))]
    bright_above: f64,
}

impl Default for Params {
    fn default() -> Self {
        Self { bright_above: 128.0 }
    }
}

/// Tags each sampled frame as bright or dark.
struct {{class}} {
    params: Params,
}

impl FrameModel for {{class}} {
    /// Tags one picture: rows of RGB from the top, 0 to 255.
    fn tag_frame(&mut self, image: &Image) -> Result<Vec<FrameTag>, BoxError> {
        let sum: u64 = image.data.iter().map(|value| u64::from(*value)).sum();
        let mean = sum as f64 / image.data.len() as f64;
        Ok(vec![FrameTag::new(if mean > self.params.bright_above { "bright" } else { "dark" })])
    }
}

fn main() -> ExitCode {
    common_ml::run(include_str!("../tagger.toml"), |params: Params| Ok(Model::frame({{class}} { params })))
}

#[cfg(test)]
mod tests {
    use common_ml::Pixels;

    use super::*;

    /// What the model says of a small picture of one grey.
    fn said(params: Params, value: u8) -> String {
        let image = Image { width: 64, height: 48, pixels: Pixels::Rgb24, data: vec![value; 64 * 48 * 3] };
        {{class}} { params }.tag_frame(&image).unwrap().remove(0).tag
    }

    #[test]
    fn a_white_picture_is_bright_and_a_black_one_dark() {
        assert_eq!(said(Params::default(), 255), "bright");
        assert_eq!(said(Params::default(), 0), "dark");
    }

    #[test]
    fn the_user_says_where_bright_begins() {
        assert_eq!(said(Params { bright_above: 50.0 }, 100), "bright");
    }
}
