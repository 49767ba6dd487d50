#!/usr/bin/env bash
# Builds the fuzz targets and feeds each for $1 seconds; with `build` it builds only. Inputs found stay in fuzz/corpus,
# those that break something in fuzz/artifacts.
#
# cargo-fuzz wants a nightly compiler for its sanitizers. Coverage alone is enough for safe Rust and is there in every
# compiler, by flags: so the targets are built as plain programs over libFuzzer.
set -euo pipefail
cd "$(dirname "$0")/../fuzz"

export CARGO_TARGET_DIR=../target/fuzz
flags="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters"
flags+=" -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Cdebug-assertions --cfg fuzzing -Ccodegen-units=1"
# The target is named, so that build scripts and macros stay without the flags.
host=$(rustc -vV | sed -n 's/^host: //p')
RUSTFLAGS="$flags" cargo build --release --quiet --target "$host"

[ "${1:?seconds, or build}" = build ] && exit 0
for target in fuzz_targets/*.rs; do
    name=$(basename "$target" .rs)
    mkdir -p "corpus/$name" "artifacts/$name"
    seeds=(); [ -d "seeds/$name" ] && seeds=("seeds/$name")
    # The clips that tests have made are the best start for nonsense about media.
    if [ "$name" = media ] && [ -d ../target/test-media ]; then
        small=$PWD/../target/fuzz/small-media # each seed is tried at every door before anything else
        rm -rf "$small" && mkdir "$small"
        find "$PWD/../target/test-media" -type f -size -24k -exec ln -s -t "$small" {} +
        seeds+=("$small")
    fi
    echo "fuzzing $name for $1 s"
    "$CARGO_TARGET_DIR/$host/release/$name" "corpus/$name" "${seeds[@]}" -max_total_time="$1" -rss_limit_mb=2048 \
        -timeout=20 -artifact_prefix="artifacts/$name/" -print_final_stats=1 -verbosity=0 \
        2> >(grep -vE '^(#####|".*# Uses|.NEW_FUNC)' >&2)
done
