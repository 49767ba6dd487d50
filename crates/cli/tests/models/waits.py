"""Finishes the first file and then waits at the second, unless it is ended. Does not hear a request to when told so."""

import signal

from contract import PARAMS, done, paths, tag

if PARAMS.get("is_stubborn"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)

for place, path in enumerate(paths()):
    tag(path)
    if place == 1:
        while True:
            signal.pause()
    done(path)
