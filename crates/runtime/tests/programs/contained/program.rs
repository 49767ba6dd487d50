//! A model program of any habits that needs nothing but the kernel: it is all that is in the image of the tests. Its habit
//! is the text behind `"habit":"` in its parameters; what it is asked to look at it tells on standard error.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, Write};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |name: &str| arguments.iter().position(|word| word == name).map(|place| arguments[place + 1].clone());
    if arguments.iter().any(|word| word == "--describe") {
        println!(r#"{{"name": "habits", "kind": "video", "parameters": {{"properties": {{"habit": {{"type": "string"}}, "target": {{"type": "string"}}, "secret": {{"type": "string"}}}}}}}}"#);
        return;
    }
    if arguments.get(1).is_some_and(|word| word == "be-a-stranger") {
        println!("hello");
        return;
    }
    let path = after("--output-path").expect("an output path");
    let params = after("--params").unwrap_or_default();
    let param = |name: &str| {
        let rest = params.split_once(&format!("\"{name}\":\""))?.1;
        rest.split('"').next().map(str::to_owned)
    };
    let habit = param("habit").unwrap_or("none".to_owned());
    let target = param("target").unwrap_or("/elv/media/secret.jsonl".to_owned());
    match habit.as_str() {
        "look" => look(),
        "deaf" => loop {
            std::thread::park();
        },
        "hoard" => {
            let mut hoard: Vec<Vec<u8>> = Vec::new();
            loop {
                hoard.push(vec![hoard.len() as u8 | 1; 8 << 20]);
            }
        }
        "multiply" => {
            let count = (0..5000).map_while(|_| std::thread::Builder::new().spawn(std::thread::park).ok()).count();
            eprintln!("{count} threads");
            std::process::exit(7);
        }
        "fill" => {
            let mut file = File::create("/elv/output/rubbish").expect("a file");
            loop {
                if let Err(error) = file.write_all(&[1; 1 << 20]) {
                    eprintln!("{error}");
                    std::process::exit(5);
                }
            }
        }
        "link" => {
            let _ = fs::remove_file(&path);
            symlink(target, &path).expect("a link");
            std::thread::park();
        }
        "link beside" => {
            symlink(&target, "/elv/output/file").expect("a link");
            symlink(Path::new(&target).parent().expect("a folder"), "/elv/output/folder").expect("a link");
            for through in ["/elv/output/file", "/elv/output/folder/new"] {
                eprintln!("write {through}: {}", if fs::write(through, "changed").is_ok() { "yes" } else { "no" });
            }
        }
        "sparse" => {
            File::create(&path).and_then(|file| file.set_len(10 << 30)).expect("a file");
            std::thread::park();
        }
        "write" => {
            let mut file = File::create(&path).expect("a file");
            for _ in 0..10 << 10 {
                file.write_all(&[b'\n'; 1 << 20]).expect("written");
            }
        }
        "fork" => loop {
            // Each does the same.
            let _ = Command::new("/program").args(&arguments[1..]).spawn();
        },
        "shout" => {
            for number in 1..=100_000 {
                println!("{number}");
            }
        }
        "reveal" => eprintln!("got {:?} for {:?}", std::env::var("ELV_TOKEN"), std::env::var("ELV_CONTENT")),
        "leave 3" => std::process::exit(3),
        "crash" => std::process::abort(),
        _ => {}
    }
    let mut output = OpenOptions::new().create(true).append(true).open(&path).expect("an output file");
    for path in std::io::stdin().lock().lines() {
        let path = path.expect("a path");
        let text = if habit == "accuse" { "/etc/passwd".to_owned() } else { path.clone() };
        let seen = if habit == "devices" { devices() } else { "seen".to_owned() };
        eprintln!("read {} bytes of {path}", fs::read(&path).map_or(-1, |bytes| bytes.len() as i64));
        writeln!(output, r#"{{"type":"tag","data":{{"start_time":0,"end_time":40,"tag":"{seen}","source_media":"{text}"}}}}"#)
            .and_then(|()| writeln!(output, r#"{{"type":"progress","data":{{"source_media":"{path}"}}}}"#))
            .expect("written");
        while habit == "wait" && !Path::new("/elv/media/go").exists() {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// The made-up devices that were given.
fn devices() -> String {
    let mut devices: Vec<String> = std::env::vars().map(|(name, _)| name).filter(|name| name.starts_with("MADE_UP")).collect();
    devices.sort();
    devices.join(" ")
}

/// Tells what there is to see, and what can be done.
fn look() {
    let names = |folder: &str| {
        let mut names: Vec<String> = fs::read_dir(folder)
            .map(|entries| entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
            .unwrap_or_default();
        names.sort();
        names.join(" ")
    };
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let fact = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_whitespace().skip(1).take(1).collect::<String>()
    };
    let can_write = |path: &str| if File::create(path).is_ok() { "yes" } else { "no" };
    let network = fs::read_to_string("/proc/net/dev").unwrap_or_default();
    let devices: Vec<&str> = network.lines().skip(2).filter_map(|line| line.split(':').next()).map(str::trim).collect();
    eprintln!("here: {}", std::env::current_dir().expect("a folder").display());
    eprintln!("media: {}", names("/elv/media"));
    eprintln!("network: {}", devices.join(" "));
    eprintln!("capabilities {}, privileges locked {}, filtered {}", fact("CapEff"), fact("NoNewPrivs"), fact("Seccomp:"));
    for path in ["/x", "/elv/x", "/elv/media/x", "/elv/output/x", "/tmp/x", "/root/.cache/x"] {
        eprintln!("write {path}: {}", can_write(path));
    }
    eprintln!("devices: [{}]", self::devices());
    eprintln!("processes: {}", names("/proc").split(' ').filter(|name| name.parse::<u32>().is_ok()).count());
}
