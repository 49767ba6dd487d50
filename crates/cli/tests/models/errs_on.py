"""Says an error about one file, by name, and goes on or ends as it is told; tags the others."""

import sys

from contract import PARAMS, done, paths, send, tag

for path in paths():
    tag(path)
    if path.endswith(PARAMS["file"]):
        send("error", message="ValueError: no faces in here", source_media=path)
        if "status" in PARAMS:
            sys.exit(PARAMS["status"])
    else:
        done(path)
