//! Parameters: from the command line to the model, refused before anything starts.

use insta::assert_snapshot;

use crate::place::{Place, model};

fn place() -> Place {
    let place = Place::with(&["a.mp4=one_frame.mp4"]);
    let manifest = format!(
        r#"
        name = "strict"
        kind = "frame"
        description = "Says a text."
        command = ["python3", "{}"]
        default_track = "words"
        [tracks.words]
        label = "Words"
        description = "One word a file."
        [resources]
        cpu = 1
        [parameters]
        additionalProperties = false
        [parameters.properties.text]
        type = "string"
        description = "What to say."
        default = "seen"
        [parameters.properties.loudness]
        type = "integer"
        minimum = 0
        maximum = 11
        "#,
        model("good.py")
    );
    place.write("strict/tagger.toml", manifest);
    place
}

#[test]
fn values_reach_the_model_from_pairs_objects_and_files_and_pairs_win() {
    let place = place();
    place.write("params.json", r#"{"text": "from a file"}"#);
    let run = |arguments: &[&str]| place.tagger("run -q -m ./strict a.mp4 --format csv", arguments);
    assert_snapshot!(run(&["--params", r#"{"text": "from an object"}"#]), @"
    exit 0
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    a.mp4,video,words,strict,0,40,from an object,,,,0
    ");
    assert_snapshot!(run(&["--params", "@params.json"]), @"
    exit 0
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    a.mp4,video,words,strict,0,40,from a file,,,,0
    ");
    assert_snapshot!(run(&["--params", "@params.json", "-p", "text=12", "-p", "fps=2"]), @"
    exit 0
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    a.mp4,video,words,strict,0,40,12,,,,0
    ");
}

#[test]
fn what_the_schema_does_not_allow_is_refused_before_anything_starts() {
    let place = place();
    let run = |arguments: &[&str]| place.tagger("run -m ./strict a.mp4", arguments);
    assert_snapshot!(run(&["-p", "loudness=12"]), @"
    exit 1
    --- stderr
    error: model `strict`: parameter `loudness` is 12, a whole number from 0 to 11 is expected
    ");
    assert_snapshot!(run(&["-p", "loudnes=1", "-p", "text=x"]), @"
    exit 1
    --- stderr
    error: model `strict`: unknown parameter `loudnes`, did you mean `loudness`? (known: `text`, `loudness`)
    ");
    assert_snapshot!(run(&["--params", r#"{"text": 5, "loudness": "loud"}"#]), @r#"
    exit 1
    --- stderr
    error: model `strict`: parameter `text` is 5, a string is expected; parameter `loudness` is "loud", a whole number from 0 to 11 is expected
    "#);
}

#[test]
fn what_is_no_json_object_is_refused() {
    let place = place();
    place.write("params.json", "{\n  \"text\": oops\n}");
    let run = |params: &str| place.tagger("run -m {good.py} a.mp4 --params", &[params]);
    let refused = [r#"{"text": }"#, "[1]", "text", "@params.json", "@gone.json"].map(run);
    assert_snapshot!(refused.join("\n"), @r#"
    exit 1
    --- stderr
    error: --params must be one JSON object, such as '{"fps": 2}': expected value at line 1 column 10
    exit 1
    --- stderr
    error: --params must be one JSON object, such as '{"fps": 2}': this is an array
    exit 1
    --- stderr
    error: --params must be one JSON object, such as '{"fps": 2}': expected ident at line 1 column 2
    exit 1
    --- stderr
    error: cannot take parameters from `params.json`
      caused by: --params must be one JSON object, such as '{"fps": 2}': expected value at line 2 column 11
    exit 1
    --- stderr
    error: cannot read `gone.json`
      caused by: No such file or directory (os error 2)
    "#);
}

#[test]
fn a_pair_for_one_of_several_models_reaches_only_that_one() {
    let place = place();
    let run = "run -q -m ./strict -m {good.py} a.mp4 --format csv -p strict:text=hello";
    assert_snapshot!(place.tagger(run, &[]), @"
    exit 0
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    a.mp4,video,words,strict,0,40,hello,,,,0
    a.mp4,video,good,good,0,40,a.mp4,,,,0
    ");
    assert_snapshot!(place.tagger("run -m {good.py} a.mp4 -p other:text=1", &[]), @"
    exit 1
    --- stderr
    error: `-p other:text=…` names model `other`, which is not part of this run
    ");
    assert_snapshot!(place.tagger("run -m {good.py} a.mp4 -p text", &[]), @"
    exit 1
    --- stderr
    error: `-p text` must read key=value, or model:key=value for one of several models
    ");
}

/// A program that says what it is when it is asked, and otherwise its text.
const SAYS_WHAT_IT_IS: &str = r#"
import json, sys
if "--describe" in sys.argv:
    text = {"anyOf": [{"type": "string", "maxLength": 5}, {"type": "null"}], "default": None, "description": "What to say."}
    schema = {"type": "object", "properties": {"text": text}, "additionalProperties": False}
    track = {"description": "One word a file."}
    print("loading")
    print(json.dumps({"name": "me", "kind": "frame", "description": "Says a text.", "tracks": {"words": track}, "default_track": "words", "parameters": schema}))
    sys.exit()
out = open(sys.argv[sys.argv.index("--output-path") + 1], "a")
params = json.loads(sys.argv[sys.argv.index("--params") + 1])
for line in sys.stdin:
    tag = {"start_time": 0, "end_time": 40, "tag": params["text"], "source_media": line.strip()}
    print(json.dumps({"type": "tag", "data": tag}), json.dumps({"type": "progress", "data": {"source_media": line.strip()}}), sep="\n", file=out)
"#;

#[test]
fn a_program_that_describes_itself_needs_no_manifest() {
    let place = Place::with(&["a.mp4=one_frame.mp4", "tone.wav"]);
    place.write("says.py", SAYS_WHAT_IT_IS);
    place.write("bare/tagger.toml", "name = 'bare'\nkind = 'video'\ncommand = ['python3', '../says.py']");
    let run = "run -q -m ./says.py a.mp4 --format csv";
    assert_snapshot!(place.tagger(run, &["-p", "text=12"]), @"
    exit 0
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    a.mp4,video,words,says,0,40,12,,,,0
    ");
    assert_snapshot!(place.tagger(run, &["-p", "text=too long", "-p", "txt=1"]), @"
    exit 1
    --- stderr
    error: model `says`: parameter `text` is \"too long\", a string of at most 5 characters or null is expected; unknown parameter `txt`, did you mean `text`? (known: `text`)
    ");
    assert_snapshot!(place.tagger("run -q -m ./bare a.mp4 -p txt=1", &[]), @"
    exit 1
    --- stderr
    error: model `bare`: unknown parameter `txt`, did you mean `text`? (known: `text`)
    ");
    assert_snapshot!(place.tagger("run -q -m ./says.py tone.wav", &[]), @r#"
    exit 1
    --- stderr
    error: no input suits model `says`: it takes video and stills
    "#);
    assert_snapshot!(place.tagger("inspect says.py", &[]), @r#"
    exit 0
    --- stdout
    says (frame)
      Says a text.
      track       words
        words                 One word a file.
      parameters  text: a string of at most 5 characters or null, default null
                    What to say.
    "#);
    assert_snapshot!(place.tagger("inspect --json says.py", &[]), @r#"
    exit 0
    --- stdout
    {
      "name": "says",
      "kind": "frame",
      "description": "Says a text.",
      "default_track": "words",
      "tracks": {
        "words": {
          "description": "One word a file."
        }
      },
      "parameters": {
        "type": "object",
        "properties": {
          "text": {
            "anyOf": [
              {
                "type": "string",
                "maxLength": 5
              },
              {
                "type": "null"
              }
            ],
            "default": null,
            "description": "What to say."
          }
        },
        "additionalProperties": false
      }
    }
    "#);
}
