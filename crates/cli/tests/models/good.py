"""Gives every file one tag: its parameter `text`, or the name that it was given the file by."""

import os

from contract import PARAMS, done, paths, tag

for path in paths():
    tag(path, PARAMS.get("text", os.path.basename(path)))
    done(path)
