//! A model of any habits: what it does with a part is in its parameters.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, Write};
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};

/// Is a model program. `--params` holds an object of habits; each value says on which part, by its number.
///
/// - `crash`, `fail`, `stall`, `flood`, `shout`: dies there, says an error about it, says no more, writes tags or lines
///   without end.
/// - `leave_out`: goes past it. `garble`: writes lines that are no messages before it. `shorten`: empties its output there.
/// - `spans`, on every part: writes a tag that lasts for so many milliseconds. `devices`: writes which GPUs it sees.
/// - `wait`: goes on there only when somebody has opened and closed the pipe `gate` beside the media, if it exists.
pub fn be_a_model(arguments: Vec<String>) -> ExitCode {
    let after = |name: &str| arguments.iter().position(|word| word == name).map(|place| arguments[place + 1].clone());
    let output = after("--output-path").unwrap();
    let habits: Value = serde_json::from_str(&after("--params").unwrap()).unwrap();
    let mut output = OpenOptions::new().create(true).append(true).open(output).unwrap();
    eprintln!("the model has started");
    for path in std::io::stdin().lock().lines() {
        let path = path.unwrap();
        let number = number_of(&path);
        let is_there = |habit: &str| habits[habit].as_u64() == Some(number);
        if is_there("leave_out") {
            continue;
        }
        if is_there("garble") {
            writeln!(output, "Loading weights\n{{\"type\":\"tag\",\"data\":{{}}}}\n{{\"half\":").unwrap();
            write(&mut output, &json!({"type": "progress", "data": {"source_media": "never/given.mp4"}}));
        }
        write(&mut output, &tag(&path, number, "first", json!(null)));
        if let Some(length_ms) = habits["spans"].as_u64() {
            let span = json!({"start_time": 0, "end_time": length_ms, "tag": "on and on", "source_media": path, "track": "spans"});
            write(&mut output, &json!({"type": "tag", "data": span}));
        }
        if habits["devices"] == json!(true) {
            let text = format!("sees [{}]", std::env::var("CUDA_VISIBLE_DEVICES").unwrap());
            let seen = json!({"start_time": 0, "end_time": 0, "tag": text, "source_media": path, "track": "devices"});
            write(&mut output, &json!({"type": "tag", "data": seen}));
        }
        if is_there("crash") {
            std::process::abort();
        }
        if is_there("wait") {
            // Until somebody has opened it for writing, and closed it.
            let gate = Path::new(habits["media"].as_str().unwrap()).with_file_name("gate");
            if let Ok(mut gate) = File::open(gate) {
                std::io::copy(&mut gate, &mut std::io::sink()).unwrap();
            }
        }
        if is_there("stall") {
            std::thread::park();
        }
        while is_there("flood") {
            write(&mut output, &tag(&path, number, "again", json!(null)));
        }
        while is_there("shout") {
            writeln!(output, "{}", "A".repeat(1000)).unwrap();
        }
        if is_there("shorten") {
            output.set_len(0).unwrap();
            std::thread::park();
        }
        if is_there("fail") {
            write(&mut output, &json!({"type": "error", "data": {"message": "no luck", "source_media": path}}));
            return ExitCode::from(3);
        }
        write(
            &mut output,
            &tag(&path, number, "last", json!({"frame_idx": 1, "box": {"x1": 0.1, "y1": 0.2, "x2": 0.3, "y2": 0.4}})),
        );
        write(&mut output, &json!({"type": "progress", "data": {"source_media": path}}));
    }
    ExitCode::SUCCESS
}

/// A part's number, by its name; 0 for a file that is no part.
fn number_of(path: &str) -> u64 {
    let name = path.rsplit('/').next().unwrap();
    name.strip_prefix("part-").map_or(0, |rest| rest[..5].parse().unwrap())
}

fn tag(path: &str, number: u64, text: &str, frame_info: Value) -> Value {
    let start = if text == "first" { 0 } else { 42 };
    json!({"type": "tag", "data": {
        "start_time": start, "end_time": start + 100, "tag": format!("{text} of {number}"), "source_media": path,
        "track": if text == "first" { "" } else { "lasts" }, "frame_info": frame_info,
        "additional_info": {"number": number},
    }})
}

fn write(output: &mut File, message: &Value) {
    writeln!(output, "{message}").unwrap();
}
