//! What a program says of itself when it is started with `--describe`: one line of JSON on standard output.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Manifest, ModelKind, Track};

/// A manifest without the fields that say how the program is started.
///
/// What a newer program says beyond this is passed over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// What the program calls itself.
    pub name: String,
    /// What the model takes. `None`: not known, so everything may be tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<ModelKind>,
    /// One sentence for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The track of tags that name none. `None`: called like the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_track: Option<String>,
    /// Tracks the model writes, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tracks: BTreeMap<String, Track>,
    /// The parameters the model takes, the run loop's among them, as a JSON Schema of one object.
    pub parameters: Map<String, Value>,
}

impl Description {
    /// What a manifest says of the model, with the parameters that the program itself knows best.
    pub fn new(manifest: Manifest, parameters: Map<String, Value>) -> Self {
        let Manifest { name, kind, description, default_track, tracks, .. } = manifest;
        Self { name, kind: Some(kind), description, default_track, tracks, parameters }
    }

    /// Finds the description in what a program wrote to standard output: the last line that is one. Libraries may have
    /// printed around it. `None`: the program does not know the question.
    pub fn find(output: &str) -> Option<Self> {
        output.lines().rev().find_map(|line| serde_json::from_str(line).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_found_among_what_libraries_print() {
        let line = r#"{"name":"light","kind":"frame","parameters":{"type":"object"},"colour":"new in version 9"}"#;
        let found = Description::find(&format!("loading…\n{{\"name\":1}}\n{line}\n100 %\n")).unwrap();
        assert_eq!((found.name.as_str(), found.kind), ("light", Some(ModelKind::Frame)));
        assert_eq!(Value::Object(found.parameters)["type"], "object");
    }

    #[test]
    fn other_output_is_no_description() {
        for output in ["", "usage: model FILE\n", "{}\n", r#"{"name":"x","parameters":[]}"#, "[1]\n"] {
            assert_eq!(Description::find(output), None, "{output}");
        }
    }
}
