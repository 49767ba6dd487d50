//! Finds every fault of what a user chose, each told once.

use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use serde_json::{Map, Value};

use crate::looped::{LOOP_NAMES, with_loop, without_loop};
use crate::schema::{Step, at, branches, path, resolve, steps};
use crate::words::{accepted, names};

/// How much of a value a message shows, in characters.
const SHOWN: usize = 60;

/// What is wrong with one parameter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Fault {
    /// Where: `threshold`, `region.points[0]`.
    pub path: String,
    /// The parameter, what was given, what is expected.
    pub text: String,
}

/// A schema that is none.
#[derive(Debug, thiserror::Error)]
#[error("the parameters are not described by a valid JSON Schema: {0}")]
pub struct SchemaError(String);

/// Everything that `schema` finds wrong with `params`, in the order of the schema's findings; nothing if all is well.
///
/// The loop's parameters may always be chosen. The loop's own rules hold where the schema knows all of the model's names
/// and they are not among them; otherwise the model may mean something else by them.
///
/// # Errors
/// [`SchemaError`] if `schema` itself is broken.
pub fn faults(schema: &Map<String, Value>, params: &Map<String, Value>) -> Result<Vec<Fault>, SchemaError> {
    let own = without_loop(schema, params);
    let looped: Map<String, Value> = params
        .iter()
        .filter(|(name, _)| LOOP_NAMES.contains(&name.as_str()) && !own.contains_key(*name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let mut found = Vec::new();
    find(schema, own, &mut found)?;
    if schema.get("additionalProperties") == Some(&Value::Bool(false)) {
        find(&with_loop(Map::new(), true), looped, &mut found)?;
    }
    Ok(found)
}

/// Reads what stands behind `name=` on a command line: as JSON where the schema accepts that, else as text where it
/// accepts text. Where it says nothing, JSON comes first; where it wants a string, the text stays as it is.
pub fn read_text(schema: Option<&Map<String, Value>>, name: &str, text: &str) -> Value {
    let as_text = || Value::String(text.to_owned());
    let Ok(value) = serde_json::from_str::<Value>(text) else { return as_text() };
    let Some(root) = schema else { return value };
    let Some(property) = root.get("properties").and_then(|properties| properties.get(name)) else { return value };
    let wants_text = |branch: &&Value| {
        branch.get("type").is_some_and(|word| word == "string")
            || branch.get("enum").and_then(Value::as_array).is_some_and(|all| all.iter().all(Value::is_string))
    };
    let branches = branches(root, property);
    if branches.iter().all(wants_text) {
        return as_text();
    }
    let mut part = Map::from_iter([("allOf".to_owned(), Value::Array(vec![property.clone()]))]);
    part.extend(["$defs", "definitions"].iter().filter_map(|key| Some(((*key).to_owned(), root.get(*key)?.clone()))));
    let Ok(validator) = validator(&part) else { return value };
    if validator.is_valid(&value) || !validator.is_valid(&as_text()) { value } else { as_text() }
}

fn validator(schema: &Map<String, Value>) -> Result<Validator, SchemaError> {
    jsonschema::validator_for(&Value::Object(schema.clone())).map_err(|e| SchemaError(e.to_string()))
}

fn find(schema: &Map<String, Value>, params: Map<String, Value>, found: &mut Vec<Fault>) -> Result<(), SchemaError> {
    let validator = validator(schema)?;
    let params = Value::Object(params);
    let schema_value = Value::Object(schema.clone());
    let finder = Finder { root: schema, top: &schema_value, params: &params };
    for error in validator.iter_errors(&params) {
        finder.tell(&error, found);
    }
    Ok(())
}

struct Finder<'a> {
    root: &'a Map<String, Value>,
    top: &'a Value,
    params: &'a Value,
}

impl Finder<'_> {
    fn tell(&self, error: &ValidationError<'_>, found: &mut Vec<Fault>) {
        let pointer = error.instance_path().as_str();
        let place = steps(self.params, pointer);
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected }
            | ValidationErrorKind::UnevaluatedProperties { unexpected } => self.tell_unknown(&place, unexpected, found),
            // So is an unknown name told where no name is known at all.
            ValidationErrorKind::FalseSchema => match self.params.pointer(pointer) {
                Some(Value::Object(given)) => {
                    let unexpected: Vec<String> = given.keys().cloned().collect();
                    self.tell_unknown(&place, &unexpected, found);
                }
                _ => self.tell_value(error, &place, found),
            },
            ValidationErrorKind::Required { property } => {
                let name = property.as_str().map_or_else(|| property.to_string(), str::to_owned);
                let place = below(&place, &name);
                let expected = at(self.root, self.top, &place).map(|schema| accepted(self.root, schema));
                let text = format!("parameter `{}` is missing", path(&place));
                push(
                    found,
                    &place,
                    expected.map_or(text.clone(), |expected| format!("{text}, {expected} is expected")),
                );
            }
            ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
                match meant(context, pointer) {
                    Some(errors) => errors.iter().for_each(|error| self.tell(error, found)),
                    None => self.tell_value(error, &place, found),
                }
            }
            _ => self.tell_value(error, &place, found),
        }
    }

    fn tell_value(&self, error: &ValidationError<'_>, place: &[Step], found: &mut Vec<Fault>) {
        let given = shown(error.instance());
        let text = match at(self.root, self.top, place).map(|schema| accepted(self.root, schema)) {
            _ if place.is_empty() => format!("the parameters as a whole are refused: {error}"),
            Some(expected) if expected != "another value" => {
                format!("parameter `{}` is {given}, {expected} is expected", path(place))
            }
            _ => format!("parameter `{}` is refused: {error}", path(place)),
        };
        push(found, place, text);
    }

    fn tell_unknown(&self, place: &[Step], unexpected: &[String], found: &mut Vec<Fault>) {
        let here = at(self.root, self.top, place).unwrap_or(self.top);
        let known: Vec<String> = branches(self.root, here)
            .into_iter()
            .filter_map(|branch| resolve(self.root, branch).get("properties")?.as_object())
            .flat_map(|properties| properties.keys().cloned())
            .collect();
        for (nth, name) in unexpected.iter().enumerate() {
            let place = below(place, name);
            let mut text = format!("unknown parameter `{}`", path(&place));
            if let Some(near) = nearest(name, &known) {
                text += &format!(", did you mean `{near}`?");
            }
            if nth + 1 == unexpected.len() {
                text += &match known.is_empty() {
                    true => " (there are none)".to_owned(),
                    false => format!(" (known: {})", names(known.iter())),
                };
            }
            push(found, &place, text);
        }
    }
}

