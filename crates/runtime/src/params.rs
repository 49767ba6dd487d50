//! What the user chose for a model, checked against its schema before anything starts.

use serde_json::{Map, Value};
use tagger_params::{faults, read_text};

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
    #[error("model `{model}`: {problem}")]
    BadSchema {
        /// The model.
        model: String,
        /// Why.
        problem: String,
    },
}

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
        let schema = model.parameters();
        let mut params = Map::new();
        for (only, key, given) in &self.values {
            if only.as_ref().is_some_and(|name| *name != model.name) {
                continue;
            }
            let value = match given {
                Given::Json(value) => value.clone(),
                Given::Text(text) => read_text(schema, key, text),
            };
            params.insert(key.clone(), value);
        }
        let name = &model.name;
        let found = schema.map_or(Ok(Vec::new()), |schema| faults(schema, &params));
        let found =
            found.map_err(|source| ParamError::BadSchema { model: name.clone(), problem: source.to_string() })?;
        if found.is_empty() {
            return Ok(params);
        }
        // All faults in one message: nobody wants to mend them one run at a time.
        let texts: Vec<String> = found.into_iter().map(|fault| fault.text).collect();
        Err(ParamError::Refused { model: name.clone(), problem: texts.join("; ") })
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
        Model {
            name: name.into(),
            manifest: Some(manifest),
            described: None,
            command: vec![],
            folder: "/".into(),
            image: None,
        }
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
        assert_snapshot!(wrong, @"model `a`: parameter `threshold` is 2, a number up to 1 is expected; unknown parameter `treshold`, did you mean `threshold`? (known: `threshold`, `label`)");
        assert_snapshot!(pairs(&["c:fps=1"]).for_models(&[model("a")]).unwrap_err(), @"`-p c:fps=…` names model `c`, which is not part of this run");
        assert_snapshot!(ParamSet::default().add_pair("fps").unwrap_err(), @"`-p fps` must read key=value, or model:key=value for one of several models");
        assert_snapshot!(ParamSet::default().add_json("{").unwrap_err(), @r#"--params must be one JSON object, such as '{"fps": 2}': EOF while parsing an object at line 1 column 1"#);
    }
}
