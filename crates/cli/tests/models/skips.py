"""Tags every file, but leaves one without its progress."""

from contract import PARAMS, done, paths, tag

for path in paths():
    tag(path)
    if not path.endswith(PARAMS["file"]):
        done(path)
