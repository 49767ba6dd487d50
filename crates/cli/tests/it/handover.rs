//! What a model program is given: paths that fit on a line, under listed extensions, no two of one base name.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use insta::assert_snapshot;

use crate::place::{Place, ffmpeg};

#[test]
fn media_under_other_extensions_comes_under_a_listed_one() {
    let place = Place::with(&[
        "a.ts=h264.ts",
        "b.m4v=one_frame.mp4",
        "c.mpg=mpeg2_interlaced.mpg",
        "sound.mp4=tone.m4a",
        "film=h264.mkv",
        "Upper.MP4=one_frame.mp4",
        "picture=cover.png",
        "stream.nut=nv12.nut",
    ]);
    place.put("mpeg2.ts", "mpeg2.ts");
    ffmpeg(&place.path(""), "-i mpeg2.ts -t 1 -c copy d.mxf");
    let run = "run -q -m {good.py} --format csv a.ts b.m4v c.mpg d.mxf sound.mp4 film Upper.MP4 picture stream.nut";
    assert_snapshot!(place.tagger(run, &[]), @"
    exit 0
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    a.ts,video,good,good,0,40,0000-a.mpeg,,,,0
    b.m4v,video,good,good,0,40,0001-b.mp4,,,,0
    c.mpg,video,good,good,0,40,0002-c.mpeg,,,,0
    d.mxf,video,good,good,0,40,0003-d.mpeg,,,,0
    sound.mp4,audio,good,good,0,40,0004-sound.m4a,,,,0
    film,video,good,good,0,40,0005-film.mkv,,,,0
    Upper.MP4,video,good,good,0,40,Upper.MP4,,,,0
    picture,still,good,good,0,40,0007-picture.png,,,,0
    stream.nut,video,good,good,0,40,0008-stream.mkv,,,,0
    ");
}

#[test]
fn equal_base_names_in_two_folders_are_kept_apart() {
    let place = Place::with(&["a/x.mp4=one_frame.mp4", "b/x.mp4=two_frames.mp4"]);
    assert_snapshot!(place.tagger("run -q -m {good.py} --format csv b a", &[]), @"
    exit 0
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    b/x.mp4,video,good,good,0,40,x.mp4,,,,0
    a/x.mp4,video,good,good,0,40,0001-x.mp4,,,,0
    ");
}

#[test]
fn names_with_spaces_and_line_ends_and_bytes_that_are_no_text() {
    let place = Place::new();
    for name in
        [" leading blank.mp4", "two\nlines.mp4", "trailing.mp4 ", "it's \"quoted\" $HOME.mp4", "médiathèque.mp4"]
    {
        place.put(name, "one_frame.mp4");
    }
    place.put(OsStr::from_bytes(b"caf\xe9.mp4"), "one_frame.mp4");
    place.put(OsStr::from_bytes(b"caf\xe8.mp4"), "one_frame.mp4");
    assert_snapshot!(place.tagger("run -q -m {good.py} --format csv .", &[]), @r#"
    exit 0
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    ./ leading blank.mp4,video,good,good,0,40, leading blank.mp4,,,,0
    ./caf\xe8.mp4,video,good,good,0,40,0001-caf�.mp4,,,,0
    ./caf\xe9.mp4,video,good,good,0,40,0002-caf�.mp4,,,,0
    "./it's ""quoted"" $HOME.mp4",video,good,good,0,40,"it's ""quoted"" $HOME.mp4",,,,0
    ./médiathèque.mp4,video,good,good,0,40,médiathèque.mp4,,,,0
    ./trailing.mp4 ,video,good,good,0,40,0005-trailing.mp4,,,,0
    "./two
    lines.mp4",video,good,good,0,40,0006-two_lines.mp4,,,,0
    "#);
}

#[test]
fn folders_are_searched_all_the_way_down_except_for_what_is_hidden() {
    let place = Place::with(&[
        "media/b.mp4=one_frame.mp4",
        "media/deep/down/a.png=cover.png",
        "media/.hidden.mp4=one_frame.mp4",
        "media/.trash/c.mp4=one_frame.mp4",
    ]);
    place.write("media/notes.txt", "no media");
    place.write("media/deep/data.bin", [0; 100]);
    assert_snapshot!(place.tagger("run -q -m {good.py} --format csv media", &[]), @"
    exit 0
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    media/b.mp4,video,good,good,0,40,b.mp4,,,,0
    media/deep/down/a.png,still,good,good,0,40,a.png,,,,0
    ");
    assert_snapshot!(place.tagger("run -q -m {good.py} --format csv media/.trash media/.hidden.mp4", &[]), @"
    exit 0
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    media/.trash/c.mp4,video,good,good,0,40,c.mp4,,,,0
    media/.hidden.mp4,video,good,good,0,40,.hidden.mp4,,,,0
    ");
}

#[test]
fn links_are_followed_and_a_path_named_twice_is_tagged_once() {
    let place = Place::with(&["media/a.mp4=one_frame.mp4"]);
    symlink("media", place.path("again")).unwrap();
    symlink("media/a.mp4", place.path("b.mp4")).unwrap();
    assert_snapshot!(place.tagger("run -q -m {good.py} --format csv media media/a.mp4 ./media/../media/a.mp4 again b.mp4", &[]), @"
    exit 0
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    media/a.mp4,video,good,good,0,40,a.mp4,,,,0
    ./media/../media/a.mp4,video,good,good,0,40,0001-a.mp4,,,,0
    b.mp4,video,good,good,0,40,b.mp4,,,,0
    ");
}

#[test]
fn a_name_that_begins_with_a_dash_comes_after_two_of_them() {
    let place = Place::with(&["-o.mp4=one_frame.mp4"]);
    assert_snapshot!(place.tagger("run -q -m {good.py} --format csv -- -o.mp4", &[]), @"
    exit 0
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    -o.mp4,video,good,good,0,40,-o.mp4,,,,0
    ");
}
