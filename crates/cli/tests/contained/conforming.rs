//! A program that keeps every rule of the contract and needs nothing but the C library. Built with `BREAKS` set, it breaks
//! a rule.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, Write};
use std::process::exit;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.iter().any(|word| word == "--describe") {
        println!(r#"{{"name": "sizes", "kind": "video", "parameters": {{"type": "object"}}}}"#);
        return;
    }
    let after = |name: &str| arguments.iter().position(|word| word == name).map(|place| arguments[place + 1].clone());
    let params = after("--params").unwrap_or_else(|| "{}".to_owned());
    if !params.trim_end().ends_with('}') {
        eprintln!("the parameters are no JSON");
        exit(2);
    }
    let goes_on = params.contains(r#""continue_on_error":true"#);
    let path = after("--output-path").expect("an output path");
    let mut output = OpenOptions::new().create(true).append(true).open(path).expect("an output file");
    let mut say = |line: String| writeln!(output, "{line}").expect("written");
    let mut lines: Box<dyn Iterator<Item = String>> =
        Box::new(std::io::stdin().lock().lines().map(|line| line.expect("a line")));
    if option_env!("BREAKS") == Some("late") {
        lines = Box::new(lines.collect::<Vec<_>>().into_iter());
    }
    for path in lines.map(|line| line.trim().to_owned()).filter(|path| !path.is_empty()) {
        match size_of_media(&path) {
            Ok(bytes) => {
                say(format!(
                    r#"{{"type":"tag","data":{{"start_time":0,"end_time":0,"tag":"{bytes} bytes","source_media":"{path}"}}}}"#
                ));
                say(format!(r#"{{"type":"progress","data":{{"source_media":"{path}"}}}}"#));
            }
            Err(message) => {
                say(format!(r#"{{"type":"error","data":{{"message":"{message}","source_media":"{path}"}}}}"#));
                if !goes_on {
                    exit(if option_env!("BREAKS") == Some("exit-status") { 0 } else { 1 });
                }
            }
        }
    }
}

/// Its size, if it begins like an MP4, a PNG or a WAV.
fn size_of_media(path: &str) -> Result<usize, String> {
    let content = fs::read(path).map_err(|error| error.to_string())?;
    let is_media = content.get(4..8) == Some(b"ftyp") || content.starts_with(b"\x89PNG") || content.starts_with(b"RIFF");
    if is_media { Ok(content.len()) } else { Err("this is no media".to_owned()) }
}
