//! Cuts a file into parts, for comparison with the whole.
//!
//! `cut FILE FOLDER SECONDS`: parts of about so many seconds. `cut FILE FOLDER FROM TO`: the smallest part that covers the
//! range, in milliseconds. `cut sound FILE FOLDER SECONDS`, `cut sound FILE FOLDER FROM TO`: the same of sound. A line of
//! JSON a part.
//! `cut probe PART…`: how long parts of sound are. `cut stitch OUT FROM TO PART…`: joins them, milliseconds again.

use std::{env, error::Error, fs, path::PathBuf, time::Duration};

use tagger_media::{
    CutOptions, Limits, Rational, Timestamp, cut, cut_range, cut_sound, cut_sound_range, probe_sound, stitch,
};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let limits = Limits::default();
    let parts = match arguments.as_slice() {
        ["stitch", out, from, to, files @ ..] => {
            let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
            let parts = probe_sound(&files, &limits)?;
            fs::write(out, stitch(&parts, millis(from)?, millis(to)?, &limits)?)?;
            return print(&parts);
        }
        ["probe", files @ ..] => {
            let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
            return print(&probe_sound(&files, &limits)?);
        }
        ["sound", file, folder, seconds] => cut_sound(&PathBuf::from(file), &PathBuf::from(folder), &about(seconds)?)?,
        ["sound", file, folder, from, to] => {
            vec![cut_sound_range(&PathBuf::from(file), &PathBuf::from(folder), millis(from)?, millis(to)?, &limits)?]
        }
        [file, folder, seconds] => cut(&PathBuf::from(file), &PathBuf::from(folder), &about(seconds)?)?,
        [file, folder, from, to] => {
            vec![cut_range(&PathBuf::from(file), &PathBuf::from(folder), millis(from)?, millis(to)?, &limits)?]
        }
        _ => return Err("see the example's first lines".into()),
    };
    print(&parts)
}

fn about(seconds: &str) -> Result<CutOptions, Box<dyn Error>> {
    Ok(CutOptions { target: Duration::try_from_secs_f64(seconds.parse()?)?, ..CutOptions::default() })
}

fn millis(text: &str) -> Result<Timestamp, Box<dyn Error>> {
    Ok(Timestamp { ticks: text.parse()?, base: Rational { num: 1, den: 1000 } })
}

fn print(parts: &[impl serde::Serialize]) -> Result<(), Box<dyn Error>> {
    for part in parts {
        println!("{}", serde_json::to_string(part)?);
    }
    Ok(())
}
