#!/usr/bin/env bash
# Tags a real clip with the shipped shot detector and the tutorial's Python model. Tags come as a table here, and as
# files under out/demo/.
set -euo pipefail

mkdir -p out/demo
cp target/sample-media/bikes.mp4 out/demo/
cd out/demo
set -x
../../target/release/tagger run --python ../../.venv/bin/python -m shot -m ../../docs/tutorial/light.py \
    -o - -o tags.jsonl -o tags.vtt bikes.mp4
