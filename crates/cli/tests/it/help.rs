//! What `--help` and wrong usage say.

use insta::assert_snapshot;

use crate::place::Place;

#[test]
fn help_says_what_there_is() {
    assert_snapshot!(Place::new().tagger("--help", &[]), @"
    exit 0
    --- stdout
    Turns media into time-aligned tags with anybody's model

    Usage: tagger <COMMAND>

    Commands:
      run      Run models over media and show their tags
      inspect  Show what a media file really contains, or what a model says of itself
      init     Make a project for a new model
      test     Test whether a model's program keeps the contract
      build    Make a container image of a model's folder
      push     Send an image to a registry
      doctor   Tell what this machine has and lacks for running models, with the command that mends it
      serve    Serve jobs and their tags over HTTP
      submit   Hand media in to a server, and print the job ids
      jobs     List a server's jobs
      status   Show how a job stands
      logs     Show what a job's program says
      stop     Stop jobs; what they have stored stays
      retry    Do ended jobs again
      rm       Remove ended jobs with their tags
      tags     Show a content's tags
      export   Write stored tags for other programs
      help     Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version
    ");
    assert_snapshot!(Place::new().tagger("run --help", &[]), @"
    exit 0
    --- stdout
    Run models over media and show their tags

    Usage: tagger run [OPTIONS] --model <MODEL> <INPUTS>...

    Arguments:
      <INPUTS>...
              Tag these files, and the media in these folders

    Options:
      -m, --model <MODEL>
              Run this model: a shipped model's name, a folder with a tagger.toml, a .py file, or
              oci:IMAGE. May be given several times

      -p, --param <KEY=VALUE>
              Set a parameter, for one of several models as `model:key=value`. May be given several
              times

          --params <JSON|@FILE>
              Set parameters from a JSON object, or from a file that holds one (@FILE). `-p` wins over
              it

          --from <TIME>
              Begin at this time: seconds, HH:MM:SS.mmm or frames (375f)

              Tags that end before it are not shown. Models are given the smallest part of the file that
              covers the time from --from to --to and can be cut out without coding it anew: the
              pictures, or for models of sound the sound. A part is sampled as a file of its own, so
              that frames are counted off from its first one, and what reaches beyond it is tagged up to
              its end. A model that does not say what it takes is given files with pictures and sound
              whole.

          --to <TIME>
              End before this time: seconds, HH:MM:SS.mmm or frames (375f)

              Tags that begin at it or later are not shown. The rest is as for --from.

          --format <FORMAT>
              Write tags in this format [default: by the output file's extension, else table]

              Possible values:
              - table: For people
              - jsonl: One JSON object a tag and line
              - csv:   One row a tag, with a header
              - vtt:   WebVTT: one cue a tag, for players

      -o, --output <FILE>
              Write tags to this file, `-` for standard output. May be given several times [default: -]

          --python <PATH>
              Run Python models with this interpreter [default: the model folder's .venv, VIRTUAL_ENV,
              python3]

              [env: TAGGER_PYTHON=]

          --allow <NEED>
              Allow models in containers what they ask for: network, token or writable-root. May be
              given several times

          --input-timeout <SECONDS>
              Give up on a model that has not begun to read its input after this many seconds

              [default: 600]

          --on-damage <ON_DAMAGE>
              What damage inside a file is: a warning, or a failure. Tags of the rest are kept either
              way

              Possible values:
              - skip: It costs its frames, and is told with its time
              - fail: The file counts as failed: exit status 1

              [default: skip]

      -q, --quiet
              Show no progress

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version

    Exit status: 0 done, 1 something failed (what did not fail is shown all the same), 2 usage, 130
    interrupted.

    Examples:
      tagger run -m shot clip.mp4
      tagger run -m shot -m my_model.py --format jsonl -o tags.jsonl media/
    ");
    assert_snapshot!(Place::new().tagger("inspect --help", &[]), @"
    exit 0
    --- stdout
    Show what a media file really contains, or what a model says of itself

    Usage: tagger inspect [OPTIONS] <FILE|MODEL>

    Arguments:
      <FILE|MODEL>  Look into this: a media file, a model as `tagger run -m` takes it, or oci:IMAGE

    Options:
          --json           Print JSON, for programs
          --plan           Tell the structure of the video, and what sampling its frames would decode
          --fps <NUMBER>   Plan for this many frames a second [default: 1]
          --python <PATH>  Ask Python models with this interpreter [default: the model folder's .venv,
                           VIRTUAL_ENV, python3] [env: TAGGER_PYTHON=]
      -h, --help           Print help
      -V, --version        Print version
    ");
}

#[test]
fn wrong_usage_is_exit_2() {
    let told = ["run", "run -m x", "walk", "run -m x --format yaml a.mp4", "run -m x --input-timeout 0 a.mp4"]
        .map(|line| Place::new().tagger(line, &[]));
    assert_snapshot!(told.join("\n\n"), @"
    exit 2
    --- stderr
    error: the following required arguments were not provided:
      --model <MODEL>
      <INPUTS>...

    Usage: tagger run --model <MODEL> <INPUTS>...

    For more information, try '--help'.

    exit 2
    --- stderr
    error: the following required arguments were not provided:
      <INPUTS>...

    Usage: tagger run --model <MODEL> <INPUTS>...

    For more information, try '--help'.

    exit 2
    --- stderr
    error: unrecognized subcommand 'walk'

    Usage: tagger <COMMAND>

    For more information, try '--help'.

    exit 2
    --- stderr
    error: invalid value 'yaml' for '--format <FORMAT>'
      [possible values: table, jsonl, csv, vtt]

    For more information, try '--help'.

    exit 2
    --- stderr
    error: invalid value '0' for '--input-timeout <SECONDS>': give a number of seconds above 0

    For more information, try '--help'.
    ");
}
