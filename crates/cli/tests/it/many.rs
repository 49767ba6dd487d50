//! Many files, many models, many tags.

use insta::assert_snapshot;

use crate::place::Place;

#[test]
fn tags_of_two_models_are_merged_on_the_timeline() {
    let place = Place::with(&["a.mp4=one_frame.mp4", "b.mp4=one_frame.mp4"]);
    let tag = |start: i64, text: &str| {
        format!(
            r#"{{"type":"tag","data":{{"start_time":{start},"end_time":{start},"tag":"{text}","source_media":{{file}}}}}}"#
        )
    };
    let done = r#"{"type":"progress","data":{"source_media":{file}}}"#;
    let lines = [tag(20, "later"), tag(0, "first"), tag(0, "second"), done.to_owned()].map(|line| line + "\n");
    let params = serde_json::json!({ "lines": lines }).to_string();
    let run = "run -q -m {says.py} -m {good.py} a.mp4 b.mp4 --format csv --params";
    assert_snapshot!(place.tagger(run, &[&params]), @"
    exit 0
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    a.mp4,video,says,says,0,0,first,,,,0
    a.mp4,video,says,says,0,0,second,,,,0
    a.mp4,video,good,good,0,40,a.mp4,,,,0
    a.mp4,video,says,says,20,20,later,,,,0
    b.mp4,video,says,says,0,0,first,,,,0
    b.mp4,video,says,says,0,0,second,,,,0
    b.mp4,video,good,good,0,40,b.mp4,,,,0
    b.mp4,video,says,says,20,20,later,,,,0
    ");
}

#[test]
fn two_thousand_stills_are_tagged_in_order() {
    let place = Place::new();
    for number in 0..2000 {
        place.put(format!("media/{number:04}.png"), "cover.png");
    }
    let told = place.tagger("run -m {good.py} media --format csv -o tags.csv", &[]);
    assert_snapshot!(told, @"
    exit 0
    --- stderr
    good: started, 2000 inputs
    good: media/0099.png done (100/2000)
    good: media/0199.png done (200/2000)
    good: media/0299.png done (300/2000)
    good: media/0399.png done (400/2000)
    good: media/0499.png done (500/2000)
    good: media/0599.png done (600/2000)
    good: media/0699.png done (700/2000)
    good: media/0799.png done (800/2000)
    good: media/0899.png done (900/2000)
    good: media/0999.png done (1000/2000)
    good: media/1099.png done (1100/2000)
    good: media/1199.png done (1200/2000)
    good: media/1299.png done (1300/2000)
    good: media/1399.png done (1400/2000)
    good: media/1499.png done (1500/2000)
    good: media/1599.png done (1600/2000)
    good: media/1699.png done (1700/2000)
    good: media/1799.png done (1800/2000)
    good: media/1899.png done (1900/2000)
    good: media/1999.png done (2000/2000)
    2000 tags from 1 model over 2000 inputs, in TIME
    ");
    let tags = place.read("tags.csv");
    let expected: String =
        (0..2000).map(|n| format!("media/{n:04}.png,still,good,good,0,40,{n:04}.png,,,,0\n")).collect();
    assert_eq!(tags.split_once('\n').unwrap().1, expected);
}

#[test]
fn a_hundred_thousand_tags_of_one_file_all_arrive() {
    let place = Place::with(&["a.mp4=one_frame.mp4"]);
    let tag = r#"{"type":"tag","data":{"start_time":0,"end_time":40,"tag":"seen","source_media":{file}}}"#;
    let done = r#"{"type":"progress","data":{"source_media":{file}}}"#;
    let params =
        serde_json::json!({ "lines": [format!("{tag}\n"), format!("{done}\n")], "times": 100_000 }).to_string();
    let told = place.tagger("run -m {says.py} a.mp4 -o tags.jsonl --params", &[&params]);
    assert_snapshot!(told, @"
    exit 0
    --- stderr
    says: started, 1 input
    says: a.mp4 done (1/1)
    100000 tags from 1 model over 1 input, in TIME
    ");
    assert_eq!(place.read("tags.jsonl").lines().count(), 100_000);
}
