//! `tagger init`: what it makes, and what it refuses. That fresh projects work is tested beside the documents, where the
//! SDK is installed.

use std::fs;

use insta::assert_snapshot;

use crate::place::Place;

#[test]
fn a_project_has_all_that_a_person_would_keep_and_the_next_steps_are_told() {
    let place = Place::new();
    assert_snapshot!(place.tagger("init night-sky", &[]), @"
    ");
    assert_snapshot!(place.tagger("init loud --kind av --lang rust", &[]), @"
    ");
    for (project, files) in [
        ("night-sky", "Containerfile README.md model.py requirements.txt tagger.toml test_model.py"),
        ("loud", "Cargo.lock Cargo.toml Containerfile README.md src/main.rs tagger.toml"),
    ] {
        for file in files.split(' ').chain([".gitignore", "clip.mp4", "make-clip.sh", "sdk/crates/common-ml"]) {
            assert!(place.path(project).join(file).exists(), "{project} has no {file}");
        }
    }
}

#[test]
fn no_file_of_a_project_names_a_place_on_this_machine() {
    let place = Place::new();
    for (nth, kind) in ["frame", "batch", "av", "producer"].iter().enumerate() {
        for lang in ["python", "rust"] {
            let name = format!("{lang}{nth}");
            place.tagger(&format!("init {name} --kind {kind} --lang {lang}"), &[]);
            let sdk = place.path(&name).join("sdk").canonicalize().unwrap();
            for entry in fs::read_dir(place.path(&name)).unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_file() {
                    let text = String::from_utf8_lossy(&fs::read(entry.path()).unwrap()).into_owned();
                    let here = place.path("");
                    for path in [sdk.to_str().unwrap(), here.to_str().unwrap()] {
                        assert!(!text.contains(path), "{} names {path}", entry.path().display());
                    }
                }
            }
        }
    }
}

#[test]
fn what_is_there_already_is_left_alone() {
    let place = Place::new();
    place.write("mine/model.py", "years of work");
    assert_snapshot!(place.tagger("init mine", &[]), @"
    ");
    assert_eq!(place.read("mine/model.py"), "years of work");
    assert_snapshot!(place.tagger("init nowhere/new", &[]), @"
    ");
    assert_snapshot!(place.tagger("init 2nd", &[]), @"
    ");
    assert_snapshot!(place.tagger("init x --sdk .", &[]), @"
    ");
}

#[test]
fn without_ffmpeg_there_is_no_clip_and_that_is_told() {
    let place = Place::new();
    // A search path with a shell and what the script needs besides, and nothing else.
    fs::create_dir(place.path("bin")).unwrap();
    for program in ["sh", "dirname"] {
        let found = ["/bin", "/usr/bin"].iter().map(|folder| format!("{folder}/{program}"));
        let found = found.into_iter().find(|path| fs::exists(path).unwrap()).unwrap();
        std::os::unix::fs::symlink(found, place.path("bin").join(program)).unwrap();
    }
    let output = place.command(["init", "blind"]).env("PATH", place.path("bin")).output().unwrap();
    let told = place.tell(&output);
    let warning = told.lines().find(|line| line.starts_with("warning")).unwrap_or_default();
    assert!(warning.contains("there is no test clip") && warning.contains("ffmpeg"), "{told}");
    assert!(place.path("blind/model.py").exists() && !place.path("blind/clip.mp4").exists());
}
