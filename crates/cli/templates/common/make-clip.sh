#!/bin/sh
# Makes clip.mp4, the clip that the test looks at: a second of white, a second of black, and a tone.
set -eu
cd "$(dirname "$0")"
exec ffmpeg -hide_banner -loglevel error -nostdin -y \
    -f lavfi -i color=white:size=64x48:rate=25:duration=1 -f lavfi -i color=black:size=64x48:rate=25:duration=1 \
    -f lavfi -i sine=frequency=440:duration=2 -filter_complex "[0][1]concat=n=2[v]" -map "[v]" -map 2 \
    -pix_fmt yuv420p clip.mp4
