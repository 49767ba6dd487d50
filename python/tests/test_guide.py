"""Every code example of the guide, as a program under the contract."""

import json

BOX = {"x1": 0.05, "y1": 0.05, "x2": 0.95, "y2": 0.95}


def frame_tags(file, tags=("replace with your models output", "another tag"), frame_idx=0, time=0):
    return [
        {
            "start_time": time,
            "end_time": time,
            "tag": tag,
            "source_media": str(file),
            "track": "",
            "additional_info": None,
            "frame_info": {"frame_idx": frame_idx, "box": BOX},
        }
        for tag in tags
    ]


def test_the_frame_model_tags_a_still_and_a_video(run, media):
    still, film = media / "still.png", media / "film.mp4"
    ended = run("guide/main.py", [still, film])
    assert (ended.status, ended.stderr) == (0, "")
    assert ended.stdout == f"Got {still}\nGot {film}\n"
    assert ended.of("tag")[:2] == frame_tags(still)
    on_film = ended.of("tag")[2:]
    assert on_film[:2] == frame_tags(film)
    # 24 frames of 1001/24000 s are 1.001 s: the nearest to each full second.
    assert [(tag["frame_info"]["frame_idx"], tag["start_time"]) for tag in on_film[:8:2]] == [
        (0, 0),
        (24, 1001),
        (48, 2002),
        (72, 3003),
    ]
    ranges = on_film[8:]
    assert [(tag["start_time"], tag["end_time"], tag["frame_info"]) for tag in ranges] == [(0, 3045, None)] * 2
    assert ended.of("progress") == [{"source_media": str(still)}, {"source_media": str(film)}]


def test_a_file_with_the_frame_model_alone_is_run_by_the_runner(run, media):
    ended = run("guide/model_frame.py", [media / "still.png"])
    assert (ended.status, ended.stderr) == (0, "")
    assert ended.of("tag") == frame_tags(media / "still.png")


def test_the_video_model_tags_what_it_says(run):
    ended = run("guide/model_video.py", ["media/0001.mp4"])
    assert ended.status == 0
    assert ended.output == (
        '{"type":"tag","data":{"start_time":1500,"end_time":8000,"tag":"A dog","source_media":"media/0001.mp4",'
        '"track":"","additional_info":null,"frame_info":null}}\n'
        '{"type":"progress","data":{"source_media":"media/0001.mp4"}}\n'
    )


def test_the_daemon_tags_each_file_before_the_next_is_sent(start, media):
    daemon = start("guide/main.py")
    for name in ["still.png", "STILL.JPG"]:
        daemon.send(media / name)
        told = [daemon.next_message() for _ in range(3)]
        assert [message["type"] for message in told] == ["tag", "tag", "progress"]
        assert told[2]["data"] == {"source_media": str(media / name)}
    daemon.end_input()
    assert daemon.wait() == 0


def test_tags_go_to_separate_tracks(run):
    ended = run("guide/model_tracks.py", ["clip.mp4"])
    assert [(tag["tag"], tag["track"]) for tag in ended.of("tag")] == [
        ("A dog", "dog_detection"),
        ("Not a hotdog", "hotdog_detection"),
    ]


def test_a_tag_takes_extra_data(run):
    ended = run("guide/extra_data.py")
    assert (ended.status, ended.stderr) == (0, "")


def test_user_arguments_are_had_with_and_without_params(run):
    for params in [None, {"confidence": 0.5}]:
        assert run("guide/user_arguments.py", params=params).status == 0


def test_without_catch_errors_a_typo_ends_the_program_without_a_message(run):
    ended = run("guide/errors_vague.py", ["clip.mp4"], params={"confdence_threshold": 1})
    assert ended.status == 1
    assert ended.output == ""
    assert "UnexpectedDataError" in ended.stderr


def test_with_catch_errors_the_user_reads_what_is_wrong(run):
    ended = run("guide/errors_caught.py", ["clip.mp4"], params={"confdence_threshold": 1})
    assert ended.status == 1
    text = 'UnexpectedDataError: can not match "confdence_threshold" to any data class field'
    assert ended.messages == [{"type": "error", "data": {"message": text, "source_media": None}}]
    assert text in ended.stderr


def test_both_error_examples_run_with_the_right_parameter(run):
    for program in ["guide/errors_vague.py", "guide/errors_caught.py"]:
        ended = run(program, ["clip.mp4"], params=json.dumps({"confidence_threshold": 0.75}))
        assert ended.status == 0
        assert ended.of("tag")[-1]["tag"] == "above 0.75"
