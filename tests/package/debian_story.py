"""The packages in a Debian of their own (BATUTA_ROOT), from the first installation to the last purge. Run by debian.sh, as root.

A small stand-in for systemd opens the socket as batutad.socket says and hands it over; everything else is what users and
administrators type.
"""

import os
import pathlib
import re
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))

from harness import Hub, Sandbox, wait_until

ROOT = pathlib.Path(os.environ["BATUTA_ROOT"])
PLAIN = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", "HOME": "/root"}


class System:
    """The Debian in ROOT."""

    def run(self, *command, user=None, env=None, code=0):
        words = ["chroot", str(ROOT)]
        env = {**PLAIN, **(env or {})}
        if user:
            words += ["setpriv", "--reuid", user, "--regid", user, "--init-groups"]
            env["HOME"] = f"/home/{user}"
        done = subprocess.run([*words, *command], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=900, check=False)
        if done.returncode != code:
            raise AssertionError(f"{' '.join(command)} as {user or 'root'}: exit {done.returncode} instead of {code}\n{done.stdout}")
        return done.stdout

    def apt(self, *words, env=None):
        return self.run("apt-get", "-q", "-y", "-o", "Dpkg::Use-Pty=0", "-o", "APT::Install-Recommends=0", *words, env=env)

    def path(self, path):
        return ROOT / path.lstrip("/")

    def group(self, name):
        for line in self.path("/etc/group").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return line.split(":")
        return None

    def deb(self, name):
        return "/debs/" + next(path.name for path in sorted(self.path("/debs").iterdir())
                               if re.match(rf"{re.escape(name)}_[^+]*\.deb$", path.name))


class Service:
    """Does for the daemon what systemd does by batutad.socket and batutad.service."""

    def __init__(self, system, box):
        socket = system.path("/run/batuta/batutad.sock")
        socket.parent.mkdir(exist_ok=True)
        socket.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            ["systemd-socket-activate", "-l", str(socket), "chroot", str(ROOT), "setpriv", "--reuid", "batuta", "--regid", "batuta",
             "--init-groups", "/usr/bin/batutad", "--system", "--foreground"],
            env=PLAIN, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=box.log("batutad.log"))
        box.processes.append(self.process)
        wait_until(socket.exists, "the socket")
        os.chown(socket, 0, int(system.group("batuta")[2]))
        os.chmod(socket, 0o660)

    def stop(self):
        self.process.terminate()
        return self.process.wait(90)


