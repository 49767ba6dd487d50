"""Is killed in the middle of one file; tags the others."""

import os
import signal

from contract import PARAMS, done, paths, tag

for path in paths():
    tag(path)
    if path.endswith(PARAMS["file"]):
        os.kill(os.getpid(), signal.SIGSEGV)
    done(path)
