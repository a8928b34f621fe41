"""The machine of somebody who reads the documents: a hub with the sample repos, a home folder, nothing set up, no daemon yet."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys

from harness import BATUTA, BATUTAD, PATIENCE_S, Sandbox, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
MAKE_SAMPLE_HUB = ROOT / "tests" / "hubsim" / "sample" / "make_sample_hub.py"


def make_sample_hub(folder):
    subprocess.run([sys.executable, "-B", str(MAKE_SAMPLE_HUB), str(folder), "--without-npm"], check=True, stdout=subprocess.DEVNULL)


class World:
    """What a block of a document runs in; one for each document, whose blocks run in their order, each in a shell of its own."""

    def __init__(self, sample_hub):
        self.box = Sandbox()
        # Nothing but a home, as on a fresh machine; the first command starts the daemon.
        for name in ("HF_HUB_CACHE", "BATUTA_SOCKET", "BATUTA_NO_SPAWN", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
            del self.box.env[name]
        # What fits is the same on every machine that runs the tests.
        (self.box.folder / "tmp").mkdir()
        self.box.env.update(TMPDIR=str(self.box.folder / "tmp"))
        self.box.env.update(BATUTA_FIT_MEMORY="16GiB", BATUTA_FIT_VRAM="0", LANG="C.UTF-8")
        # The interpreter for which the packages of the tests are installed.
        tools = self.box.folder / "tools"
        tools.mkdir()
        (tools / "python3").symlink_to("/usr/bin/python3")
        self.box.env["PATH"] = str(tools) + os.pathsep + os.path.dirname(BATUTA) + os.pathsep + self.box.env["PATH"]
        self.hub = self.box.hub(sample_hub, ["--no-rate-limits"])
        self.home = self.box.home
        self._write_home(sample_hub)

    def _write_home(self, sample_hub):
        """What a reader has: the token of somebody who logged in, and folders to push."""
        self.token_file = self.home / ".cache" / "huggingface" / "token"
        self.token_file.parent.mkdir(parents=True)
        self.token_file.write_text("hf_SampleMiraNotARealTokenNotARealTok")
        small = pathlib.Path(sample_hub) / "models" / "acme" / "otter-small" / "revisions" / "main"
        shutil.copytree(small, self.home / "my-model", ignore=shutil.ignore_patterns("README.md", ".gitattributes"))
        (self.home / "notes" / "2023").mkdir(parents=True)
        (self.home / "batuta").mkdir()  # the checkout
        for entry in ROOT.iterdir():
            (self.home / "batuta" / entry.name).symlink_to(entry)
        (self.home / "notes" / "2023" / "a.txt").write_text("The river was high.\n")

    def run(self, script, token=True):
        """Runs a script as one reader's shell would; returns (exit code, all output)."""
        env = dict(self.box.env)
        if not token:
            env["HF_TOKEN_PATH"] = "/nonexistent"
        run = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=self.home, env=env, stdin=subprocess.DEVNULL, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=4 * PATIENCE_S, check=False)
        return run.returncode, run.stdout

    def close(self):
        """Ends every daemon that a block has started, with the folders."""
        for lock in self.box.folder.glob("**/daemon.lock"):
            with contextlib.suppress(ValueError, OSError):
                pid = int(lock.read_text().split()[0])
                if os.path.samefile(f"/proc/{pid}/exe", BATUTAD):
                    os.kill(pid, signal.SIGTERM)
                    wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "a daemon of the document to end")
        self.box.close()
