"""A machine with several users and one daemon for all of them.

The programs run in a mount namespace of their own, in which there is an account `batuta`, a group that may use its socket, and
nothing else below /run. Needs root, as mounting does.
"""

import os
import pathlib
import subprocess

from harness import EndToEndTest, wait_until

DAEMON_UID = 23_000
GROUP = 23_000
SOCKET = "/run/batuta/batutad.sock"
MAKE_WORLD = """
set -e
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/batuta && chown {uid}:{group} /run/batuta && chmod 755 /run/batuta
mount --bind {folder}/passwd /etc/passwd
mount --bind {folder}/group /etc/group
touch {folder}/world-is-made
exec sleep infinity
"""


class User:
    """Someone with an account on the machine, a home that nobody else may enter, and perhaps a token."""

    def __init__(self, world, name, uid, token=None, groups=(GROUP,)):
        self.world = world
        self.name = name
        self.uid = uid
        self.token = token
        self.groups = groups
        self.home = world.box.folder / f"home-{name}"
        self.home.mkdir(mode=0o700)
        os.chown(self.home, uid, uid)

    def prefix(self):
        groups = ["--groups", ",".join(map(str, self.groups))] if self.groups else ["--clear-groups"]
        return ["nsenter", "-t", str(self.world.namespace.pid), "-m", "setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", *groups]

    def environment(self):
        env = {"HOME": str(self.home), "XDG_STATE_HOME": "", "XDG_CONFIG_HOME": "", "XDG_RUNTIME_DIR": "", "HF_HUB_CACHE": "",
               "BATUTA_SOCKET": ""}
        if self.token:
            env["HF_TOKEN"] = self.token
        return env

    def batuta(self, *args, **more):
        return self.world.box.batuta(*args, prefix=self.prefix(), env={**self.environment(), **more})

    def pull(self, *args, code=0):
        """`hf pull --format json`, which must end with `code`: the document, or the error."""
        result = self.batuta("hf", "pull", *args, "--format", "json")
        if result.code != code:
            raise AssertionError(f"{self.name}: exit {result.code} instead of {code}\n{result.out}\n{result.err}\n{self.world.box.daemon_log()}")
        return result.json if code == 0 else result.error

    def cat(self, path):
        """What the file holds; None when this user cannot read it."""
        process = subprocess.run([*self.prefix(), "cat", str(path)], capture_output=True, check=False)
        return process.stdout if process.returncode == 0 else None

    def ls(self, path):
        process = subprocess.run([*self.prefix(), "ls", str(path)], capture_output=True, text=True, check=False)
        return process.stdout.split() if process.returncode == 0 else None


class SystemTest(EndToEndTest):
    """A test in such a world. The daemon is up after start_daemon()."""

    def setUp(self):
        super().setUp()
        folder = self.box.folder
        folder.chmod(0o711)
        for name, text in (("passwd", f"batuta:x:{DAEMON_UID}:{GROUP}::/nonexistent:/usr/sbin/nologin\n"),
                           ("group", f"batuta:x:{GROUP}:\n")):
            (folder / name).write_text(pathlib.Path("/etc", name).read_text() + text)
        for path in (self.box.cache, self.box.state):
            path.mkdir(parents=True)
            os.chown(path, DAEMON_UID, GROUP)
        self.box.state.parent.chmod(0o711)
        self.namespace = subprocess.Popen(["unshare", "-m", "sh", "-c", MAKE_WORLD.format(uid=DAEMON_UID, group=GROUP, folder=folder)])
        self.box.processes.append(self.namespace)
        wait_until(lambda: (folder / "world-is-made").exists() or self.namespace.poll() is not None, "the machine to be made")
        self.assertIsNone(self.namespace.poll(), "the machine could not be made")
        self.root = User(self, "root", 0, groups=())

    def user(self, name, uid, token=None):
        return User(self, name, uid, token)

    def start_daemon(self, *args, config=""):
        path = self.box.folder / "config.toml"
        path.write_text(config)
        prefix = ["nsenter", "-t", str(self.namespace.pid), "-m", "setpriv", f"--reuid={DAEMON_UID}", f"--regid={GROUP}", "--clear-groups"]
        env = {"HOME": "/nonexistent", "XDG_STATE_HOME": "", "XDG_CONFIG_HOME": "", "XDG_RUNTIME_DIR": "", "HF_HUB_CACHE": "", "BATUTA_SOCKET": ""}
        self.daemon = self.box.daemon("--system", "--socket", SOCKET, "--state-dir", str(self.box.state), "--cache-dir", str(self.box.cache),
                                      "--config", str(path), *args, prefix=prefix, env=env, wait=False)
        wait_until(lambda: self.daemon.poll() is not None or self.root.batuta("daemon", "status", "--format", "quiet").code == 0,
                   "the daemon to answer")
        self.assertIsNone(self.daemon.poll(), self.box.daemon_log())
        return self.daemon
