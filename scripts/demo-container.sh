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

podman=(podman)
if command -v runc >/dev/null; then podman+=(--runtime runc); fi
podman+=(--cgroup-manager cgroupfs)
if ! target/release/tagger inspect oci:localhost/tagger-base:1 >/dev/null 2>&1; then
    folder=$(mktemp -d)
    "${podman[@]}" system service --time=0 "unix://$folder/engine.sock" &
    service=$!
    trap 'kill "$service" 2>/dev/null; wait "$service" 2>/dev/null || true; rm -rf "$folder"' EXIT
    export CONTAINER_HOST=unix://$folder/engine.sock
    for _ in $(seq 100); do
        if [ -S "$folder/engine.sock" ]; then break; fi
        sleep 0.1
    done
fi
mkdir "$out/tags"
set -x
target/release/tagger build "$out/light" -t light --wheels target/wheels --python .venv/bin/python
target/release/tagger inspect oci:light
# The contract by hand: a path goes in, lines come out; nothing else is allowed.
env -u CONTAINER_HOST "${podman[@]}" run --rm --interactive --network none --read-only --cap-drop all \
    --security-opt no-new-privileges --ulimit nofile=4096:4096 --ulimit nproc=4096:4096 \
    --volume "$out:/elv/media:ro" --volume "$out/tags:/elv/output" \
    light --output-path /elv/output/tags.jsonl <<<media/bikes.mp4
cat "$out/tags/tags.jsonl"
