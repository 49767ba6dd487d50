"""A program that keeps every rule of the contract, in pieces: each of the others here replaces one, and breaks one rule."""

import argparse
import json
import os
import struct
import sys


class Failure(Exception):
    pass


class Program:
    """Tags each file with its size, after a look whether it is media."""

    mode = "a"

    def main(self):
        self.read_arguments()
        self.open_output()
        for path in self.paths():
            self.work(path)
        self.end()

    def read_arguments(self):
        parser = argparse.ArgumentParser()
        parser.add_argument("--output-path", required=True)
        parser.add_argument("--params", type=json.loads, default={})
        self.arguments, _ = parser.parse_known_args()
        self.goes_on = self.arguments.params.get("continue_on_error", False)

    def open_output(self):
        self.output = open(self.arguments.output_path, self.mode, encoding="utf-8")

    def paths(self):
        for line in sys.stdin:
            if line.strip():
                yield line.strip()

    def work(self, path):
        try:
            self.check(path)
            self.tag(path)
            self.done(path)
        except (Failure, OSError) as error:
            self.fail(path, error)

    def check(self, path):
        with open(path, "rb") as file:
            head = file.read(12)
        if not (head[4:8] == b"ftyp" or head.startswith((b"\x89PNG", b"RIFF"))):
            raise Failure(f"{os.path.basename(path)} is no media")

    def tag(self, path, **other):
        data = {"start_time": 0, "end_time": 0, "tag": f"{os.path.getsize(path)} bytes", "source_media": path}
        self.send("tag", **{**data, **other})

    def done(self, path):
        self.send("progress", source_media=path)

    def fail(self, path, error):
        self.send("error", message=str(error), source_media=path)
        if not self.goes_on:
            sys.exit(1)

    def send(self, message_type, **data):
        print(json.dumps({"type": message_type, "data": data}), file=self.output)
        self.output.flush()

    def end(self):
        self.output.close()


def frames(path):
    """How many samples the first track of an MP4 has, by its table of sizes."""
    with open(path, "rb") as file:
        content = file.read()
    at = content.find(b"stsz")
    return struct.unpack(">I", content[at + 12 : at + 16])[0] if at > 0 else None


if __name__ == "__main__":
    Program().main()