class DebianStory(unittest.TestCase):
    def setUp(self):
        self.box = Sandbox()
        self.addCleanup(self.box.close)
        self.system = System()
        self.hub = Hub(self.box)
        self.hub.commit("acme/otter", {"config.json": '{"a": 1}', "model.safetensors": {"size": 3_000_000, "seed": 1}})

    def tearDown(self):
        if any(error for _, error in getattr(self._outcome, "errors", [])):
            print(self.box.daemon_log()[-20_000:])

    def say(self, text):
        print(f"  {time.strftime('%H:%M:%S')} {text}", flush=True)

    def installed(self, package):
        return self.system.run("dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}\n", package)

    def use_as_user(self):
        """A member of the group pulls through the system's socket, reads what came, and is told of his job."""
        answer = self.system.run("batuta", "hf", "pull", "model", "acme/otter", "--format", "quiet", user="alice", env=self.env)
        snapshot = answer.strip().splitlines()[-1]
        self.assertTrue(snapshot.startswith("/var/cache/batuta/hub/models--acme--otter/snapshots/"), answer)
        self.assertEqual(self.system.run("cat", f"{snapshot}/config.json", user="alice"), '{"a": 1}')
        return self.system.run("batuta", "daemon", "status", "--format", "json", user="alice", env=self.env)

    def test_installed_used_upgraded_removed_and_purged(self):
        system = self.system
        self.say("install")
        system.apt("update")
        system.apt("install", *(system.deb(name) for name in ("batuta", "batutad")))
        self.check_what_is_there()

        system.run("useradd", "--create-home", "--groups", "batuta", "alice")
        system.run("useradd", "--create-home", "bob")
        config = system.path("/etc/batuta/config.toml")
        config.write_text(config.read_text() + f'\nendpoint = "{self.hub.endpoint}"\n')
        self.env = {"HF_ENDPOINT": self.hub.endpoint, "BATUTA_NO_SPAWN": "1"}

        self.say("pull as a user")
        service = Service(system, self.box)
        status = self.use_as_user()
        self.assertIn('"mode":"system"', status.replace(" ", ""))
        self.say("refuse who is no member")
        refused = system.run("batuta", "hf", "cache", "ls", user="bob", env=self.env, code=3)
        self.assertIn("batuta", refused)
        self.assertEqual(service.stop(), 0, self.box.daemon_log())

        self.say("upgrade and downgrade")
        for package in (self.next_version("batutad"), system.deb("batutad")):
            system.apt("install", "--allow-downgrades", package)
            self.assertIn(self.hub.endpoint, config.read_text(), "the administrator's lines are kept")
            requests = len(self.hub.requests())
            service = Service(system, self.box)
            self.use_as_user()
            self.assertEqual(len([entry for entry in self.hub.requests()[requests:] if "/resolve/" in entry["path"]]), 0)
            jobs = system.run("batuta", "hf", "jobs", "ls", "--format", "json", user="alice", env=self.env)
            self.assertIn("acme/otter", jobs)
            self.assertEqual(service.stop(), 0, self.box.daemon_log())

        self.say("remove")
        system.apt("remove", "batutad")
        self.assertTrue(system.path("/var/lib/batuta/catalog").exists())
        self.assertTrue(config.exists())
        self.assertFalse(system.path("/usr/bin/batutad").exists())

        self.say("purge")
        self.assertIn("/var/cache/batuta is kept", system.apt("purge", "batutad"))
        self.assertFalse(system.path("/var/lib/batuta").exists())
        self.assertFalse(system.path("/etc/batuta").exists())
        self.assertTrue(list(system.path("/var/cache/batuta/hub").glob("models--acme--otter/blobs/*")))
        self.assertIsNotNone(system.group("batuta"))
        self.assertEqual(self.links(), [])

        self.say("install again, and purge with the cache")
        system.apt("install", system.deb("batutad"))
        self.check_what_is_there()
        system.apt("purge", "batutad", env={"BATUTA_PURGE_CACHE": "1"})
        self.assertFalse(system.path("/var/cache/batuta").exists())
        system.apt("purge", "batuta")
        left = subprocess.run(["find", str(ROOT), "-xdev", "-path", f"{ROOT}/debs", "-prune", "-o", "-path", f"{ROOT}/var/lib/dpkg",
                               "-prune", "-o", "-name", "*batuta*", "-print"], capture_output=True, text=True, check=True).stdout
        self.assertEqual(left, "")

    def check_what_is_there(self):
        system = self.system
        for package in ("batuta", "batutad"):
            if package == "batutad" or system.path("/usr/bin/batuta").exists():
                self.assertIn("installed", self.installed(package))
        account = next(line for line in system.path("/etc/passwd").read_text().splitlines() if line.startswith("batuta:")).split(":")
        self.assertEqual([account[4].rstrip(","), *account[5:]], ["Batuta daemon", "/var/lib/batuta", "/usr/sbin/nologin"])
        self.assertLess(int(account[2]), 1000)
        self.assertIsNotNone(system.group("batuta"))
        for folder, mode in (("/var/lib/batuta", 0o700), ("/var/cache/batuta", 0o750)):
            info = system.path(folder).stat()
            self.assertEqual((info.st_uid, info.st_mode & 0o777), (int(account[2]), mode), folder)
        self.assertTrue(system.path("/etc/batuta/config.toml").exists())
        self.assertEqual(self.links(), ["multi-user.target.wants/batutad.service", "sockets.target.wants/batutad.socket"])

    def links(self):
        """The units that are enabled."""
        folder = self.system.path("/etc/systemd/system")
        return sorted(str(path.relative_to(folder)) for path in folder.glob("*.wants/batutad.*"))

    def next_version(self, name):
        """The same package as a later version, as far as apt can tell."""
        folder = f"/debs/{name}-next"
        self.system.run("dpkg-deb", "-R", self.system.deb(name), folder)
        control = self.system.path(f"{folder}/DEBIAN/control")
        control.write_text(re.sub(r"^Version: (.*)$", r"Version: \1+next", control.read_text(), flags=re.MULTILINE))
        self.system.run("dpkg-deb", "-b", folder, f"/debs/{name}_9+next.deb")
        return f"/debs/{name}_9+next.deb"


class ClientLibraryStory(unittest.TestCase):
    def test_a_program_is_built_with_nothing_but_the_package(self):
        system = System()
        self.addCleanup(system.apt, "purge", "libbatuta-client-dev")  # the other story looks for what is left of all packages
        system.apt("install", "g++", "cmake", "make", "pkg-config", system.deb("libbatuta-client-dev"))
        example = "/usr/share/doc/libbatuta-client-dev/examples/cpp"
        system.run("cmake", "-S", example, "-B", "/tmp/example")
        system.run("cmake", "--build", "/tmp/example")
        self.assertIn("/tmp/nowhere.sock", system.run("/tmp/example/cached", "/tmp/nowhere.sock", code=1))
        system.run("sh", "-c", f"g++ -std=c++17 {example}/cached.cc -o /tmp/cached $(pkg-config --cflags --libs batuta-client)")
        self.assertIn("/tmp/nowhere.sock", system.run("/tmp/cached", "/tmp/nowhere.sock", code=1))


if __name__ == "__main__":
    unittest.main()
