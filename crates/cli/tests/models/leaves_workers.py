"""Ends while two workers of its own still run: one in its process group, one that has left it."""

import subprocess
import sys

from contract import done, paths, tag

WORKER = [sys.executable, "-c", "import signal; signal.pause()"]

for path in paths():
    subprocess.Popen(WORKER)
    subprocess.Popen(WORKER, start_new_session=True)
    tag(path)
    done(path)
