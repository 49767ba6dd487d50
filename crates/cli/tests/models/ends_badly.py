"""Finishes every file, then fails with the status it is told."""

import sys

from contract import PARAMS, done, paths, send, tag

for path in paths():
    tag(path)
    done(path)
send("error", message="the index could not be written")
sys.exit(PARAMS["status"])
