#!/usr/bin/env bash
# Builds the tutorial's model into an image and runs that on the demo clip.
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

set -x
target/release/tagger build "$out/light" -t light --wheels target/wheels --python .venv/bin/python
target/release/tagger inspect oci:light
target/release/tagger run -m oci:light "$out/bikes.mp4"
