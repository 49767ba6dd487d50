"""Makes the image that Python models' images stand on, and loads it into the container engine: `make base-image`.

It holds Python, the libraries that wheels expect of a system (C++, zlib), certificates, time zones, and busybox for a
shell. Everything is unpacked from the distribution's own packages, from wherever this machine has its packages; nothing
in the image says where that is. No package is configured in it and there is no package manager, so what the packages'
scripts would have done is done here. The archive is named after this recipe and kept: it is made once, and again only
when the recipe changes.

    base_image.py [--no-load]

`TAGGER_ENGINE` names the program to load with. Default: podman, else docker. Prints the archive's path.
"""

import hashlib
import io
import json
import os
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
from fnmatch import fnmatch
from pathlib import Path
from typing import Dict, List, Union

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "target/base-image"
NAME = "localhost/tagger-base:1"  # the command's default for `--base`
PACKAGES = "base-files base-passwd busybox-static ca-certificates libgcc-s1 libstdc++6 netbase python3 tzdata zlib1g"
# What nobody who runs a model reads, what only installing needs, and what would tell of this machine. Licences stay.
LEFT_OUT = """
    etc/apt etc/cron.daily etc/dpkg etc/hostname etc/logrotate.d etc/resolv.conf sbin/start-stop-daemon
    usr/bin/debconf* usr/bin/dpkg* usr/bin/py3c* usr/bin/pydoc3* usr/bin/pygettext3* usr/bin/update-alternatives
    usr/lib/dpkg usr/lib/python3.*/pydoc_data usr/sbin/dpkg* usr/share/bug usr/share/debconf usr/share/doc-base
    usr/share/dpkg usr/share/info usr/share/lintian usr/share/locale usr/share/man usr/share/perl5 usr/share/pixmaps
    var/cache/* var/lib/apt var/lib/dpkg var/log/*
"""
# `$1` is the image's root. The root of a running container cannot be written to, so byte code is made now, and is taken
# without a look at its source.
HOOK = """
set -eu
cd "$1"
cp usr/share/base-passwd/passwd.master etc/passwd
cp usr/share/base-passwd/group.master etc/group
echo 'hosts: files dns' >etc/nsswitch.conf
mkdir -p elv/media elv/output root/.cache
chmod 755 root
find usr/share/ca-certificates -name '*.crt' | LC_ALL=C sort | xargs cat >etc/ssl/certs/ca-certificates.crt
ln -sf /etc/ssl/certs/ca-certificates.crt usr/lib/ssl/cert.pem
ln -sf ../usr/share/zoneinfo/Etc/UTC etc/localtime
for command in $(chroot . /bin/busybox --list); do
    [ -e "bin/$command" ] || [ -e "usr/bin/$command" ] || ln -s /bin/busybox "usr/bin/$command"
done
[ -e bin/sh ] || ln -s busybox bin/sh
find usr/lib/python3* -name __pycache__ -prune -exec rm -r {} +
PYTHONHASHSEED=0 chroot . /usr/bin/python3 -m compileall -q --invalidation-mode unchecked-hash /usr/lib/python3.*
/sbin/ldconfig -r .
rm -f var/cache/ldconfig/aux-cache
"""


def main() -> None:
    """Makes the archive, unless it is there, and loads it."""
    recipe = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]
    archive = FOLDER / f"{recipe}.tar"
    if not archive.exists():
        if shutil.which("mmdebstrap") is None:
            sys.exit("error: no mmdebstrap here; `scripts/system-packages.sh containers` installs it")
        FOLDER.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=FOLDER) as name:
            packages, layer = Path(name) / "packages.tar", Path(name) / "layer.tar"
            unpack_packages(packages)
            thin_out(packages, layer)
            finished = Path(name) / "image.tar"
            write_archive(layer, finished)
            finished.replace(archive)
    if "--no-load" not in sys.argv[1:]:
        engine = os.environ.get("TAGGER_ENGINE") or next(filter(shutil.which, ("podman", "docker")), None)
        if engine is None:
            sys.exit("error: neither podman nor docker is here to load the image into")
        subprocess.run([*shlex.split(engine), "load", "--quiet", "--input", archive], check=True, stdout=sys.stderr)
        sys.stderr.write(f"{NAME} is there\n")
    sys.stdout.write(f"{archive}\n")


