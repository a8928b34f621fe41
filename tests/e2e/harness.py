"""Runs the real programs as a user does: a hub, a daemon, the client, each in folders of its own.

The three binaries come from the environment: BATUTA, BATUTAD, HUBSIM (absolute paths). Every sandbox has its own home,
sockets and ports, so tests run side by side; whatever a sandbox started ends with it.
"""

import base64
import contextlib
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import unittest
import urllib.request

BATUTA = os.environ["BATUTA"]
BATUTAD = os.environ["BATUTAD"]
HUBSIM = os.environ["HUBSIM"]

# How much slower than usual the binaries are: a sanitizer's build says so.
SLOWNESS = float(os.environ.get("BATUTA_E2E_SLOWNESS", "1"))

# How many times the memory of the usual ones they take: an instrumented build says so. Bounds of memory are those of the usual build, times this.
MEMORY = float(os.environ.get("BATUTA_E2E_MEMORY", "1"))

# Sanitizers and a busy machine make everything slower; nothing here measures time, it only must not wait for ever.
PATIENCE_S = 90 * SLOWNESS


def wait_until(condition, what, timeout_s=PATIENCE_S):
    """Polls until `condition()` is truthy and returns its value."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"timed out waiting for: {what}")


def make_weights(seed, size):
    """A safetensors file of `size` bytes; no two are alike for different seeds."""
    header = json.dumps({"w": {"dtype": "U8", "shape": [size - 88], "data_offsets": [0, size - 88]}}).ljust(80).encode()
    return struct.pack("<Q", 80) + header + random.Random(seed).randbytes(size - 88)


def small_files(count, seed):
    """Files of a few bytes, no two alike for different seeds; each costs the quota two requests, for the redirect and for the file."""
    return {f"file-{number:05}.txt": f"{seed} {number}" for number in range(count)}


class Hub:
    """A running hubsim."""

    def __init__(self, sandbox, root=None, args=()):
        port_file = sandbox.folder / f"hub-{time.monotonic_ns()}.ports"
        command = [HUBSIM, "--port-file", str(port_file), "--exit-with-parent", *args]
        if root is not None:
            command += ["--root", str(root)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=sandbox.log("hubsim.log"))
        sandbox.processes.append(self.process)
        wait_until(lambda: port_file.exists() or self.process.poll() is not None, "the hub to be ready")
        if not port_file.exists():
            raise AssertionError("hubsim ended: " + (sandbox.folder / "hubsim.log").read_text())
        lines = dict(line.split(" ", 1) for line in port_file.read_text().splitlines())
        self.endpoint = lines["hub"]
        self.cdn = lines["cdn"]

    def _call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.endpoint}/__hubsim/{path}", data=data, method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def commit(self, repo, files, kind="model", branch="main"):
        """Adds a commit; values are str or bytes, or {"size":…,"seed":…} for made-up content."""
        encoded = {}
        for path, content in files.items():
            if isinstance(content, bytes):
                content = {"base64": base64.b64encode(content).decode()}
            encoded[path] = content
        return self._call("POST", "commit", {"kind": kind, "repo": repo, "branch": branch, "create": True, "files": encoded})

    def scan(self, repo, files, kind="model"):
        """Publishes what the hub's scanners say of files: path → "unsafe", "suspicious", …"""
        self._call("POST", "scan", {"kind": kind, "repo": repo, "files": files})

    def settings(self, repo, kind="model", **changes):
        """What its owner changes of a repo: gated, private, granted."""
        self._call("POST", "settings", {"kind": kind, "repo": repo, **changes})

    def blobs(self, repo, paths, kind="model"):
        """What the hub says of files: path → name of the blob."""
        request = urllib.request.Request(f"{self.endpoint}/api/{kind}s/{repo}/paths-info/main",
                                         data=json.dumps({"paths": paths}).encode(), headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            entries = json.loads(answer.read())
        return {entry["path"]: entry["lfs"]["oid"] if "lfs" in entry else entry["oid"] for entry in entries}

    def fault(self, **rule):
        """Adds a fault rule (tests/hubsim/fault.h) and returns its id."""
        return self._call("POST", "faults", rule)["ids"][0]

    def fault_hits(self):
        """How many requests each rule harmed, by its id."""
        return {int(rule): hits for rule, hits in self._call("GET", "faults")["hits"].items()}

    def fault_kinds(self):
        return self._call("GET", "faults")["kinds"]

    def clear_faults(self):
        self._call("DELETE", "faults")

    def requests(self):
        return self._call("GET", "requests")

    def stats(self):
        return self._call("GET", "stats")

    def windows(self):
        """What was used and refused in each rate-limit window since the start, by bucket."""
        return self._call("GET", "windows")

    def clear_log(self):
        self._call("DELETE", "requests")

    def count(self, part=""):
        return len([entry for entry in self.requests() if part in entry["path"]])


def write_repo(root, repo, files, kind="models", branch="main", **settings):
    """A repo in the folder format of hubsim (tests/hubsim/store/folder_loader.h); `settings` go into repo.json."""
    folder = pathlib.Path(root) / kind / repo
    for path, content in files.items():
        target = folder / "revisions" / branch / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())
    if settings:
        (folder / "repo.json").write_text(json.dumps(settings))


