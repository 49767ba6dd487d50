//! What the user chose for a model, checked against its schema before anything starts.

use jsonschema::error::ValidationErrorKind;
use serde_json::{Map, Value};

use crate::Model;

/// Parameters as the user gave them: whole objects and single values, later ones over earlier ones.
#[derive(Debug, Clone, Default)]
pub struct ParamSet {
    values: Vec<(Option<String>, String, Given)>,
}

#[derive(Debug, Clone)]
enum Given {
    Json(Value),
    Text(String),
}

/// Why parameters were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParamError {
    /// `--params` does not hold one JSON object.
    #[error("--params must be one JSON object, such as '{{\"fps\": 2}}': {problem}")]
    NotObject {
        /// What it is instead.
        problem: String,
    },
    /// `-p` without a name or an equals sign.
    #[error("`-p {text}` must read key=value, or model:key=value for one of several models")]
    NotPair {
        /// What was given.
        text: String,
    },
    /// `-p model:key=value` for a model that does not run.
    #[error("`-p {model}:{key}=…` names model `{model}`, which is not part of this run")]
    NoSuchModel {
        /// The model named.
        model: String,
        /// The parameter.
        key: String,
    },
    /// The model's schema says no.
    #[error("model `{model}`: {problem}")]
    Refused {
        /// The model.
        model: String,
        /// Which parameters, and what they accept.
        problem: String,
    },
    /// The model's own schema is broken.
    #[error("model `{model}`: its manifest's [parameters] is not a valid JSON Schema: {problem}")]
    BadSchema {
        /// The model.
        model: String,
        /// Why.
        problem: String,
    },
}

/// Parameters that every run loop honours, so no model's schema needs to name them.
const LOOP_NAMES: [&str; 4] = ["continue_on_error", "fps", "allow_single_frame", "batch_size"];

impl ParamSet {
    /// Adds the members of a JSON object.
    ///
    /// # Errors
    /// [`ParamError::NotObject`].
    pub fn add_json(&mut self, text: &str) -> Result<(), ParamError> {
        let not_object = |problem| ParamError::NotObject { problem };
        let object = match serde_json::from_str(text).map_err(|e| not_object(e.to_string()))? {
            Value::Object(object) => object,
            Value::Array(_) => return Err(not_object("this is an array".into())),
            _ => return Err(not_object("this is a single value".into())),
        };
        self.values.extend(object.into_iter().map(|(key, value)| (None, key, Given::Json(value))));
        Ok(())
    }

    /// Adds `key=value`, or `model:key=value` for one model. The value is JSON if it reads as JSON, else text; for a
    /// parameter that the schema says is text it stays text.
    ///
    /// # Errors
    /// [`ParamError::NotPair`].
    pub fn add_pair(&mut self, text: &str) -> Result<(), ParamError> {
        let not_pair = || ParamError::NotPair { text: text.to_owned() };
        let (name, value) = text.split_once('=').ok_or_else(not_pair)?;
        let (model, key) = match name.split_once(':') {
            Some((model, key)) => (Some(model.to_owned()), key),
            None => (None, name),
        };
        if key.is_empty() || model.as_deref() == Some("") {
            return Err(not_pair());
        }
        self.values.push((model, key.to_owned(), Given::Text(value.to_owned())));
        Ok(())
    }

    /// The parameters of each of `models`, checked.
    ///
    /// # Errors
    /// [`ParamError`] names the model, the parameter and what is accepted.
    pub fn for_models(&self, models: &[Model]) -> Result<Vec<Map<String, Value>>, ParamError> {
        for (model, key, _) in &self.values {
            if let Some(name) = model
                && !models.iter().any(|m| m.name == *name)
            {
                return Err(ParamError::NoSuchModel { model: name.clone(), key: key.clone() });
            }
        }
        models.iter().map(|model| self.for_model(model)).collect()
    }

    fn for_model(&self, model: &Model) -> Result<Map<String, Value>, ParamError> {
        let schema = model.manifest.as_ref().and_then(|manifest| manifest.parameters.as_ref());
        let declared = schema.and_then(|schema| schema.get("properties")).and_then(Value::as_object);
        let mut params = Map::new();
        for (only, key, given) in &self.values {
            if only.as_ref().is_some_and(|name| *name != model.name) {
                continue;
            }
            let value = match given {
                Given::Json(value) => value.clone(),
                Given::Text(text) => typed(text, declared.and_then(|fields| fields.get(key))),
            };
            params.insert(key.clone(), value);
        }
        if let Some(schema) = schema {
            check(&model.name, schema, declared, &params)?;
        }
        Ok(params)
    }
}

