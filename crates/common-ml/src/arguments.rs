//! The command line of a model program.

use std::ffi::OsString;
use std::path::PathBuf;

use serde_json::{Map, Value};

/// What a program is started for.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// `--describe`: say what the model is, and end.
    Describe,
    /// Tag the files that standard input names.
    Run(Arguments),
}

/// What the runtime says at the start.
#[derive(Debug, Clone, PartialEq)]
pub struct Arguments {
    /// The file to append messages to.
    pub output_path: PathBuf,
    /// What the user chose; empty without `--params`. `Err` holds why the text is not a JSON object: the output file is
    /// known by then, so that is reported there.
    pub params: Result<Map<String, Value>, ArgumentsError>,
}

/// Why the arguments cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentsError {
    /// Nowhere to write to.
    #[error("--output-path PATH is missing: the file to append messages to")]
    NoOutputPath,
    /// An option stands last, without its value.
    #[error("{0} needs a value")]
    NoValue(&'static str),
    /// `--params` is not one JSON object.
    #[error("--params must be one JSON object, such as '{{\"fps\": 2}}': {0}")]
    Params(String),
}

impl Request {
    /// Reads the arguments after the program's name. What is not ours belongs to the model's own program and is passed
    /// over, wherever it stands; of an option given twice the last counts.
    ///
    /// # Errors
    /// [`ArgumentsError::NoOutputPath`] and [`ArgumentsError::NoValue`].
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, ArgumentsError> {
        let mut output_path = None;
        let mut params = None;
        let mut is_question = false;
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let text = argument.to_string_lossy();
            is_question |= text == "--describe";
            for (name, value) in [("--output-path", &mut output_path), ("--params", &mut params)] {
                if text == name {
                    *value = Some(arguments.next().ok_or(ArgumentsError::NoValue(name))?);
                    break;
                }
                if let Some(joined) = text.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')) {
                    *value = Some(joined.into());
                    break;
                }
            }
        }
        if is_question {
            return Ok(Self::Describe);
        }
        Ok(Self::Run(Arguments {
            output_path: output_path.ok_or(ArgumentsError::NoOutputPath)?.into(),
            params: params.map_or(Ok(Map::new()), |text| object(&text.to_string_lossy())),
        }))
    }
}

fn object(text: &str) -> Result<Map<String, Value>, ArgumentsError> {
    match serde_json::from_str(text).map_err(|e| ArgumentsError::Params(e.to_string()))? {
        Value::Object(object) => Ok(object),
        Value::Array(_) => Err(ArgumentsError::Params("this is an array".into())),
        _ => Err(ArgumentsError::Params("this is a single value".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &[&str]) -> Result<Arguments, ArgumentsError> {
        match Request::parse(line.iter().map(OsString::from))? {
            Request::Run(arguments) => Ok(arguments),
            Request::Describe => panic!("{line:?} asks for no description"),
        }
    }

    #[test]
    fn a_description_needs_nothing_else_and_is_asked_for_by_an_argument_alone() {
        for line in [&["--describe"][..], &["-v", "--describe", "--params", "{"]] {
            assert_eq!(Request::parse(line.iter().map(OsString::from)), Ok(Request::Describe));
        }
        assert_eq!(parse(&["--output-path", "--describe"]).unwrap().output_path, PathBuf::from("--describe"));
    }

    #[test]
    fn arguments_of_the_model_s_own_are_passed_over_wherever_they_stand() {
        let line = ["serve", "--output-path", "o.jsonl", "-v", "--params", r#"{"fps": 2}"#, "--device=cpu"];
        let arguments = parse(&line).unwrap();
        assert_eq!(arguments.output_path, PathBuf::from("o.jsonl"));
        assert_eq!(arguments.params.unwrap()["fps"], 2);
        assert_eq!(parse(&["--output-path=o.jsonl"]).unwrap().params, Ok(Map::new()));
    }

    #[test]
    fn what_is_missing_or_no_object_is_said() {
        assert_eq!(parse(&["--params", "{}"]), Err(ArgumentsError::NoOutputPath));
        assert_eq!(parse(&["--output-path"]), Err(ArgumentsError::NoValue("--output-path")));
        for text in ["{", "[1]", "null", "2"] {
            let params = parse(&["--output-path", "o", "--params", text]).unwrap().params;
            assert!(matches!(params, Err(ArgumentsError::Params(_))), "{text}");
        }
    }
}
