//! Models that fail: each gives one clear error that names it and exit status 1; what is done is kept and shown, and no
//! process is left behind.

use insta::assert_snapshot;

use crate::place::Place;

/// Three files and a command line for them.
fn run_over_three(arguments: &str) -> String {
    let place = Place::with(&["a.mp4=one_frame.mp4", "b.mp4=one_frame.mp4", "c.mp4=one_frame.mp4"]);
    place.tagger(&format!("run {arguments} --format csv a.mp4 b.mp4 c.mp4"), &[])
}

#[test]
fn an_unknown_model() {
    assert_snapshot!(run_over_three("-m shoot"), @"
    exit 1
    --- stderr
    error: unknown model `shoot`: neither a shipped one (shot) nor a folder with a tagger.toml nor a .py file; did you mean `shot`?
    ");
    assert_snapshot!(run_over_three("-m weather"), @"
    exit 1
    --- stderr
    error: unknown model `weather`: neither a shipped one (shot) nor a folder with a tagger.toml nor a .py file
    ");
    assert_snapshot!(run_over_three("-m gone.py"), @"
    exit 1
    --- stderr
    error: there is no model file or folder `gone.py`
    ");
    assert_snapshot!(run_over_three("-m models/gone"), @"
    exit 1
    --- stderr
    error: there is no model file or folder `models/gone`
    ");
    // How an image cannot be had is for the engine to say; there may be none.
    let no_image = run_over_three("-m oci:weather:1");
    assert!(no_image.starts_with("exit 1\n--- stderr\nerror: cannot use model `weather`"), "{no_image}");
}

#[test]
fn a_folder_that_is_no_model_or_whose_manifest_is_wrong() {
    let place = Place::with(&["a.mp4=one_frame.mp4"]);
    place.write("empty/readme.txt", "");
    place.write("wrong/tagger.toml", "name = 'wrong'\nkind = 'picture'\ncommand = ['x']");
    place.write("lost/tagger.toml", "name = 'lost'\nkind = 'frame'\ncommand = ['no-such-program']");
    let told: Vec<String> =
        ["empty", "wrong", "lost"].iter().map(|model| place.tagger(&format!("run -m ./{model} a.mp4"), &[])).collect();
    assert_snapshot!(told.join("\n"), @"
    exit 1
    --- stderr
    error: `./empty` has no tagger.toml: a model's folder needs one
    exit 1
    --- stderr
    error: ./wrong/tagger.toml:2: unknown variant `picture`, expected one of `frame`, `video`, `audio`, `processor`
    exit 1
    --- stderr
    error: model `lost` starts `no-such-program`, which is neither beside tagger nor on the search path
    ");
}

#[test]
fn a_model_that_ends_without_reading_anything() {
    assert_snapshot!(run_over_three("-m {quits_unread.py}"), @"
    exit 1
    --- stderr
    quits_unread: started, 3 inputs
    error: model `quits_unread` failed on `a.mp4`, `b.mp4` and `c.mp4`: it exited with status 0, but no progress message has come; its log ends:
        | nothing to do
    0 tags from 1 model over 3 inputs, 1 failure, in TIME
    ");
}

#[test]
fn a_model_that_ends_early_costs_the_file_it_was_at_and_the_rest_goes_to_another_program() {
    assert_snapshot!(run_over_three("-m {quits_early.py} -p status=3"), @"
    exit 1
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    a.mp4,video,quits_early,quits_early,0,40,seen,,,,0
    b.mp4,video,quits_early,quits_early,0,40,seen,,,,0
    c.mp4,video,quits_early,quits_early,0,40,seen,,,,0
    --- stderr
    quits_early: started, 3 inputs
    quits_early: a.mp4 done (1/3)
    quits_early: its program has ended early; another one goes on with 2 inputs
    quits_early: b.mp4 done (2/3)
    quits_early: its program has ended early; another one goes on with 1 input
    quits_early: c.mp4 done (3/3)
    error: model `quits_early` failed: it exited with status 3; its log ends:
        | out of patience
    3 tags from 1 model over 3 inputs, 1 failure, in TIME
    ");
}

#[test]
fn a_model_that_ends_early_in_peace_is_started_again_for_the_rest() {
    assert_snapshot!(run_over_three("-m {quits_early.py} -p status=0"), @"
    exit 0
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    a.mp4,video,quits_early,quits_early,0,40,seen,,,,0
    b.mp4,video,quits_early,quits_early,0,40,seen,,,,0
    c.mp4,video,quits_early,quits_early,0,40,seen,,,,0
    --- stderr
    quits_early: started, 3 inputs
    quits_early: a.mp4 done (1/3)
    quits_early: its program has ended early; another one goes on with 2 inputs
    quits_early: b.mp4 done (2/3)
    quits_early: its program has ended early; another one goes on with 1 input
    quits_early: c.mp4 done (3/3)
    3 tags from 1 model over 3 inputs, in TIME
    ");
}

#[test]
fn an_error_about_the_model_counts_whatever_its_exit_status() {
    assert_snapshot!(run_over_three("-q -m {ends_badly.py} -p status=0"), @"
    exit 1
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    a.mp4,video,ends_badly,ends_badly,0,40,seen,,,,0
    b.mp4,video,ends_badly,ends_badly,0,40,seen,,,,0
    c.mp4,video,ends_badly,ends_badly,0,40,seen,,,,0
    --- stderr
    error: model `ends_badly` failed: the index could not be written
    ");
    assert_snapshot!(run_over_three("-q -m {ends_badly.py} -p status=1"), @"
    exit 1
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    a.mp4,video,ends_badly,ends_badly,0,40,seen,,,,0
    b.mp4,video,ends_badly,ends_badly,0,40,seen,,,,0
    c.mp4,video,ends_badly,ends_badly,0,40,seen,,,,0
    --- stderr
    error: model `ends_badly` failed: the index could not be written
    ");
}

#[test]
fn an_error_about_one_file_costs_that_file_only() {
    assert_snapshot!(run_over_three("-q -m {errs_on.py} -p file=a.mp4 -p status=1"), @"
    exit 1
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    b.mp4,video,errs_on,errs_on,0,40,seen,,,,0
    c.mp4,video,errs_on,errs_on,0,40,seen,,,,0
    --- stderr
    error: model `errs_on` failed on `a.mp4`: ValueError: no faces in here
    ");
    assert_snapshot!(run_over_three("-q -m {errs_on.py} -p file=b.mp4 -p status=0"), @"
    exit 1
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    a.mp4,video,errs_on,errs_on,0,40,seen,,,,0
    c.mp4,video,errs_on,errs_on,0,40,seen,,,,0
    --- stderr
    error: model `errs_on` failed on `b.mp4`: ValueError: no faces in here
    ");
    assert_snapshot!(run_over_three("-q -m {errs_on.py} -p file=c.mp4"), @"
    exit 1
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    a.mp4,video,errs_on,errs_on,0,40,seen,,,,0
    b.mp4,video,errs_on,errs_on,0,40,seen,,,,0
    --- stderr
    error: model `errs_on` failed on `c.mp4`: ValueError: no faces in here
    ");
}

#[test]
fn a_file_that_is_left_without_its_progress() {
    assert_snapshot!(run_over_three("-q -m {skips.py} -p file=b.mp4"), @"
    exit 1
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    a.mp4,video,skips,skips,0,40,seen,,,,0
    c.mp4,video,skips,skips,0,40,seen,,,,0
    --- stderr
    error: model `skips` failed on `b.mp4`: it exited with status 0, but no progress message has come
    ");
    assert_snapshot!(run_over_three("-q -m {skips.py} -p file=c.mp4"), @"
    exit 1
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    a.mp4,video,skips,skips,0,40,seen,,,,0
    b.mp4,video,skips,skips,0,40,seen,,,,0
    --- stderr
    error: model `skips` failed on `c.mp4`: it exited with status 0, but no progress message has come
    ");
}

#[test]
fn a_model_that_never_reads_its_input() {
    assert_snapshot!(run_over_three("-m {never_reads.py} --input-timeout 0.5"), @"
    exit 1
    --- stderr
    never_reads: started, 3 inputs
    error: model `never_reads` failed on `a.mp4`, `b.mp4` and `c.mp4`: it has not read its input within 0.5 s
    0 tags from 1 model over 3 inputs, 1 failure, in TIME
    ");
}

#[test]
fn a_model_that_crashes_on_one_file() {
    assert_snapshot!(run_over_three("-m {crashes_on.py} -p file=b.mp4"), @"
    exit 1
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    a.mp4,video,crashes_on,crashes_on,0,40,seen,,,,0
    c.mp4,video,crashes_on,crashes_on,0,40,seen,,,,0
    --- stderr
    crashes_on: started, 3 inputs
    crashes_on: a.mp4 done (1/3)
    crashes_on: its program has ended early; another one goes on with 1 input
    crashes_on: c.mp4 done (2/3)
    error: model `crashes_on` failed on `b.mp4`: it crashed (signal 11, segmentation fault)
    2 tags from 1 model over 3 inputs, 1 failure, in TIME
    ");
    assert_snapshot!(run_over_three("-q -m {crashes_on.py} -p file=a.mp4"), @"
    exit 1
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    b.mp4,video,crashes_on,crashes_on,0,40,seen,,,,0
    c.mp4,video,crashes_on,crashes_on,0,40,seen,,,,0
    --- stderr
    error: model `crashes_on` failed on `a.mp4`: it crashed (signal 11, segmentation fault)
    ");
}

#[test]
fn workers_that_a_model_leaves_behind_are_ended() {
    assert_snapshot!(run_over_three("-q -m {leaves_workers.py}"), @"
    exit 0
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    a.mp4,video,leaves_workers,leaves_workers,0,40,seen,,,,0
    b.mp4,video,leaves_workers,leaves_workers,0,40,seen,,,,0
    c.mp4,video,leaves_workers,leaves_workers,0,40,seen,,,,0
    ");
}

#[test]
fn megabytes_of_log_do_no_harm_and_only_their_end_is_told() {
    assert_snapshot!(run_over_three("-q -m {chatty.py}"), @"
    exit 1
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    a.mp4,video,chatty,chatty,0,40,seen,,,,0
    b.mp4,video,chatty,chatty,0,40,seen,,,,0
    c.mp4,video,chatty,chatty,0,40,seen,,,,0
    --- stderr
    error: model `chatty` failed: it exited with status 1; its log ends:
        | a word or two
        | a word or two
        | a word or two
        | a word or two
        | a word or two
        | a word or two
        | a word or two
        | that was all
    ");
}

#[test]
fn what_python_says_of_a_broken_model_file_is_told() {
    let place = Place::with(&["a.mp4=one_frame.mp4"]);
    place.write("broken.py", "import sys\nfor line in sys.stdin\n    pass\n");
    assert_snapshot!(place.tagger("run -m broken.py a.mp4", &[]), @r#"
    exit 1
    --- stderr
    broken: started, 1 input
    error: model `broken` failed on `a.mp4`: it exited with status 1; its log ends:
        |   File "HERE/broken.py", line 2
        |     for line in sys.stdin
        |                          ^
        | SyntaxError: expected ':'
    0 tags from 1 model over 1 input, 1 failure, in TIME
    "#);
}

#[test]
fn an_interpreter_that_is_not_there() {
    assert_snapshot!(run_over_three("-m {good.py} --python /no/such/python"), @"
    exit 1
    --- stderr
    good: started, 3 inputs
    error: model `good` failed on `a.mp4`, `b.mp4` and `c.mp4`: cannot start `/no/such/python`: No such file or directory (os error 2)
    0 tags from 1 model over 3 inputs, 1 failure, in TIME
    ");
}

#[test]
fn a_lone_model_class_needs_the_sdk_and_is_told_how_to_get_it() {
    let place = Place::with(&["a.mp4=one_frame.mp4"]);
    let made = std::process::Command::new("python3")
        .args(["-m", "venv", "--without-pip", "bare"])
        .current_dir(place.path(""))
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert_snapshot!(place.tagger("run -m {only_a_class.py} --python bare/bin/python a.mp4", &[]), @"
    exit 1
    --- stderr
    only_a_class: started, 1 input
    error: model `only_a_class` failed on `a.mp4`: it exited with status 1; its log ends:
        | error: the Python package `common_ml` is not installed for HERE/bare/bin/python
        | hint: name another interpreter with --python or TAGGER_PYTHON, or install it for this one: `pip install -r requirements.txt` in a project of `tagger init`, `pip install ./python` in Tagger's checkout
    0 tags from 1 model over 1 input, 1 failure, in TIME
    ");
}

#[test]
fn a_model_that_is_of_no_use_here() {
    let place = Place::with(&["a.mp4=one_frame.mp4", "tone.wav"]);
    let kinds = [("ears", "audio"), ("eyes", "frame"), ("film", "video"), ("later", "processor")];
    for (name, kind) in kinds {
        place.write(
            &format!("{name}/tagger.toml"),
            format!("name = '{name}'\nkind = '{kind}'\ncommand = ['python3', '{}']", crate::place::model("good.py")),
        );
    }
    let mut told = Vec::new();
    for run in ["-m ./ears a.mp4", "-m ./eyes tone.wav", "-m ./film tone.wav a.mp4", "-m ./later a.mp4"] {
        told.push(format!("$ {run}\n{}", place.tagger(&format!("run -q --format csv {run}"), &[])));
    }
    place.write("chained/tagger.toml", "name = 'chained'\nkind = 'video'\ncommand = ['python3']\ninputs = ['shot']");
    told.push(place.tagger("run -m ./chained a.mp4", &[]));
    told.push(place.tagger("run -m {good.py} -m {good.py} a.mp4", &[]));
    assert_snapshot!(told.join("\n"), @"
    $ -m ./ears a.mp4
    exit 1
    --- stderr
    error: no input suits model `ears`: it takes files with sound
    $ -m ./eyes tone.wav
    exit 1
    --- stderr
    error: no input suits model `eyes`: it takes video and stills
    $ -m ./film tone.wav a.mp4
    exit 0
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    a.mp4,video,film,film,0,40,a.mp4,,,,0
    --- stderr
    warning: `tone.wav` is passed over: no model of this run takes it
    $ -m ./later a.mp4
    exit 1
    --- stderr
    error: model `later` is a processor: it takes time ranges of a content, not files
    exit 1
    --- stderr
    error: model `chained` reads track `shot` of other models, which a run over files cannot give it
    exit 1
    --- stderr
    error: two models of this run are named `good`: their tags could not be told apart
    ");
}
