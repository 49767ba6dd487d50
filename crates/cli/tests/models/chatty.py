"""Writes megabytes to standard output and standard error, and none of it is a message."""

import sys

from contract import done, paths, tag

for path in paths():
    for stream in (sys.stdout, sys.stderr):
        for _ in range(4):
            stream.write("a word or two\n" * 75_000)
    tag(path)
    done(path)
sys.exit("that was all")