fn typed(text: &str, schema: Option<&Value>) -> Value {
    let wants_text = schema.and_then(|schema| schema.get("type")).is_some_and(|word| word == "string");
    let as_text = || Value::String(text.to_owned());
    if wants_text { as_text() } else { serde_json::from_str(text).unwrap_or_else(|_| as_text()) }
}

fn check(
    model: &str,
    schema: &Map<String, Value>,
    declared: Option<&Map<String, Value>>,
    params: &Map<String, Value>,
) -> Result<(), ParamError> {
    let known = |name: &str| declared.is_some_and(|fields| fields.contains_key(name));
    let own: Map<String, Value> = params
        .iter()
        .filter(|(name, _)| known(name) || !LOOP_NAMES.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let validator = jsonschema::validator_for(&Value::Object(schema.clone()))
        .map_err(|e| ParamError::BadSchema { model: model.to_owned(), problem: e.to_string() })?;
    let own = Value::Object(own);
    // All faults in one message: nobody wants to mend them one run at a time.
    let names: Vec<&str> = declared.into_iter().flat_map(|fields| fields.keys()).map(String::as_str).collect();
    let faults: Vec<String> = validator
        .iter_errors(&own)
        .flat_map(|fault| {
            let field = fault.instance_path().to_string();
            match (fault.kind(), field.trim_start_matches('/')) {
                (ValidationErrorKind::AdditionalProperties { unexpected }, "") => {
                    unexpected.iter().map(|name| unknown_parameter(name, &names)).collect()
                }
                (_, "") => vec![fault.to_string()],
                (_, field) => vec![format!("parameter `{field}`: {fault}")],
            }
        })
        .collect();
    if faults.is_empty() {
        return Ok(());
    }
    let accepted = if names.is_empty() { String::new() } else { format!(" (it takes {})", names.join(", ")) };
    Err(ParamError::Refused { model: model.to_owned(), problem: faults.join("; ") + &accepted })
}

fn unknown_parameter(name: &str, known: &[&str]) -> String {
    let nearest = known.iter().max_by(|a, b| strsim::jaro(a, name).total_cmp(&strsim::jaro(b, name)));
    match nearest.filter(|near| strsim::jaro(near, name) > 0.8) {
        Some(near) => format!("unknown parameter `{name}`, did you mean `{near}`?"),
        None => format!("unknown parameter `{name}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use serde_json::json;
    use std::path::Path;
    use tagger_wire::Manifest;

    fn model(name: &str) -> Model {
        let text = format!(
            r#"
            name = "{name}"
            kind = "video"
            command = ["x"]
            [parameters]
            additionalProperties = false
            [parameters.properties.threshold]
            type = "number"
            maximum = 1
            [parameters.properties.label]
            type = "string"
            "#
        );
        let manifest = Manifest::parse(&text, Path::new("tagger.toml")).unwrap();
        Model { name: name.into(), manifest: Some(manifest), command: vec![], folder: "/".into() }
    }

    fn pairs(pairs: &[&str]) -> ParamSet {
        let mut set = ParamSet::default();
        for pair in pairs {
            set.add_pair(pair).unwrap();
        }
        set
    }

    #[test]
    fn values_are_json_where_they_read_so_and_text_where_the_schema_says() {
        let params = pairs(&["threshold=0.5", "label=12", "fps=2"]).for_models(&[model("a")]).unwrap();
        assert_eq!(Value::Object(params[0].clone()), json!({"threshold": 0.5, "label": "12", "fps": 2}));
    }

    #[test]
    fn later_values_win_and_a_model_s_own_stay_with_it() {
        let mut set = ParamSet::default();
        set.add_json(r#"{"threshold": 0.1}"#).unwrap();
        set.add_pair("b:threshold=0.9").unwrap();
        let params = set.for_models(&[model("a"), model("b")]).unwrap();
        assert_eq!([&params[0]["threshold"], &params[1]["threshold"]], [&json!(0.1), &json!(0.9)]);
    }

    #[test]
    fn all_faults_come_in_one_message() {
        let wrong = pairs(&["threshold=2", "treshold=1"]).for_models(&[model("a")]).unwrap_err();
        assert_snapshot!(wrong, @"model `a`: parameter `threshold`: 2 is greater than the maximum of 1; unknown parameter `treshold`, did you mean `threshold`? (it takes threshold, label)");
        assert_snapshot!(pairs(&["c:fps=1"]).for_models(&[model("a")]).unwrap_err(), @"`-p c:fps=…` names model `c`, which is not part of this run");
        assert_snapshot!(ParamSet::default().add_pair("fps").unwrap_err(), @"`-p fps` must read key=value, or model:key=value for one of several models");
        assert_snapshot!(ParamSet::default().add_json("{").unwrap_err(), @r#"--params must be one JSON object, such as '{"fps": 2}': EOF while parsing an object at line 1 column 1"#);
    }
}
