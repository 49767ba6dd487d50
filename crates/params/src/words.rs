//! Says in words what a schema accepts.

use serde_json::{Map, Value};

use crate::looped::whole_numbers;
use crate::schema::{branches, resolve};

/// What `schema`, a part of `root`, accepts: "a whole number from 1 to 10", "one of "a", "b"", "a list, each a string".
pub fn accepted(root: &Map<String, Value>, schema: &Value) -> String {
    words(root, schema, 0)
}

fn words(root: &Map<String, Value>, schema: &Value, depth: u8) -> String {
    let mut all: Vec<String> = Vec::new();
    for branch in branches(root, schema) {
        for text in branch_words(root, branch, depth) {
            if !all.contains(&text) {
                all.push(text);
            }
        }
    }
    all.join(" or ")
}

fn branch_words(root: &Map<String, Value>, schema: &Value, depth: u8) -> Vec<String> {
    if let Some(only) = schema.get("const") {
        return vec![only.to_string()];
    }
    if let Some(choices) = schema.get("enum").and_then(Value::as_array) {
        let listed: Vec<String> = choices.iter().map(Value::to_string).collect();
        return vec![if listed.len() == 1 { listed.concat() } else { format!("one of {}", listed.join(", ")) }];
    }
    let types: Vec<&str> = match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => return vec!["another value".to_owned()],
    };
    types.into_iter().map(|name| type_words(root, schema, name, depth)).collect()
}

fn type_words(root: &Map<String, Value>, schema: &Value, name: &str, depth: u8) -> String {
    match name {
        "boolean" => "true or false".to_owned(),
        "null" => "null".to_owned(),
        "integer" => format!("a whole number{}", limits(schema)),
        "number" => format!("a number{}", limits(schema)),
        "string" => {
            let mut text = format!("a string{}", counted(schema, "minLength", "maxLength", "character"));
            if let Some(pattern) = schema.get("pattern").and_then(Value::as_str) {
                text += &format!(" that matches `{pattern}`");
            } else if let Some(format) = schema.get("format").and_then(Value::as_str) {
                text += &format!(" ({format})");
            }
            text
        }
        "array" => {
            let mut text = format!("a list{}", counted(schema, "minItems", "maxItems", "item"));
            let items = schema.get("items").filter(|items| items.is_object() && depth < 2);
            if let Some(items) = items.map(|items| words(root, items, depth + 1)).filter(|text| text != "another value")
            {
                text += &format!(", each {items}");
            }
            text
        }
        "object" => match resolve(root, schema).get("properties").and_then(Value::as_object) {
            Some(properties) if !properties.is_empty() => format!("an object of {}", names(properties.keys())),
            _ => "an object".to_owned(),
        },
        other => other.to_owned(),
    }
}

fn limits(schema: &Value) -> String {
    let limit = |key: &str| schema.get(key).filter(|value| value.is_number()).cloned().map(whole_numbers);
    let mut text = String::new();
    match (limit("minimum"), limit("exclusiveMinimum")) {
        (_, Some(low)) => text += &format!(" above {low}"),
        (Some(low), None) => text += &format!(" from {low}"),
        (None, None) => {}
    }
    match (limit("maximum"), limit("exclusiveMaximum")) {
        (_, Some(high)) => text += &format!("{} below {high}", if text.is_empty() { "" } else { " and" }),
        (Some(high), None) => text += &format!(" {} {high}", if text.is_empty() { "up to" } else { "to" }),
        (None, None) => {}
    }
    if let Some(step) = limit("multipleOf") {
        text += &format!(", a multiple of {step}");
    }
    text
}

fn counted(schema: &Value, least: &str, most: &str, word: &str) -> String {
    let limit = |key: &str| schema.get(key).and_then(Value::as_u64);
    let plural = |count: u64| format!("{word}{}", if count == 1 { "" } else { "s" });
    match (limit(least).filter(|count| *count > 0), limit(most)) {
        (None, None) => String::new(),
        (Some(low), Some(high)) if low == high => format!(" of {low} {}", plural(low)),
        (Some(low), Some(high)) => format!(" of {low} to {high} {}", plural(high)),
        (Some(low), None) => format!(" of at least {low} {}", plural(low)),
        (None, Some(high)) => format!(" of at most {high} {}", plural(high)),
    }
}

/// Names in a row, in backticks.
pub(crate) fn names<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use serde_json::json;

    fn told(schema: Value) -> String {
        let root = json!({"$defs": {"Mode": {"enum": ["fast", "exact"]}, "Box": {"type": "object", "properties": {"x": {}, "y": {}}}}});
        accepted(root.as_object().unwrap(), &schema)
    }

    #[test]
    fn what_is_accepted_is_said_in_words() {
        assert_snapshot!(told(json!({"type": "boolean"})), @"true or false");
        assert_snapshot!(told(json!({"type": "number", "minimum": 0.05, "maximum": 1.0})), @"a number from 0.05 to 1");
        assert_snapshot!(told(json!({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1})), @"a number above 0 and below 1");
        assert_snapshot!(told(json!({"type": "integer", "maximum": 8, "multipleOf": 2})), @"a whole number up to 8, a multiple of 2");
        assert_snapshot!(told(json!({"type": "string", "minLength": 1})), @"a string of at least 1 character");
        assert_snapshot!(told(json!({"type": "string", "pattern": "^a+$"})), @"a string that matches `^a+$`");
        assert_snapshot!(told(json!({"$ref": "#/$defs/Mode"})), @r#"one of "fast", "exact""#);
        assert_snapshot!(told(json!({"type": "array", "items": {"$ref": "#/$defs/Mode"}, "maxItems": 2})), @r#"a list of at most 2 items, each one of "fast", "exact""#);
        assert_snapshot!(told(json!({"anyOf": [{"$ref": "#/$defs/Box"}, {"type": "null"}]})), @"an object of `x`, `y` or null");
        assert_snapshot!(told(json!({"type": ["integer", "null"], "minimum": 0})), @"a whole number from 0 or null");
        assert_snapshot!(told(json!({})), @"another value");
    }
}
