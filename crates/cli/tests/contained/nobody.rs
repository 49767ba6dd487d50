//! A model program that tells, as tags, who it is and what it may do.

use std::fs::{self, File};
use std::io::{BufRead, Write};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.iter().any(|argument| argument == "--describe") {
        println!(r#"{{"name": "nobody", "description": "Tells who it is."}}"#);
        return;
    }
    let place = arguments.iter().position(|argument| argument == "--output-path").expect("an output path");
    let mut output = File::create(&arguments[place + 1]).expect("an output file");
    let status = fs::read_to_string("/proc/self/status").expect("a status");
    let user = status.lines().find_map(|line| line.strip_prefix("Uid:")).expect("a user");
    let user = user.split_whitespace().next().expect("a user");
    let home = std::env::var("HOME").expect("a home");
    let kept = format!("{home}/.cache/models/kept");
    let was_kept = fs::exists(&kept).expect("a look at the cache");
    fs::create_dir_all(format!("{home}/.cache/models")).expect("a folder in the cache");
    fs::write(&kept, "weights").expect("a file in the cache");
    let can_write = |path: &str| fs::write(path, "").is_ok();
    let elsewhere = ["/x", "/elv/x", "/elv/media/x", "/root/x"].map(can_write).contains(&true);
    for line in std::io::stdin().lock().lines() {
        let path = line.expect("a path");
        let bytes = fs::read(&path).expect("a file that can be read").len();
        let text = format!("user {user}, home {home}, kept {was_kept}, elsewhere {elsewhere}, read {}", bytes > 0);
        writeln!(output, r#"{{"type":"tag","data":{{"start_time":0,"end_time":40,"tag":"{text}","source_media":"{path}"}}}}"#)
            .and_then(|()| writeln!(output, r#"{{"type":"progress","data":{{"source_media":"{path}"}}}}"#))
            .expect("written");
    }
}
