"""A model program of bad habits, for the soak: what it does to a file is drawn by chance, from its parameter `seed`."""

import json
import os
import random
import sys
import time
from typing import TextIO


def main() -> None:
    """Speak the contract, and now and then break it."""
    with open(sys.argv[sys.argv.index("--output-path") + 1], "a") as output:
        work(output)


def work(output: TextIO) -> None:
    """Tag the files of standard input, twice each."""
    params = json.loads(sys.argv[sys.argv.index("--params") + 1])
    chance = random.Random(f"{params['seed']} {os.getpid()}")

    def write(kind: str, **data: object) -> None:
        output.write(json.dumps({"type": kind, "data": data}) + "\n")
        output.flush()

    for line in sys.stdin:
        file = line.strip()
        habit = chance.random()
        span = {"start_time": 0, "end_time": 1, "source_media": file}
        write("tag", tag="first", **span)
        if habit < 0.02:
            os._exit(3)
        if habit < 0.04:
            os.kill(os.getpid(), 9)
        if habit < 0.06:
            output.write("Traceback, or something like it\n")
        if habit < 0.08:
            output.write('{"type":"tag","data":{"start_')  # dies in the middle of a line
            output.flush()
            os._exit(0)
        if habit < 0.10:
            write("error", message="drawn by chance", source_media=file)
            sys.exit(1)
        if habit < 0.12:
            time.sleep(chance.random() / 20)
        if habit < 0.13 and os.fork() == 0:
            time.sleep(60)  # a worker that nobody ends
        write("tag", tag="second", **span)
        write("progress", source_media=file)


if __name__ == "__main__":
    main()
