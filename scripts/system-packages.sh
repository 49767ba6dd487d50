#!/usr/bin/env bash
# Installs the system packages that building and running need, if any is missing: FFmpeg's libraries and program, and
# libclang for the binding to them. With the argument `containers`: what running and building containers needs.
set -euo pipefail

if [ "${1:-}" = containers ]; then
    packages=(podman runc netavark catatonit mmdebstrap docker-registry)
    missing=()
    for program in podman runc mmdebstrap docker-registry; do
        command -v "$program" >/dev/null || missing+=("$program")
    done
    # Tests start a daemon of their own. Whoever has one from elsewhere keeps it: both packages exclude each other.
    if ! PATH=$PATH:/usr/sbin:/sbin command -v dockerd >/dev/null; then
        missing+=(dockerd)
        packages+=(docker.io)
    fi
    if [ ${#missing[@]} -gt 0 ]; then
        echo "installing system packages (missing: ${missing[*]})"
        as_root=()
        if [ "$(id -u)" -ne 0 ]; then as_root=(sudo); fi
        "${as_root[@]}" apt-get update -qq
        DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -qq -y --no-install-recommends "${packages[@]}" >/dev/null
    fi
    exit 0
fi

packages=(ffmpeg libavcodec-dev libavformat-dev libavutil-dev libswscale-dev libswresample-dev libclang-dev
          clang pkg-config gcc libc6-dev python3-venv espeak-ng)

missing=()
command -v ffmpeg >/dev/null || missing+=("the ffmpeg program")
command -v ffprobe >/dev/null || missing+=("the ffprobe program")
command -v espeak-ng >/dev/null || missing+=("espeak-ng")
command -v cc >/dev/null || missing+=("a C compiler")
command -v clang >/dev/null || missing+=("clang")
for library in libavcodec libavformat libavutil libswscale libswresample; do
    pkg-config --exists "$library" 2>/dev/null || missing+=("$library")
done

if [ ${#missing[@]} -gt 0 ]; then
    echo "installing system packages (missing: ${missing[*]})"
    if ! command -v apt-get >/dev/null; then
        echo "error: no apt-get here; install FFmpeg 5.1 to 8 with its development files, libclang and pkg-config" >&2
        exit 1
    fi
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then as_root=(sudo); fi
    "${as_root[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -qq -y --no-install-recommends "${packages[@]}" >/dev/null
fi

if ! command -v cargo >/dev/null; then
    echo "error: no cargo here; install Rust 1.88 or newer with rustup" >&2
    exit 1
fi
