#!/usr/bin/env bash
# Makes the media that `tagger test` sends, each by one command, into this folder. They are committed, so that a test
# needs no ffmpeg; run this again only to change them.
set -euo pipefail
cd "$(dirname "$0")"

make() { ffmpeg -hide_banner -loglevel error -nostdin -y -fflags +bitexact -flags +bitexact "$@"; }
x264="-c:v libx264 -preset veryslow -crf 34 -pix_fmt yuv420p -threads 1"
pattern="-f lavfi -i testsrc2=size=128x96:rate=25"

# Two seconds with a cut in the middle, and a tone.
make -f lavfi -i testsrc2=size=128x96:rate=25:duration=1 -f lavfi -i smptebars=size=128x96:rate=25:duration=1 \
    -f lavfi -i sine=frequency=440:duration=2:sample_rate=16000 -filter_complex "[0][1]concat=n=2[v]" \
    -map "[v]" -map 2 $x264 -c:a aac -b:a 16k clip.mp4
# Frames at uneven distances, 40 to 280 ms apart.
make $pattern -t 4 -vf "select='not(mod(n,7))+not(mod(n,3))*lt(n,40)'" -vsync vfr $x264 variable.mp4
make $pattern -frames:v 1 $x264 one_frame.mp4
make $pattern -frames:v 1 still.png
make -f lavfi -i sine=frequency=440:duration=1:sample_rate=8000 -c:a pcm_s16le tone.wav
