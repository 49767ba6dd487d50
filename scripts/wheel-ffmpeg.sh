#!/usr/bin/env bash
# Builds the FFmpeg libraries that go into the wheel, and prints the folder that they are installed in: `include`, `lib`
# and `licenses`. The folder is named after this recipe, so they are built once and again only when it changes.
#
# The source is that of the distribution's package, with its security fixes, fetched from wherever the machine's own
# packages come from. It is configured for what the media crate does: every native decoder, parser and demuxer, so that
# the wheel reads what an installation against the system's FFmpeg reads, and the four containers that are written.
# No encoders, no protocols (files are opened by the crate, never by name), no network, and nothing under the GPL.
set -euo pipefail
cd "$(dirname "$0")/.."

options=(
    --disable-autodetect # what happens to be installed here must not change what the wheel can do
    --enable-zlib --enable-libdav1d
    --disable-programs --disable-doc --disable-debug
    --disable-avdevice --disable-avfilter --disable-postproc
    --disable-network --disable-protocols --disable-encoders
    --disable-muxers --enable-muxer=mp4,mov,matroska,wav
    # Shared, as the LGPL asks: who has the wheel can put another build of the libraries in their place.
    --enable-shared --disable-static
)

recipe=$(sha256sum scripts/wheel-ffmpeg.sh | cut -c1-16)
work=$PWD/target/wheel-ffmpeg
prefix=$work/$recipe
if [ -f "$prefix/complete" ]; then
    echo "$prefix"
    exit 0
fi

{ # Standard output is the caller's.
    if ! command -v apt-get >/dev/null; then
        echo "error: no apt-get here; the wheel's FFmpeg is built from Debian's source package" >&2
        exit 1
    fi
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then as_root=(sudo); fi
    if ! { command -v nasm && pkg-config --exists dav1d zlib && command -v dpkg-source; } >/dev/null; then
        "${as_root[@]}" apt-get update -qq
        DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -qq -y --no-install-recommends \
            -o DPkg::Lock::Timeout=600 nasm libdav1d-dev zlib1g-dev dpkg-dev make gcc libc6-dev pkg-config
    fi

    # Sources are looked up in a list of our own, so that the machine's configuration stays as it is.
    mkdir -p "$work"
    build=$(mktemp -d "$work/build.XXXXXX")
    trap 'rm -rf "$build"' EXIT
    mkdir -p "$build"/{lists,cache,sources.list.d}
    apt-get indextargets --format 'deb-src $(REPO_URI) $(RELEASE) $(COMPONENT) # $(ORIGIN)' 'Created-By: Packages' |
        grep -E '# (Debian|Ubuntu)$' | sort -u >"$build/sources.list"
    if [ ! -s "$build/sources.list" ]; then
        echo "error: apt knows no packages of Debian; run \`apt-get update\`" >&2
        exit 1
    fi
    private=(-o Dir::Etc::sourcelist="$build/sources.list" -o Dir::Etc::sourceparts="$build/sources.list.d"
             -o Dir::State::lists="$build/lists" -o Dir::Cache="$build/cache" -o APT::Sandbox::User=root)
    apt-get "${private[@]}" update -qq
    (cd "$build" && apt-get "${private[@]}" source -qq ffmpeg)
    source=$(find "$build" -maxdepth 1 -type d -name 'ffmpeg-*')
    version=$(cd "$source" && dpkg-parsechangelog -S Version)

    echo "building the wheel's FFmpeg $version, once for this recipe"
    rm -rf "$prefix"
    cd "$source"
    ./configure --prefix="$prefix" "${options[@]}" >"$build/log" || { cat "$build/log" ffbuild/config.log >&2; exit 1; }
    grep -q '^License: LGPL version 2.1 or later$' "$build/log"
    nice -n 19 make -j"$(nproc)" >"$build/log" 2>&1 || { tail -n 50 "$build/log" >&2; exit 1; }
    make install >"$build/log" 2>&1 || { tail -n 50 "$build/log" >&2; exit 1; }

    mkdir -p "$prefix/licenses"
    cp COPYING.LGPLv2.1 "$prefix/licenses/FFMPEG-COPYING.LGPLv2.1"
    cp LICENSE.md "$prefix/licenses/FFMPEG-LICENSE.md"
    cp /usr/share/doc/libdav1d-dev/copyright "$prefix/licenses/DAV1D-COPYRIGHT"
    cat >"$prefix/licenses/FFMPEG-SOURCE" <<TEXT
The FFmpeg libraries in this package were built from version $version of Debian's source package \`ffmpeg\`,
unchanged, with

    ./configure ${options[*]}

They are shared libraries under the LGPL 2.1 or later: other builds of the same major versions can take their place.
AV1 is decoded by dav1d, version $(pkg-config --modversion dav1d) of Debian's package \`libdav1d\`.
TEXT
    touch "$prefix/complete"
} >&2
echo "$prefix"