def write_users(root, **tokens):
    """hub.json with one user per keyword: name = token."""
    users = [{"name": name, "token": token, "orgs": [], "role": "write"} for name, token in tokens.items()]
    pathlib.Path(root).mkdir(parents=True, exist_ok=True)
    (pathlib.Path(root) / "hub.json").write_text(json.dumps({"users": users}))


class Result:
    """How one run of the client ended."""

    def __init__(self, process):
        self.code = process.returncode
        self.out = process.stdout
        self.err = process.stderr

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def error(self):
        """The error document that JSON mode writes to stderr."""
        return json.loads([line for line in self.err.splitlines() if line.startswith("{")][-1])["error"]


class Sandbox:
    """Folders, environment and processes of one test; `parent` is where the folders are, the usual place when None."""

    def __init__(self, parent=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="batuta-e2e-", dir=parent))
        self.processes = []
        self._files = []
        self.home = self.folder / "home"
        self.cache = self.folder / "hub"
        self.state = self.folder / "state" / "batuta"
        self.socket = self.folder / "run" / "batutad.sock"
        for path in (self.home, self.folder / "state", self.folder / "run"):
            path.mkdir(mode=0o700)
        keep = ("PATH", "LANG", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TMPDIR")
        self.env = {name: os.environ[name] for name in keep if name in os.environ}
        # The client finds the daemon that it starts beside itself, or on the path.
        self.env["PATH"] = os.path.dirname(BATUTAD) + os.pathsep + self.env.get("PATH", os.defpath)
        self.env.update(
            HOME=str(self.home),
            XDG_STATE_HOME=str(self.folder / "state"),
            XDG_CONFIG_HOME=str(self.folder / "config"),
            XDG_RUNTIME_DIR=str(self.folder / "run"),
            HF_HUB_CACHE=str(self.cache),
            BATUTA_SOCKET=str(self.socket),
            BATUTA_NO_SPAWN="1",
            NO_PROXY="127.0.0.1",
        )

    def log(self, name):
        stream = open(self.folder / name, "ab")
        self._files.append(stream)
        return stream

    def hub(self, root=None, args=()):
        hub = Hub(self, root, args)
        self.env["HF_ENDPOINT"] = hub.endpoint
        return hub

    def daemon(self, *args, env=None, wait=True, prefix=()):
        process = subprocess.Popen([*prefix, BATUTAD, *args], env={**self.env, **(env or {})}, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=self.log("batutad.log"))
        self.processes.append(process)
        if wait:
            def ready():
                if process.poll() is not None:
                    raise AssertionError("batutad ended: " + self.daemon_log())
                return self.batuta("daemon", "status", "--format", "quiet").code == 0
            wait_until(ready, "the daemon to answer")
        return process

    def daemon_log(self):
        path = self.folder / "batutad.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def batuta(self, *args, env=None, stdin="", timeout=PATIENCE_S * 4, prefix=()):
        process = subprocess.run([*prefix, BATUTA, *args], env={**self.env, **(env or {})}, input=stdin, text=True,
                                 capture_output=True, timeout=timeout, check=False)
        return Result(process)

    def start_batuta(self, *args, env=None):
        process = subprocess.Popen([BATUTA, *args], env={**self.env, **(env or {})}, stdin=subprocess.DEVNULL, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.processes.append(process)
        return process

    def pull(self, *args, code=0, env=None):
        """`hf pull --format json`, which must end with `code`; returns the document, or the error when code is not 0."""
        result = self.batuta("hf", "pull", *args, "--format", "json", env=env)
        if result.code != code:
            raise AssertionError(f"exit {result.code} instead of {code}\n{result.out}\n{result.err}\n{self.daemon_log()}")
        return result.json if code == 0 else result.error

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
        for process in self.processes:
            try:
                process.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
        for stream in self._files:
            stream.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class EndToEndTest(unittest.TestCase):
    """A test with a sandbox."""

    PARENT = None  # of its folders

    def setUp(self):
        self.box = Sandbox(self.PARENT)
        self.addCleanup(self.box.close)

    def tearDown(self):
        failed = any(error for _, error in getattr(self._outcome, "errors", []))
        if failed:
            print(self.box.daemon_log()[-20_000:])

    def assert_tree_is_sound(self):
        """Promise 1: every blob under its final name has the bytes that its name says; every link of a snapshot leads to one."""
        for blob in self.box.cache.glob("*/blobs/*"):
            if len(blob.name) not in (40, 64):
                continue
            content = blob.read_bytes()
            if len(blob.name) == 64:
                digest = hashlib.sha256(content).hexdigest()
            else:
                digest = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            self.assertEqual(digest, blob.name, "a blob with wrong bytes is visible")
        for link in self.box.cache.glob("*/snapshots/**/*"):
            if link.is_symlink():
                self.assertTrue(link.exists(), f"{link} leads nowhere")
                self.assertFalse(os.path.isabs(os.readlink(link)), f"{link} is absolute")


@contextlib.contextmanager
def small_disk(size):
    """A file system of `size` bytes in memory. Needs root."""
    folder = tempfile.mkdtemp(prefix="batuta-disk-")
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
    try:
        yield pathlib.Path(folder)
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
        os.rmdir(folder)


def kill_9(process):
    process.send_signal(signal.SIGKILL)
    process.wait()
