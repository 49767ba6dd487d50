//! What the user chose: the run loop's own parameters, and the model's, each checked before anything starts.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tagger_params::{Fault, LOOP_NAMES, close, faults, whole_numbers, with_loop, without_loop};

/// The parameters that the run loop honours, whatever the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LoopParams {
    /// Go on with the next file when one fails. Default: false.
    pub continue_on_error: bool,
    /// Frames sampled per second of video; more than 0. Frame models only. Default: 1.
    pub fps: f64,
    /// Whether a tag seen on one sampled frame only makes a time-range tag. Frame models only. Default: true.
    pub allow_single_frame: bool,
    /// Frames handed to a batch model at once; 0 is the whole file. Frame models only. Default: the model's own.
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

/// Why parameters were refused: everything that is wrong with them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParamsError(String);

impl ParamsError {
    fn of(faults: &[Fault]) -> Self {
        let texts: Vec<&str> = faults.iter().map(|fault| fault.text.as_str()).collect();
        Self(texts.join("; "))
    }
}

/// The schema of a model's own parameters. Names that the type does not have are refused, whether or not it says so.
pub(crate) fn schema_of<P: JsonSchema>() -> Map<String, Value> {
    let mut schema = schemars::schema_for!(P).to_value();
    let Some(object) = schema.as_object_mut() else { return Map::new() };
    for said_elsewhere in ["$schema", "title", "description"] {
        object.remove(said_elsewhere);
    }
    close(object);
    object.clone()
}

/// Turns what the user chose into the model's own parameters and the loop's. A name that the model declares too goes to
/// both.
pub(crate) fn read<P: DeserializeOwned + JsonSchema>(
    given: &Map<String, Value>,
) -> Result<(P, LoopParams), ParamsError> {
    let schema = schema_of::<P>();
    let mut found = faults(&schema, given).map_err(|e| ParamsError(e.to_string()))?;
    let looped: Map<String, Value> = given
        .iter()
        .filter(|(name, _)| LOOP_NAMES.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    for fault in faults(&with_loop(Map::new(), true), &looped).map_err(|e| ParamsError(e.to_string()))? {
        if !found.iter().any(|known| known.path == fault.path) {
            found.push(fault);
        }
    }
    if !found.is_empty() {
        return Err(ParamsError::of(&found));
    }
    Ok((typed(without_loop(&schema, given))?, typed(looped)?))
}

/// What the schema lets through may still be refused by a type that reads itself.
fn typed<T: DeserializeOwned>(params: Map<String, Value>) -> Result<T, ParamsError> {
    serde_path_to_error::deserialize(whole_numbers(Value::Object(params))).map_err(|error| {
        let field = error.path().to_string();
        let problem = error.into_inner();
        ParamsError(if field == "." { problem.to_string() } else { format!("parameter `{field}`: {problem}") })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use serde_json::json;

    #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    struct Own {
        #[schemars(range(min = 0, max = 1))]
        threshold: f64,
        #[serde(default)]
        fps: Option<f64>,
        #[serde(default)]
        words: u8,
    }

    fn read<P: DeserializeOwned + JsonSchema>(given: Value) -> Result<(P, LoopParams), String> {
        super::read(given.as_object().unwrap()).map_err(|e| e.to_string())
    }

    #[test]
    fn the_loop_s_parameters_do_not_trouble_a_strict_model() {
        let given = json!({"threshold": 1, "continue_on_error": true, "fps": 2, "batch_size": 4.0, "words": 3.0});
        let (own, looped) = read::<Own>(given).unwrap();
        assert_eq!(own, Own { threshold: 1.0, fps: Some(2.0), words: 3 });
        let expected = LoopParams { continue_on_error: true, fps: 2.0, batch_size: Some(4), ..LoopParams::default() };
        assert_eq!(looped, expected);
        assert_eq!(read::<NoParams>(json!({"fps": 2})).unwrap().0, NoParams {});
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    struct Even {
        #[serde(deserialize_with = "even")]
        #[schemars(with = "u8")]
        #[allow(dead_code)] // only its reading matters
        number: u8,
    }

    fn even<'de, D: serde::Deserializer<'de>>(source: D) -> Result<u8, D::Error> {
        let number = u8::deserialize(source)?;
        if number % 2 == 0 { Ok(number) } else { Err(serde::de::Error::custom("it must be even")) }
    }

    #[test]
    fn what_only_the_type_knows_is_told_with_the_parameter() {
        assert_snapshot!(read::<Even>(json!({"number": 3})).unwrap_err(), @"parameter `number`: it must be even");
    }

    #[test]
    fn all_faults_of_the_model_s_and_the_loop_s_come_in_one_message() {
        let told = read::<Own>(json!({"treshold": 1, "words": "3", "fps": 0, "continue_on_error": "yes"})).unwrap_err();
        assert_snapshot!(told, @r#"parameter `words` is "3", a whole number from 0 to 255 is expected; unknown parameter `treshold`, did you mean `threshold`? (known: `threshold`, `fps`, `words`); parameter `threshold` is missing, a number from 0 to 1 is expected; parameter `continue_on_error` is "yes", true or false is expected; parameter `fps` is 0, a number above 0 is expected"#);
        assert_snapshot!(read::<NoParams>(json!({"word": 1})).unwrap_err(), @"unknown parameter `word` (there are none)");
    }
}
