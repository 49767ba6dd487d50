"""The contract in a few lines: what the model programs of the tests are written with."""

import json
import sys


def argument(name):
    return sys.argv[sys.argv.index(name) + 1]


PARAMS = json.loads(argument("--params"))
OUTPUT = open(argument("--output-path"), "a", encoding="utf-8")


def write(text):
    OUTPUT.write(text)
    OUTPUT.flush()


def send(message_type, **data):
    write(json.dumps({"type": message_type, "data": data}) + "\n")


def tag(path, text="seen", start=0, end=40, **more):
    send("tag", start_time=start, end_time=end, tag=text, source_media=path, **more)


def done(path):
    send("progress", source_media=path)


def paths():
    for line in sys.stdin:
        if line.strip():
            yield line.strip()
