"""Writes the lines it is told to for every file: `{file}` stands for its path, and nothing is added, not even line ends."""

import json

from contract import PARAMS, paths, write

for path in paths():
    for line in PARAMS["lines"]:
        write(line.replace("{file}", json.dumps(path)) * PARAMS.get("times", 1))
