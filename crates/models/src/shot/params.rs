//! What a user may choose.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::detector::Settings;

/// The parameters of `shot`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// How far a cut must stand out from the motion around it, 0.05 to 1; lower finds more. Default: 0.4.
    #[schemars(range(min = 0.05, max = 1))]
    pub threshold: f64,
    /// No shot is shorter, 0 to 60 seconds; of two boundaries nearer to each other the clearer one stays. Default: 0.2.
    #[schemars(range(min = 0, max = 60))]
    pub min_shot_seconds: f64,
    /// Whether a fade out and in again begins a new shot. Default: true.
    pub fades: bool,
}

impl Default for Params {
    fn default() -> Self {
        Self { threshold: 0.4, min_shot_seconds: 0.2, fades: true }
    }
}

/// A parameter out of range.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("invalid parameter: `{name}` is {value}: a number from {min} to {max} is accepted")]
pub struct OutOfRange {
    name: &'static str,
    value: f64,
    min: f64,
    max: f64,
}

impl Params {
    /// The same, checked.
    ///
    /// # Errors
    /// [`OutOfRange`] names the first parameter that is.
    pub fn settings(&self) -> Result<Settings, OutOfRange> {
        let within = |name, value, min, max| {
            if (min..=max).contains(&value) { Ok(value) } else { Err(OutOfRange { name, value, min, max }) }
        };
        Ok(Settings {
            threshold: within("threshold", self.threshold, 0.05, 1.0)?,
            min_shot_seconds: within("min_shot_seconds", self.min_shot_seconds, 0.0, 60.0)?,
            fades: self.fades,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Settings, String> {
        let params: Params = serde_json::from_str(json).map_err(|e| e.to_string())?;
        params.settings().map_err(|e| e.to_string())
    }

    #[test]
    fn without_a_choice_the_defaults_hold() {
        assert_eq!(read("{}"), Ok(Settings { threshold: 0.4, min_shot_seconds: 0.2, fades: true }));
    }

    #[test]
    fn a_value_out_of_range_is_refused_with_its_name_and_the_range() {
        insta::assert_snapshot!(read(r#"{"threshold": 3}"#).unwrap_err(), @"invalid parameter: `threshold` is 3: a number from 0.05 to 1 is accepted");
        insta::assert_snapshot!(read(r#"{"min_shot_seconds": -1}"#).unwrap_err(), @"invalid parameter: `min_shot_seconds` is -1: a number from 0 to 60 is accepted");
    }

    #[test]
    fn an_unknown_name_is_refused_with_those_there_are() {
        let told = read(r#"{"treshold": 0.3}"#).unwrap_err();
        insta::assert_snapshot!(told, @"unknown field `treshold`, expected one of `threshold`, `min_shot_seconds`, `fades` at line 1 column 11");
    }

    #[test]
    fn the_manifest_describes_these_parameters_and_defaults() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/shot/tagger.toml");
        let manifest = tagger_wire::Manifest::load(&path).unwrap();
        let declared = manifest.parameters.unwrap();
        let defaults = serde_json::to_value(Params::default()).unwrap();
        let schema = serde_json::to_value(schemars::schema_for!(Params)).unwrap();
        let (declared, expected) =
            (declared["properties"].as_object().unwrap(), schema["properties"].as_object().unwrap());
        for (name, property) in expected {
            let own = declared.get(name).unwrap_or_else(|| panic!("{name} is not in the manifest"));
            assert_eq!(own["default"], defaults[name], "{name}");
            assert_eq!(own["type"], property["type"], "{name}");
            for bound in ["minimum", "maximum"] {
                assert_eq!(own.get(bound).map(|v| v.as_f64()), property.get(bound).map(|v| v.as_f64()), "{name}");
            }
        }
    }
}
