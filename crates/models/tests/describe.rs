//! Compares what the program says of each model with the model's manifest, which says it to those who start nothing.
#![allow(clippy::unwrap_used)] // helpers of tests

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tagger_wire::{Description, Manifest};

/// `double` and the like say how the program holds a number, not which numbers it takes.
fn without_formats(value: &mut Value) {
    if let Some(fields) = value.as_object_mut() {
        fields.remove("format");
        fields.values_mut().for_each(without_formats);
    }
}

#[test]
fn a_model_describes_itself_as_its_manifest_does() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/shot/tagger.toml");
    let manifest = Manifest::load(&path).unwrap();
    let ended = Command::new(env!("CARGO_BIN_EXE_tagger-models"))
        .args(["shot", "--describe"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let mut told = Description::find(&String::from_utf8(ended.stdout).unwrap()).unwrap();
    told.parameters.values_mut().for_each(without_formats);
    let mut declared = manifest.parameters.clone().unwrap();
    // 60 and 60.0 are the same bound.
    for parameters in [&mut told.parameters, &mut declared] {
        for field in parameters["properties"].as_object_mut().unwrap().values_mut() {
            for bound in ["minimum", "maximum"] {
                if let Some(limit) = field.get_mut(bound) {
                    *limit = limit.as_f64().unwrap().into();
                }
            }
        }
    }
    assert_eq!(told, Description::new(manifest, declared));
}
