//! What the user chose, checked against a schema in the words that every part of the project uses.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use serde_json::{Map, Value};
use tagger_params as params;

/// The schema of a model's own parameters, closed, as JSON: names that it does not list are refused unless it says so.
#[pyfunction]
#[pyo3(signature = (schema, /))]
pub fn closed_schema(schema: &str) -> PyResult<String> {
    let mut schema = object(schema)?;
    params::close(&mut schema);
    text(&schema)
}

/// The schema with the loop's parameters in it, those about pictures too `for_frames`.
#[pyfunction]
#[pyo3(signature = (schema, for_frames, /))]
pub fn schema_with_loop(schema: &str, for_frames: bool) -> PyResult<String> {
    text(&params::with_loop(object(schema)?, for_frames))
}

/// Checks parameters against the schema of a model's own: the path and text of each fault, and the model's own
/// parameters without the loop's.
#[pyfunction]
#[pyo3(signature = (schema, chosen, /))]
pub fn check_params(schema: &str, chosen: &str) -> PyResult<(Vec<(String, String)>, String)> {
    let (schema, chosen) = (object(schema)?, object(chosen)?);
    let faults = params::faults(&schema, &chosen).map_err(|error| PyValueError::new_err(error.to_string()))?;
    let own = params::whole_numbers(Value::Object(params::without_loop(&schema, &chosen)));
    Ok((faults.into_iter().map(|fault| (fault.path, fault.text)).collect(), own.to_string()))
}

fn object(text: &str) -> PyResult<Map<String, Value>> {
    serde_json::from_str(text).map_err(|error| PyValueError::new_err(error.to_string()))
}

fn text(object: &Map<String, Value>) -> PyResult<String> {
    serde_json::to_string(object).map_err(|error| PyValueError::new_err(error.to_string()))
}
