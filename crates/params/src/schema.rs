//! Finding one's way in a JSON Schema.

use serde_json::{Map, Value};

/// The keywords under which an object is described in several places at once.
const PARTS: [&str; 3] = ["anyOf", "oneOf", "allOf"];

/// Closes every object of a schema that lists its properties: names that it does not list are refused, unless it says
/// itself what to do with them.
///
/// Schemas that are made from types leave this open, although a type knows all of its fields.
pub fn close(schema: &mut Map<String, Value>) {
    close_object(schema, false);
}

/// `is_part`: the object is described here and elsewhere, so nothing here knows all of its names.
fn close_object(schema: &mut Map<String, Value>, is_part: bool) {
    let lists_names = schema.contains_key("properties");
    let has_parts = PARTS.iter().chain(&["$ref"]).any(|keyword| schema.contains_key(*keyword));
    if lists_names && !has_parts && !is_part {
        schema.entry("additionalProperties").or_insert(Value::Bool(false));
    }
    for (keyword, value) in schema {
        let parts = PARTS.contains(&keyword.as_str());
        match value {
            // Below these, keys are names and not keywords.
            Value::Object(named) if matches!(keyword.as_str(), "properties" | "$defs" | "definitions") => {
                named.values_mut().filter_map(Value::as_object_mut).for_each(|each| close_object(each, false));
            }
            Value::Object(inner) if matches!(keyword.as_str(), "items" | "additionalProperties") => {
                close_object(inner, false);
            }
            Value::Array(all) if parts || keyword == "prefixItems" => {
                // Of an object that is described in `allOf`, no branch knows everything either.
                let is_part = parts && (is_part || lists_names || keyword == "allOf");
                all.iter_mut().filter_map(Value::as_object_mut).for_each(|each| close_object(each, is_part));
            }
            _ => {}
        }
    }
}

/// Follows references inside `root`. What refers to something else, or to itself, stays as it is.
pub(crate) fn resolve<'a>(root: &'a Map<String, Value>, mut schema: &'a Value) -> &'a Value {
    for _ in 0..16 {
        let target = schema.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix("#/"));
        let Some(target) = target else { break };
        let mut steps = target.split('/').map(|step| step.replace("~1", "/").replace("~0", "~"));
        let Some(first) = steps.next().and_then(|step| root.get(&step)) else { break };
        let Some(found) = steps.try_fold(first, |at, step| at.get(&step)) else { break };
        schema = found;
    }
    schema
}

/// The schemas that a value may follow: the branches of `anyOf` and `oneOf` at any depth, or the schema alone.
pub(crate) fn branches<'a>(root: &'a Map<String, Value>, schema: &'a Value) -> Vec<&'a Value> {
    fn collect<'a>(root: &'a Map<String, Value>, schema: &'a Value, depth: u8, found: &mut Vec<&'a Value>) {
        let schema = resolve(root, schema);
        let several = ["anyOf", "oneOf", "allOf"].iter().find_map(|keyword| {
            let list = schema.get(*keyword)?.as_array()?;
            (*keyword != "allOf" || list.len() == 1).then_some(list)
        });
        match several {
            Some(list) if depth < 8 => list.iter().for_each(|each| collect(root, each, depth + 1, found)),
            _ => found.push(schema),
        }
    }
    let mut found = Vec::new();
    collect(root, schema, 0, &mut found);
    found
}

/// The schema that describes what lies at `steps` in a value that `root` describes.
pub(crate) fn at<'a>(root: &'a Map<String, Value>, top: &'a Value, steps: &[Step]) -> Option<&'a Value> {
    steps.iter().try_fold(top, |schema, step| {
        branches(root, schema).into_iter().find_map(|branch| match step {
            Step::Name(name) => branch
                .get("properties")
                .and_then(|properties| properties.get(name))
                .or_else(|| branch.get("additionalProperties").filter(|schema| schema.is_object())),
            Step::Index(index) => branch
                .get("prefixItems")
                .and_then(|items| items.get(index))
                .or_else(|| branch.get("items").filter(|schema| schema.is_object())),
        })
    })
}

/// One step into a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Name(String),
    Index(usize),
}

/// The steps of a JSON pointer into `value`.
pub(crate) fn steps(mut value: &Value, pointer: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for step in pointer.split('/').skip(1) {
        let name = step.replace("~1", "/").replace("~0", "~");
        let index = name.parse().ok().filter(|_| value.is_array());
        value = match index {
            Some(index) => value.get::<usize>(index),
            None => value.get(&name),
        }
        .unwrap_or(&Value::Null);
        steps.push(index.map_or(Step::Name(name), Step::Index));
    }
    steps
}

/// Steps as people write them: `region.points[0]`.
pub(crate) fn path(steps: &[Step]) -> String {
    let mut path = String::new();
    for step in steps {
        match step {
            Step::Name(name) if path.is_empty() => path.push_str(name),
            Step::Name(name) => path += &format!(".{name}"),
            Step::Index(index) => path += &format!("[{index}]"),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn closed(mut schema: Value) -> Value {
        close(schema.as_object_mut().unwrap());
        schema
    }

    #[test]
    fn an_object_that_lists_its_names_takes_no_others() {
        let schema = json!({"properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"properties": {"items": {}}}}});
        assert_eq!(
            closed(schema),
            json!({
                "properties": {"a": {"$ref": "#/$defs/A"}},
                "$defs": {"A": {"properties": {"items": {}}, "additionalProperties": false}},
                "additionalProperties": false
            })
        );
    }

    #[test]
    fn what_an_object_says_of_other_names_itself_holds() {
        for schema in [
            json!({"properties": {}, "additionalProperties": true}),
            json!({"type": "object", "additionalProperties": {"type": "number"}}),
            json!({"properties": {"a": {}}, "oneOf": [{"properties": {"b": {}}}, {"properties": {"c": {}}}]}),
            json!({"allOf": [{"properties": {"b": {}}}, {"properties": {"c": {}}}]}),
        ] {
            assert_eq!(closed(schema.clone()), schema);
        }
        let either = json!({"oneOf": [{"properties": {"b": {}}}, {"type": "null"}]});
        assert_eq!(closed(either)["oneOf"][0]["additionalProperties"], false);
    }

    #[test]
    fn paths_read_as_people_write_them() {
        let value = json!({"region": {"points": [{"x/y": 1}]}, "0": 1});
        assert_eq!(path(&steps(&value, "/region/points/0/x~1y")), "region.points[0].x/y");
        assert_eq!(path(&steps(&value, "/0")), "0");
    }
}
