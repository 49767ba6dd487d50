#!/usr/bin/env bash
# Ends `make test` by telling what it has not run.
cat <<'TEXT'

passed. Not run here:
  make test-all   fuzz targets built and fed for a short time, the media crate under an address sanitizer, a short
                   soak, every clip at every rate against PyAV, fresh Rust projects, the wheel in an environment of
                   its own, fresh projects in images
  make soak       models of bad habits for long, services killed 200 times
  make fuzz       fuzz targets fed for long
  make bench      measurements, which assert nothing
TEXT
if [ "$(id -u)" -ne 0 ] || ! PATH=$PATH:/usr/sbin:/sbin command -v dockerd >/dev/null; then
    echo "  on Docker        containers were tried on Podman only: dockerd is missing, or only root can start it"
fi