/// Of several forms that a value may have, the faults in the one that it was meant to have: the only one it has the
/// type of. `None` if that cannot be told.
fn meant<'a>(context: &'a [Vec<ValidationError<'static>>], pointer: &str) -> Option<&'a Vec<ValidationError<'static>>> {
    let is_of_other_kind = |error: &ValidationError<'_>| {
        let other = matches!(
            error.kind(),
            ValidationErrorKind::Type { .. } | ValidationErrorKind::Constant { .. } | ValidationErrorKind::Enum { .. }
        );
        other && error.instance_path().as_str() == pointer
    };
    let mut candidates = context.iter().filter(|errors| !errors.is_empty() && !errors.iter().any(is_of_other_kind));
    let first = candidates.next()?;
    // A plain value out of its range is told together with the other forms; only inside of lists and objects is there
    // something more precise to say.
    let is_inner =
        |error: &ValidationError<'_>| error.instance().is_object() || error.instance_path().as_str() != pointer;
    (candidates.next().is_none() && first.iter().all(is_inner)).then_some(first)
}

fn nearest<'a>(name: &str, known: &'a [String]) -> Option<&'a String> {
    let name = name.to_lowercase();
    // In a short name one slip of the pen makes a large difference.
    let is_slip = |other: &str| name.len() > 2 && strsim::damerau_levenshtein(other, &name) == 1;
    let likeness = |other: &str| {
        let other = other.to_lowercase();
        if is_slip(&other) { 1.0 } else { strsim::jaro(&other, &name) }
    };
    let nearest = known.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    nearest.filter(|near| likeness(near) > 0.8)
}

fn below(place: &[Step], name: &str) -> Vec<Step> {
    [place, &[Step::Name(name.to_owned())]].concat()
}

