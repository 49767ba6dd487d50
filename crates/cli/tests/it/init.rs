//! `tagger init`: what it makes, and what it refuses. That fresh projects work is tested beside the documents, where the
//! SDK is installed.

use std::fs;

use insta::assert_snapshot;

use crate::place::Place;

#[test]
fn a_project_has_all_that_a_person_would_keep_and_the_next_steps_are_told() {
    let place = Place::new();
    assert_snapshot!(place.tagger("init night-sky", &[]), @"
    exit 0
    --- stdout
    made night-sky: the model is in night-sky/model.py, what it says of itself in night-sky/tagger.toml

    next:
      tagger run -m night-sky night-sky/clip.mp4
      tagger test night-sky
      (cd night-sky && python3 -m unittest)

    night-sky/README.md tells the rest
    ");
    assert_snapshot!(place.tagger("init loud --kind av --lang rust", &[]), @"
    exit 0
    --- stdout
    made loud: the model is in loud/src/main.rs, what it says of itself in loud/tagger.toml

    next:
      (cd loud && cargo build --release)
      tagger run -m loud loud/clip.mp4
      tagger test loud
      (cd loud && cargo test --release)

    loud/README.md tells the rest
    ");
    for (project, files) in [
        ("night-sky", "README.md model.py requirements.txt tagger.toml test_model.py"),
        ("loud", "Cargo.lock Cargo.toml README.md src/main.rs tagger.toml"),
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
    exit 1
    --- stderr
    error: `mine` is there already; choose another name, or remove it
    ");
    assert_eq!(place.read("mine/model.py"), "years of work");
    assert_snapshot!(place.tagger("init nowhere/new", &[]), @"
    exit 1
    --- stderr
    error: cannot make the folder `nowhere/new`
      caused by: No such file or directory (os error 2)
    ");
    assert_snapshot!(place.tagger("init 2nd", &[]), @"
    exit 1
    --- stderr
    error: `2nd` is no name for a model: take letters, digits, - and _, beginning with a letter
    ");
    assert_snapshot!(place.tagger("init x --sdk .", &[]), @"
    exit 1
    --- stderr
    error: `.` is no checkout of Tagger: it has no crates/common-ml or no python
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
