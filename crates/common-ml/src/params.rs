//! What the user chose: the run loop's own parameters, and the model's, each checked before anything starts.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The parameters that the run loop honours, whatever the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LoopParams {
    /// Go on with the next file when one fails. Default: false.
    pub continue_on_error: bool,
    /// Frames sampled per second of video; more than 0. Frame models only. Default: 1.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub fps: f64,
    /// Whether a tag seen on one sampled frame only makes a time-range tag. Frame models only. Default: true.
    pub allow_single_frame: bool,
    /// Frames handed to a batch model at once, at least 1. Frame models only. Default: the model's own.
    #[schemars(range(min = 1))]
    pub batch_size: Option<usize>,
}

impl Default for LoopParams {
    fn default() -> Self {
        Self { continue_on_error: false, fps: 1.0, allow_single_frame: true, batch_size: None }
    }
}

/// For models that take no parameters of their own: any name given is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoParams {}

/// Why parameters were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid parameter: {0}")]
pub struct ParamsError(String);

impl LoopParams {
    /// Takes the loop's own parameters out of what the user chose.
    ///
    /// # Errors
    /// [`ParamsError`] names the field and what it accepts.
    pub fn from_map(params: &Map<String, Value>) -> Result<Self, ParamsError> {
        let known = LOOP_NAMES.iter().filter_map(|name| Some(((*name).to_owned(), params.get(*name)?.clone())));
        let mut own = Self::default();
        for (name, value) in known {
            // One at a time, so that the error can say which.
            let wrong = |accepted: &str| ParamsError(format!("`{name}` is {value}: {accepted} is accepted"));
            match name.as_str() {
                "continue_on_error" => own.continue_on_error = value.as_bool().ok_or_else(|| wrong("true or false"))?,
                "allow_single_frame" => {
                    own.allow_single_frame = value.as_bool().ok_or_else(|| wrong("true or false"))?;
                }
                "fps" => {
                    let fps = value.as_f64().filter(|fps| *fps > 0.0 && fps.is_finite());
                    own.fps = fps.ok_or_else(|| wrong("a number above 0"))?;
                }
                _ => {
                    let size = value.as_u64().and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0);
                    own.batch_size = Some(size.ok_or_else(|| wrong("a whole number from 1"))?);
                }
            }
        }
        Ok(own)
    }
}

const LOOP_NAMES: [&str; 4] = ["continue_on_error", "fps", "allow_single_frame", "batch_size"];

/// Turns what the user chose into the model's own parameters. The loop's are taken out first, except those that the
/// model declares as its own too.
pub(crate) fn own_params<P: DeserializeOwned + JsonSchema>(params: &Map<String, Value>) -> Result<P, ParamsError> {
    let schema = schemars::schema_for!(P);
    let declared = schema.get("properties").and_then(Value::as_object);
    let is_own = |name: &str| !LOOP_NAMES.contains(&name) || declared.is_some_and(|fields| fields.contains_key(name));
    let own: Map<String, Value> =
        params.iter().filter(|(name, _)| is_own(name)).map(|(n, v)| (n.clone(), v.clone())).collect();
    serde_path_to_error::deserialize(Value::Object(own)).map_err(|error| {
        let field = error.path().to_string();
        // A missing or unknown field is named by the problem itself, and lies nowhere or in itself.
        let problem = error.into_inner().to_string();
        ParamsError(if problem.contains(&format!("`{field}`")) || field == "." {
            problem
        } else {
            format!("`{field}`: {problem}")
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use serde_json::json;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Own {
        threshold: f64,
        #[serde(default)]
        fps: Option<f64>,
    }

    #[test]
    fn the_loop_s_parameters_do_not_trouble_a_strict_model() {
        let given = map(json!({"threshold": 0.5, "continue_on_error": true, "fps": 2}));
        assert_eq!(own_params::<Own>(&given), Ok(Own { threshold: 0.5, fps: Some(2.0) }));
        assert_eq!(own_params::<NoParams>(&map(json!({"fps": 2}))), Ok(NoParams {}));
        let read = LoopParams::from_map(&given).unwrap();
        assert_eq!(read, LoopParams { continue_on_error: true, fps: 2.0, ..LoopParams::default() });
    }

    #[test]
    fn refusals_name_the_field_and_what_is_accepted() {
        let told = |value| LoopParams::from_map(&map(value)).unwrap_err().to_string();
        assert_snapshot!(told(json!({"fps": 0})), @"invalid parameter: `fps` is 0: a number above 0 is accepted");
        assert_snapshot!(told(json!({"continue_on_error": "yes"})), @r#"invalid parameter: `continue_on_error` is "yes": true or false is accepted"#);
        assert_snapshot!(told(json!({"batch_size": 0})), @"invalid parameter: `batch_size` is 0: a whole number from 1 is accepted");
        let typo = own_params::<Own>(&map(json!({"treshold": 1}))).unwrap_err();
        assert_snapshot!(typo, @"invalid parameter: unknown field `treshold`, expected `threshold` or `fps`");
    }
}