/// Several rules may be broken by one value: it is told once, with all that is expected of it.
fn push(found: &mut Vec<Fault>, place: &[Step], text: String) {
    let path = path(place);
    if !found.iter().any(|fault| fault.path == path) {
        found.push(Fault { path, text });
    }
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use proptest::prelude::*;
    use serde_json::json;

    fn schema() -> Map<String, Value> {
        let schema = json!({
            "properties": {
                "threshold": {"type": "number", "minimum": 0, "maximum": 1},
                "mode": {"$ref": "#/$defs/Mode"},
                "label": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                "region": {"anyOf": [{"$ref": "#/$defs/Region"}, {"type": "null"}]},
                "words": {"type": "array", "items": {"type": "string", "minLength": 1}},
                "limit": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]}
            },
            "required": ["threshold"],
            "additionalProperties": false,
            "$defs": {
                "Mode": {"enum": ["fast", "exact"]},
                "Region": {
                    "type": "object",
                    "properties": {"width": {"type": "integer"}, "height": {"type": "integer"}},
                    "required": ["width"],
                    "additionalProperties": false
                }
            }
        });
        schema.as_object().unwrap().clone()
    }

    fn told(params: Value) -> String {
        let faults = faults(&schema(), params.as_object().unwrap()).unwrap();
        faults.iter().map(|fault| format!("{fault}\n")).collect()
    }

    #[test]
    fn all_faults_are_told_each_with_what_was_given_and_what_is_expected() {
        assert_snapshot!(told(json!({"threshold": 2, "mode": "slow", "label": 5, "words": ["a", ""], "limit": 0, "fps": 0})), @r#"
        parameter `threshold` is 2, a number from 0 to 1 is expected
        parameter `mode` is "slow", one of "fast", "exact" is expected
        parameter `label` is 5, a string or null is expected
        parameter `words[1]` is "", a string of at least 1 character is expected
        parameter `limit` is 0, a whole number from 1 or null is expected
        parameter `fps` is 0, a number above 0 is expected
        "#);
    }

    #[test]
    fn unknown_names_come_with_the_nearest_and_all_there_are() {
        assert_snapshot!(told(json!({"threshold": 1, "treshold": 1, "MODE": "fast", "q": 1, "region": {"widht": 2}})), @"
        unknown parameter `region.widht`, did you mean `width`? (known: `width`, `height`)
        parameter `region.width` is missing, a whole number is expected
        unknown parameter `treshold`, did you mean `threshold`?
        unknown parameter `MODE`, did you mean `mode`?
        unknown parameter `q` (known: `threshold`, `mode`, `label`, `region`, `words`, `limit`)
        ");
        assert_snapshot!(told(json!({})), @"parameter `threshold` is missing, a number from 0 to 1 is expected");
    }

    #[test]
    fn where_there_are_no_names_every_name_is_unknown() {
        let none = json!({"type": "object", "additionalProperties": false});
        let given = json!({"a": 1, "b": 2, "fps": 1});
        let found = faults(none.as_object().unwrap(), given.as_object().unwrap()).unwrap();
        let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["unknown parameter `a`", "unknown parameter `b` (there are none)"]);
    }

    #[test]
    fn a_long_value_is_shown_by_its_beginning() {
        assert!(told(json!({"threshold": "ä".repeat(1000)})).chars().count() < 150);
    }

    #[test]
    fn a_loop_s_parameter_may_always_be_chosen() {
        assert_eq!(told(json!({"threshold": 1, "fps": 0.5, "batch_size": 0, "continue_on_error": true})), "");
        let open = json!({"properties": {"threshold": {}}});
        let meant_otherwise = json!({"fps": "as recorded"});
        assert_eq!(faults(open.as_object().unwrap(), meant_otherwise.as_object().unwrap()).unwrap(), []);
    }

    #[test]
    fn a_broken_schema_is_told_as_such() {
        let broken = json!({"properties": {"a": {"type": "nomber"}}});
        let error = faults(broken.as_object().unwrap(), &Map::new()).unwrap_err();
        assert!(error.to_string().starts_with("the parameters are not described by a valid JSON Schema: "), "{error}");
    }

    #[test]
    fn text_from_a_command_line_becomes_what_the_schema_accepts() {
        let read = |name, text| read_text(Some(&schema()), name, text);
        assert_eq!(read("threshold", "0.5"), json!(0.5));
        assert_eq!(read("mode", "fast"), json!("fast"));
        assert_eq!(read("label", "12"), json!("12"));
        assert_eq!(read("label", "null"), json!(null));
        assert_eq!(read("words", r#"["a"]"#), json!(["a"]));
        assert_eq!(read("limit", "many"), json!("many"));
        assert_eq!(read("unheard_of", "12"), json!(12));
        assert_eq!(read_text(None, "label", "12"), json!(12));
    }

    proptest! {
        #[test]
        fn whatever_is_chosen_is_checked_without_a_panic(name in ".{0,8}", text in ".{0,12}") {
            let params = Map::from_iter([(name.clone(), read_text(Some(&schema()), &name, &text))]);
            prop_assert!(!faults(&schema(), &params).unwrap().is_empty());
        }
    }
}
