#!/usr/bin/env bash
# Builds the tutorial's model into an image and runs that on the demo clip. Where no engine listens, a service of Podman
# is started for as long as this takes.
set -euo pipefail
cd "$(dirname "$0")/.."

rm -rf out/demo-container
mkdir -p out/demo-container/light
out=$PWD/out/demo-container
cp target/sample-media/bikes.mp4 "$out/"
cp docs/tutorial/light.py "$out/light/model.py"
cat >"$out/light/tagger.toml" <<'TOML'
name = "light"
kind = "frame"
description = "Tells bright frames from dark ones."
command = ["python3", "model.py"]
TOML
cp docs/tutorial/requirements.txt "$out/light/" 2>/dev/null || echo common-ml >"$out/light/requirements.txt"

python3 scripts/base_image.py

if ! target/release/tagger inspect oci:localhost/tagger-base:1 >/dev/null 2>&1; then
    folder=$(mktemp -d)
    runtime=()
    if command -v runc >/dev/null; then runtime=(--runtime runc); fi
    podman "${runtime[@]}" --cgroup-manager cgroupfs system service --time=0 "unix://$folder/engine.sock" &
    service=$!
    trap 'kill "$service" 2>/dev/null; wait "$service" 2>/dev/null; rm -rf "$folder"' EXIT
    export CONTAINER_HOST=unix://$folder/engine.sock
    for _ in $(seq 100); do
        if [ -S "$folder/engine.sock" ]; then break; fi
        sleep 0.1
    done
fi
set -x
target/release/tagger build "$out/light" -t light --wheels target/wheels --python .venv/bin/python
target/release/tagger inspect oci:light
cd "$out"
../../target/release/tagger run -m oci:light bikes.mp4
