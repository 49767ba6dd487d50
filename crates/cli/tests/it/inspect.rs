//! `tagger inspect`: what a file really contains, what a model says of itself.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use insta::assert_snapshot;

use crate::place::Place;

fn told(clip: &str) -> String {
    Place::with(&[clip]).tagger("inspect", &[clip.split('=').next().unwrap()])
}

#[test]
fn what_sampling_would_decode() {
    let planned = |clip: &str, line: &str| Place::with(&[clip]).tagger(line, &[clip]);
    assert_snapshot!(planned("h264_opengop.mp4", "inspect --plan --fps 0.5"), @"
    exit 0
    --- stdout
    h264_opengop.mp4
      frames      150 in 150 packets
      groups      8, of them 3 open, of 10 to 23 packets, 20 in the middle
      unreferred  69 packets, 1 layer
      at 0.5 fps    3 frames by decoding 10 packets in 3 tasks
    ");
    assert_snapshot!(planned("raw.h264", "inspect --plan"), @"
    exit 0
    --- stdout
    raw.h264
      at 1 fps    everything is decoded: a packet has no timestamp
    ");
    assert_snapshot!(planned("one_frame.mp4", "inspect --plan --json"), @r#"
    exit 0
    --- stdout
    {
      "mode": "planned",
      "why": null,
      "structure": {
        "packets": 1,
        "frames": 1,
        "groups": 1,
        "open_groups": 0,
        "shortest_group": 1,
        "median_group": 1,
        "longest_group": 1,
        "unreferenced": 0,
        "layers": 1
      },
      "frames_wanted": 1,
      "packets_fed": 1,
      "tasks": 1
    }
    "#);
}

#[test]
fn videos() {
    assert_snapshot!(told("h264.mp4"), @"
    exit 0
    --- stdout
    h264.mp4
      video       mp4, 6.000 s
      video 0     h264, 320x240, yuv420p, 150 frames, 25 fps constant, 3 key frames, longest GOP 50
      damage      none found (packets read, nothing decoded)
    ");
    assert_snapshot!(told("vfr.mp4"), @"
    exit 0
    --- stdout
    vfr.mp4
      video       mp4, 7.960 s
      video 0     h264, 320x240, yuv420p, 132 frames, variable rate, 16.540 fps (3275/198) on average, 0.040 to 0.120 s apart, 3 key frames, longest GOP 60
      damage      none found (packets read, nothing decoded)
    ");
    assert_snapshot!(told("ntsc.mkv"), @"
    exit 0
    --- stdout
    ntsc.mkv
      video       matroska, 10.010 s
      video 0     h264, 320x240, yuv420p, 240 frames, 23.976 fps (24000/1001) constant, 5 key frames, longest GOP 48
      damage      none found (packets read, nothing decoded)
    ");
    assert_snapshot!(told("sound_first.mkv"), @"
    exit 0
    --- stdout
    sound_first.mkv
      video       matroska, 4.008 s
      audio 0     opus, 48000 Hz, mono, 4.021 s
      video 1     h264, 320x240, yuv420p, 100 frames, 25 fps constant, 2 key frames, longest GOP 50
      damage      none found (packets read, nothing decoded)
    ");
    assert_snapshot!(told("rotated_90.mp4"), @"
    exit 0
    --- stdout
    rotated_90.mp4
      video       mp4, 6.000 s
      video 0     h264, 320x240, yuv420p, turned 270° to 240x320, 150 frames, 25 fps constant, 3 key frames, longest GOP 50
      damage      none found (packets read, nothing decoded)
    ");
    assert_snapshot!(told("one_frame.mp4"), @"
    exit 0
    --- stdout
    one_frame.mp4
      video       mp4, 0.040 s
      video 0     h264, 320x240, yuv420p, 1 frame, 1 key frame, longest GOP 1
      damage      none found (packets read, nothing decoded)
    ");
}

#[test]
fn sound_and_stills() {
    assert_snapshot!(told("cover.mp3"), @"
    exit 0
    --- stdout
    cover.mp3
      audio       mp3, 4.049 s, starts at 0.025 s
      audio 0     mp3, 44100 Hz, mono, 4.049 s
      cover 1     png, 64x64
      damage      none found (packets read, nothing decoded)
    ");
    assert_snapshot!(told("tone.wav"), @"
    exit 0
    --- stdout
    tone.wav
      audio       wav, 4.000 s
      audio 0     pcm_s16le, 44100 Hz, mono, 4.000 s
      damage      none found (packets read, nothing decoded)
    ");
    assert_snapshot!(told("cover.png"), @"
    exit 0
    --- stdout
    cover.png
      still       png
      video 0     png, 64x64, rgb24
    ");
}

#[test]
fn broken_files() {
    assert_snapshot!(told("cut_index_first.mp4"), @"
    exit 0
    --- stdout
    cut_index_first.mp4
      video       mp4, 6.000 s
      video 0     h264, 320x240, yuv420p, 89 frames, variable rate, 24.719 fps (2200/89) on average, 0.040 to 0.080 s apart, 2 key frames, longest GOP 50
      damage      1 damaged packet in stream 0 at 3.440 s
      damage      its end is missing (at least 85075 bytes)
    ");
    assert_snapshot!(told("cut_index_last.mp4"), @"
    exit 1
    --- stderr
    error: `cut_index_last.mp4` is truncated or not finished: its index (moov) is missing (Invalid data found when processing input); copy or record it again
    ");
    assert_snapshot!(told("empty.mp4"), @"
    exit 1
    --- stderr
    error: `empty.mp4` is empty (0 bytes); copy it again
    ");
    assert_snapshot!(told("text.mp4"), @"
    exit 1
    --- stderr
    error: `text.mp4` is not media that can be read (Invalid data found when processing input); check what the file holds
    ");
    assert_snapshot!(told("photo.jpg=cover.png"), @"
    exit 0
    --- stdout
    photo.jpg
      still       png
      video 0     png, 64x64, rgb24
      name        `photo.jpg` is named .jpg but holds PNG data; rename it to .png
    ");
    assert_snapshot!(Place::new().tagger("inspect gone.mp4", &[]), @"
    exit 1
    --- stderr
    error: `gone.mp4` does not exist; check the path
    ");
}

#[test]
fn a_file_as_json() {
    let place = Place::with(&["one_frame.mp4"]);
    assert_snapshot!(place.tagger("inspect --json one_frame.mp4", &[]), @r#"
    exit 0
    --- stdout
    {
      "path": "one_frame.mp4",
      "media": {
        "format": "mov,mp4,m4a,3gp,3g2,mj2",
        "kind": "video",
        "start": {
          "ticks": 0,
          "base": "1/12800"
        },
        "duration": {
          "ticks": 40000,
          "base": "1/1000000"
        },
        "streams": [
          {
            "index": 0,
            "kind": "video",
            "width": 320,
            "height": 240,
            "display_width": 320,
            "display_height": 240,
            "rotation_degrees": 0,
            "mirrored": false,
            "pixel_format": "yuv420p",
            "sample_aspect_ratio": "1/1",
            "average_fps": "25/1",
            "nominal_fps": "25/1",
            "colour_space": null,
            "colour_range": null,
            "codec": "h264",
            "time_base": "1/12800",
            "start": {
              "ticks": 0,
              "base": "1/12800"
            },
            "duration": {
              "ticks": 512,
              "base": "1/12800"
            },
            "language": "und",
            "title": null,
            "default": true,
            "attached_picture": false
          }
        ]
      },
      "scan": {
        "video": {
          "frame_count": 1,
          "key_frames": 1,
          "longest_gop": 1,
          "first": {
            "ticks": 0,
            "base": "1/12800"
          },
          "last": {
            "ticks": 0,
            "base": "1/12800"
          },
          "variable_frame_rate": false,
          "min_interval": null,
          "max_interval": null,
          "true_fps": null,
          "gaps": [],
          "missing_timestamps": 0
        },
        "audio": null,
        "damage": [],
        "wholeness": "whole"
      }
    }
    "#);
}

#[test]
fn models() {
    assert_snapshot!(Place::new().tagger("inspect {good.py}", &[]), @"
    exit 0
    --- stdout
    good
      a Python file without a tagger.toml: kind and parameters are its own business
    ");
    assert_snapshot!(Place::new().tagger("inspect --json {good.py}", &[]), @r#"
    exit 0
    --- stdout
    {
      "name": "good",
      "default_track": "good"
    }
    "#);
    assert_snapshot!(Place::new().tagger("inspect shot", &[]), @"
    exit 0
    --- stdout
    shot (video)
      Finds the shots of a video: one tag from each cut or fade to the next.
      command     tagger-models shot
      track       shot_detection
        shot_detection        Shots without gaps, each with how it begins and how clear that is.
      needs       1 cpu
      parameters  threshold: number, 0.05 to 1, default 0.4
                    How far a cut must stand out from the motion around it; lower finds more.
                  min_shot_seconds: number, 0 to 60, default 0.2
                    No shot is shorter; of two boundaries nearer to each other the clearer one stays.
                  fades: boolean, default true
                    Whether a fade out and in again begins a new shot.
                  continue_on_error: boolean, default false
                    Go on with the next file when one fails.
    ");
    assert_snapshot!(Place::new().tagger("inspect weather", &[]), @"
    exit 1
    --- stderr
    error: unknown model `weather`: neither a shipped one (shot) nor a folder with a tagger.toml nor a .py file
    ");
    let place = Place::new();
    let manifest = "name = 'ocr'\nkind = 'frame'\ncommand = ['python3', 'model.py']\n[parameters.properties.size]\ntype = 'integer'\nexclusiveMinimum = 0\nenum = [1, 2]";
    place.write("ocr/tagger.toml", manifest);
    place.write("ocr/model.py", "");
    assert_snapshot!(place.tagger("inspect ocr", &[]), @"
    exit 0
    --- stdout
    ocr (frame)
      command     python3 model.py
      track       ocr
      parameters  size: integer, one of [1,2], above 0
    ");
    assert_snapshot!(place.tagger("inspect --json ocr/tagger.toml", &[]), @r#"
    exit 0
    --- stdout
    {
      "name": "ocr",
      "kind": "frame",
      "command": [
        "python3",
        "model.py"
      ],
      "parameters": {
        "properties": {
          "size": {
            "type": "integer",
            "exclusiveMinimum": 0,
            "enum": [
              1,
              2
            ]
          }
        }
      }
    }
    "#);
}

#[test]
fn a_python_model_is_asked_with_the_interpreter_that_the_user_names() {
    let place = Place::new();
    place.write("ocr.py", "# --describe, which only the interpreter below knows");
    place.write("python", "#!/bin/sh\necho '{\"name\": \"ocr\", \"description\": \"Reads.\", \"parameters\": {}}'\n");
    fs::set_permissions(place.path("python"), fs::Permissions::from_mode(0o755)).unwrap();
    let named = place.tagger("inspect --python ./python ocr.py", &[]);
    let output = place.command(["inspect", "ocr.py"]).env("TAGGER_PYTHON", "./python").output().unwrap();
    assert_eq!(place.tell(&output), named);
    assert_snapshot!(named, @"
    exit 0
    --- stdout
    ocr
      Reads.
      track       ocr
    ");
}
