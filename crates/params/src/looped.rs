//! The parameters that every run loop honours, whatever the model.

use serde_json::{Map, Value, json};

/// The names of the loop's parameters. No model's schema needs to name them; one that does may narrow them.
pub const LOOP_NAMES: [&str; 4] = ["fps", "allow_single_frame", "batch_size", "continue_on_error"];

/// The schemas of the loop's parameters by name: those that every loop honours, and with `for_frames` those that are
/// about showing pictures too.
pub fn loop_parameters(for_frames: bool) -> Map<String, Value> {
    let all = json!({
        "fps": {
            "type": "number", "exclusiveMinimum": 0, "default": 1,
            "description": "Frames sampled per second of video."
        },
        "allow_single_frame": {
            "type": "boolean", "default": true,
            "description": "Whether a tag seen on one sampled frame only makes a time range."
        },
        "batch_size": {
            "type": "integer", "minimum": 0,
            "description": "Frames handed to the model at once; 0 is the whole file."
        },
        "continue_on_error": {
            "type": "boolean", "default": false,
            "description": "Go on with the next file when one fails."
        },
    });
    let Value::Object(mut all) = all else { return Map::new() };
    all.retain(|name, _| for_frames || name == "continue_on_error");
    all
}

/// The schema of a model's own parameters together with the loop's. What the model names itself stays as it is.
pub fn with_loop(mut schema: Map<String, Value>, for_frames: bool) -> Map<String, Value> {
    schema.entry("type").or_insert_with(|| "object".into());
    if let Value::Object(declared) = schema.entry("properties").or_insert_with(|| json!({})) {
        for (name, property) in loop_parameters(for_frames) {
            declared.entry(name).or_insert(property);
        }
    }
    schema
}

/// What is the model's own of what the user chose: without the loop's parameters, unless the schema names them too.
pub fn without_loop(schema: &Map<String, Value>, params: &Map<String, Value>) -> Map<String, Value> {
    let is_own = |name: &str| !LOOP_NAMES.contains(&name) || is_declared(schema, name);
    params.iter().filter(|(name, _)| is_own(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The same values with `4.0` written as `4`: both are whole numbers to JSON Schema, but not to typed languages.
pub fn whole_numbers(value: Value) -> Value {
    /// Up to here every whole number is an exact double.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() <= EXACT => (float as i64).into(),
            _ => Value::Number(number),
        },
        Value::Array(items) => items.into_iter().map(whole_numbers).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, whole_numbers(value))).collect(),
        other => other,
    }
}

fn is_declared(schema: &Map<String, Value>, name: &str) -> bool {
    schema.get("properties").is_some_and(|properties| properties.get(name).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn what_a_model_names_itself_stays_its_own() {
        let schema = map(json!({"properties": {"fps": {"type": "number", "maximum": 2}}}));
        let params = map(json!({"fps": 1, "batch_size": 4, "x": 2}));
        assert_eq!(Value::Object(without_loop(&schema, &params)), json!({"fps": 1, "x": 2}));
        let whole = with_loop(schema, true);
        assert_eq!(whole["properties"]["fps"]["maximum"], 2);
        assert_eq!(whole["properties"].as_object().unwrap().len(), LOOP_NAMES.len());
    }

    #[test]
    fn whole_numbers_are_written_as_such() {
        assert_eq!(
            whole_numbers(json!({"a": [4.0, 4.5, 1e300], "b": "4.0"})),
            json!({"a": [4, 4.5, 1e300], "b": "4.0"})
        );
    }

    #[test]
    fn a_model_of_whole_files_has_no_frames_to_choose() {
        assert_eq!(loop_parameters(false).keys().collect::<Vec<_>>(), ["continue_on_error"]);
        assert_eq!(loop_parameters(true).keys().collect::<Vec<_>>(), LOOP_NAMES);
    }
}
