#!/usr/bin/env bash
# Tries every door of the media crate under an address sanitizer: whole clips, where nothing may be lost either, and
# damaged ones. Takes about two minutes once it is built.
#
# The sanitizer is behind a switch that stable compilers keep for themselves, though they ship its library:
# RUSTC_BOOTSTRAP opens it. libav is the system's, so its own code is not instrumented; what it allocates, and what it is
# handed, is.
set -euo pipefail
cd "$(dirname "$0")/.."

host=$(rustc -vV | sed -n 's/^host: //p')
# The target is named, so that build scripts and macros stay without the sanitizer.
RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=address" CARGO_TARGET_DIR=target/asan \
    cargo build --release --locked --quiet --target "$host" -p tagger-media --example doors
doors=target/asan/$host/release/examples/doors

fixtures/make-clips.sh target/test-media
python3 fixtures/make-damage.py target/test-media target/damaged-media

# libav's MP4 writer loses a buffer when it fails at the end, so losses count for whole clips only.
try() { # try OPTIONS, files by standard input
    xargs -0 -n 40 env ASAN_OPTIONS="allocator_may_return_null=1:$1" timeout 300 "$doors" >/dev/null
}
echo "trying whole clips under the address sanitizer"
find target/test-media -type f -size -100k -not -name '.*' -print0 | sort -z | try detect_leaks=1
echo "trying damaged clips under the address sanitizer"
find target/damaged-media -type f -print0 | sort -z | try detect_leaks=0