def unpack_packages(packages: Path) -> None:
    """Unpacks the packages and what they need into a tar file, the same one from the same packages."""
    targets = ["apt-get", "indextargets", "--format", "deb $(REPO_URI) $(RELEASE) $(COMPONENT) # $(ORIGIN)"]
    known = subprocess.run([*targets, "Created-By: Packages"], check=True, stdout=subprocess.PIPE, text=True).stdout
    sources = sorted({line for line in known.splitlines() if line.endswith(("# Debian", "# Ubuntu"))})
    if not sources:
        sys.exit("error: apt knows no packages of Debian; run `apt-get update`")
    options = ["--quiet", "--variant=extract", f"--include={','.join(PACKAGES.split())}", f"--extract-hook={HOOK}"]
    # The suite is only a name here: the lines say which it is.
    command = ["mmdebstrap", *options, "", packages, "-"]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "0"}
    subprocess.run(command, input="\n".join(sources) + "\n", env=environment, check=True, text=True, stdout=sys.stderr)


def thin_out(packages: Path, layer: Path) -> None:
    """Copies what an image is for, in an order and with times that are always the same."""
    patterns = [pattern for left_out in LEFT_OUT.split() for pattern in (f"./{left_out}", f"./{left_out}/*")]
    with tarfile.open(packages) as source, tarfile.open(layer, "w", format=tarfile.PAX_FORMAT) as target:
        for entry in sorted(source.getmembers(), key=lambda entry: entry.name):
            is_reading_matter = entry.name.startswith("./usr/share/doc/") and not entry.isdir()
            if any(fnmatch(entry.name, pattern) for pattern in patterns):
                continue
            if is_reading_matter and not entry.name.endswith("/copyright"):
                continue
            if entry.name == ".":
                continue
            entry.mtime, entry.uname, entry.gname, entry.pax_headers = 0, "", "", {}
            target.addfile(entry, source.extractfile(entry) if entry.isreg() else None)


def write_archive(rootfs: Path, path: Path) -> None:
    """Writes an image of one layer as an OCI layout, which has Docker's own index beside it for older engines."""
    layer = digest(rootfs)
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    config = as_json(
        {
            "created": "1970-01-01T00:00:00Z",
            "architecture": machine,
            "os": "linux",
            "config": {
                "Cmd": ["python3"],
                "Env": ["PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1"],
                "WorkingDir": "/elv",
                "Labels": {"org.opencontainers.image.title": "tagger-base"},
            },
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer}"]},
            "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "Debian packages, unpacked"}],
        }
    )
    media = "application/vnd.oci.image"
    manifest = as_json(
        {
            "schemaVersion": 2,
            "mediaType": f"{media}.manifest.v1+json",
            "config": descriptor(f"{media}.config.v1+json", config),
            "layers": [
                {
                    "mediaType": f"{media}.layer.v1.tar",
                    "digest": f"sha256:{layer}",
                    "size": rootfs.stat().st_size,
                }
            ],
        }
    )
    listed = {
        **descriptor(f"{media}.manifest.v1+json", manifest),
        "annotations": {"org.opencontainers.image.ref.name": NAME},
    }
    blobs = "blobs/sha256"
    files: Dict[str, Union[bytes, Path]] = {
        "oci-layout": as_json({"imageLayoutVersion": "1.0.0"}),
        "index.json": as_json({"schemaVersion": 2, "manifests": [listed]}),
        "manifest.json": as_json(
            [{"Config": f"{blobs}/{digest(config)}", "RepoTags": [NAME], "Layers": [f"{blobs}/{layer}"]}]
        ),
        f"{blobs}/{digest(config)}": config,
        f"{blobs}/{digest(manifest)}": manifest,
        f"{blobs}/{layer}": rootfs,
    }
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            if isinstance(content, Path):
                entry.size = content.stat().st_size
                with content.open("rb") as file:
                    archive.addfile(entry, file)
            else:
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))


def descriptor(media_type: str, content: bytes) -> Dict[str, Union[str, int]]:
    """How a manifest refers to a blob."""
    return {"mediaType": media_type, "digest": f"sha256:{digest(content)}", "size": len(content)}


def as_json(value: Union[Dict, List]) -> bytes:
    """JSON without a byte to spare."""
    return json.dumps(value, separators=(",", ":")).encode()


def digest(content: Union[bytes, Path]) -> str:
    """The SHA-256 of bytes or of a file."""
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    whole = hashlib.sha256()
    with content.open("rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            whole.update(piece)
    return whole.hexdigest()


if __name__ == "__main__":
    main()
