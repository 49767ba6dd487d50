//! Inputs that cannot be used: each gives one clear error that names it and exit status 1, and the others are tagged.

use std::os::unix::fs::symlink;

use insta::assert_snapshot;

use crate::place::Place;

/// Runs the good model over what is wrong and a file that is right.
fn run_over(place: &Place, bad: &str) -> String {
    place.tagger(&format!("run -q -m {{good.py}} --format csv {bad} good.mp4"), &[])
}

#[test]
fn a_file_that_is_not_there() {
    assert_snapshot!(run_over(&Place::with(&["good.mp4=one_frame.mp4"]), "gone.mp4"), @"
    exit 1
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    good.mp4,video,good,good,0,40,good.mp4,,,,0
    --- stderr
    error: `gone.mp4` does not exist; check the path
    ");
}

#[test]
fn a_folder_without_media() {
    let place = Place::with(&["good.mp4=one_frame.mp4"]);
    place.write("notes/readme.txt", "nothing to see");
    assert_snapshot!(run_over(&place, "notes"), @"
    exit 1
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    good.mp4,video,good,good,0,40,good.mp4,,,,0
    --- stderr
    error: `notes` holds no media: no file in it can be read as audio, video or a still
    ");
}

#[test]
fn an_empty_file() {
    assert_snapshot!(run_over(&Place::with(&["good.mp4=one_frame.mp4", "empty.mp4"]), "empty.mp4"), @"
    exit 1
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    good.mp4,video,good,good,0,40,good.mp4,,,,0
    --- stderr
    error: `empty.mp4` is empty (0 bytes); copy it again
    ");
}

#[test]
fn an_mp4_that_has_lost_its_index_with_its_end() {
    let place = Place::with(&["good.mp4=one_frame.mp4", "cut.mp4=cut_index_last.mp4"]);
    assert_snapshot!(run_over(&place, "cut.mp4"), @"
    exit 1
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    good.mp4,video,good,good,0,40,good.mp4,,,,0
    --- stderr
    error: `cut.mp4` is truncated or not finished: its index (moov) is missing (Invalid data found when processing input); copy or record it again
    ");
}

#[test]
fn an_mp4_that_has_lost_its_end_is_tagged_as_far_as_it_goes() {
    let place = Place::with(&["good.mp4=one_frame.mp4", "cut.mp4=cut_index_first.mp4"]);
    assert_snapshot!(run_over(&place, "cut.mp4"), @"
    exit 1
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    cut.mp4,video,good,good,0,40,cut.mp4,,,,0
    good.mp4,video,good,good,0,40,good.mp4,,,,0
    --- stderr
    error: `cut.mp4`: its end is missing (at least 85075 bytes), its pictures end at 3.560 s of 6.000 s; the tags cover what is there
    ");
}

#[test]
fn a_file_that_has_lost_something_on_the_way_is_tagged_with_a_warning() {
    let place = Place::with(&["h264.ts"]);
    let packets = std::fs::read(place.path("h264.ts")).unwrap();
    let middle = packets.len() / 188 / 2 * 188;
    place.write("lost.ts", [&packets[..middle], &packets[middle + 3 * 188..]].concat());
    assert_snapshot!(place.tagger("run -q -m {good.py} --format csv lost.ts", &[]), @"
    exit 0
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    lost.ts,video,good,good,0,40,0000-lost.mpeg,,,,0
    --- stderr
    warning: `lost.ts`: 1 damaged packet in stream 0 at 3.040 s
    ");
    assert_snapshot!(place.tagger("run -q -m {good.py} --on-damage fail --format csv lost.ts", &[]), @"
    exit 1
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    lost.ts,video,good,good,0,40,0000-lost.mpeg,,,,0
    --- stderr
    error: `lost.ts`: 1 damaged packet in stream 0 at 3.040 s; the tags cover what is there
    ");
}

#[test]
fn a_file_that_is_cut_and_that_the_model_cannot_read_either() {
    let place = Place::with(&["good.mp4=one_frame.mp4", "cut.mkv"]);
    let run = "run -q -m {errs_on.py} -p file=cut.mkv -p status=1 --format csv cut.mkv good.mp4";
    assert_snapshot!(place.tagger(run, &[]), @"
    exit 1
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    good.mp4,video,errs_on,errs_on,0,40,seen,,,,0
    --- stderr
    error: `cut.mkv`: its end is missing (at least 84773 bytes), its pictures end at 3.560 s of 6.000 s; copy or record it again
    error: model `errs_on` failed on `cut.mkv`: ValueError: no faces in here
    ");
}

#[test]
fn text_that_is_named_like_a_film() {
    let place = Place::with(&["good.mp4=one_frame.mp4", "text.mp4"]);
    assert_snapshot!(run_over(&place, "text.mp4"), @"
    exit 1
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    good.mp4,video,good,good,0,40,good.mp4,,,,0
    --- stderr
    error: `text.mp4` is not media that can be read (Invalid data found when processing input); check what the file holds
    ");
}

#[test]
fn a_picture_without_pixels() {
    let place = Place::with(&["good.mp4=one_frame.mp4"]);
    place.write("nothing.png", b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\0\0\0\0\0\x08\x02\0\0\0\xb4\xe9\xeb\x45");
    assert_snapshot!(run_over(&place, "nothing.png"), @"
    exit 1
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    good.mp4,video,good,good,0,40,good.mp4,,,,0
    --- stderr
    error: `nothing.png` is not media that can be read (a broken PNG: Invalid image dimensions); check what the file holds
    ");
}

#[test]
fn a_picture_whose_name_says_another_format() {
    let place = Place::with(&["good.mp4=one_frame.mp4", "photo.jpg=cover.png"]);
    assert_snapshot!(run_over(&place, "photo.jpg"), @"
    exit 1
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    good.mp4,video,good,good,0,40,good.mp4,,,,0
    --- stderr
    error: `photo.jpg` is named .jpg but holds PNG data; rename it to .png
    ");
}

#[test]
fn a_pipe_that_is_named_like_a_film() {
    let place = Place::with(&["good.mp4=one_frame.mp4"]);
    rustix::fs::mknodat(
        rustix::fs::CWD,
        place.path("pipe.mp4"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    assert_snapshot!(run_over(&place, "pipe.mp4"), @"
    exit 1
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    good.mp4,video,good,good,0,40,good.mp4,,,,0
    --- stderr
    error: `pipe.mp4` is not a regular file; copy its content into one
    ");
}

#[test]
fn nothing_but_bad_inputs() {
    let place = Place::with(&["empty.mp4", "text.mp4"]);
    assert_snapshot!(place.tagger("run -m {good.py} empty.mp4 gone.mp4 text.mp4", &[]), @"
    exit 1
    --- stderr
    error: `empty.mp4` is empty (0 bytes); copy it again
    error: `gone.mp4` does not exist; check the path
    error: `text.mp4` is not media that can be read (Invalid data found when processing input); check what the file holds
    ");
}

#[test]
fn broken_clips_and_links_in_a_folder_are_told_and_the_rest_of_it_is_tagged() {
    let place = Place::with(&["media/good.mp4=one_frame.mp4", "media/empty.mp4=empty.mp4"]);
    symlink("/no/such/clip.mp4", place.path("media/link.mp4")).unwrap();
    symlink("/no/such/notes.txt", place.path("media/notes.txt")).unwrap();
    symlink("..", place.path("media/up")).unwrap();
    assert_snapshot!(place.tagger("run -q -m {good.py} --format csv media", &[]), @"
    exit 1
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    media/good.mp4,video,good,good,0,40,good.mp4,,,,0
    --- stderr
    error: `media/empty.mp4` is empty (0 bytes); copy it again
    error: `media/link.mp4` does not exist; check the path
    error: `media/up/media/link.mp4` does not exist; check the path
    ");
}
