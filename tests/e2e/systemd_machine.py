"""A machine that systemd runs: the real one, as process 1 of namespaces of its own, on a copy of this root that forgets what is written
to it. The network is this machine's. Needs root, and nothing else is touched."""

import os
import pathlib
import shutil
import subprocess
import tempfile

from harness import BATUTA, BATUTAD, PATIENCE_S, SLOWNESS, wait_until
from service_manager import unit

BOOT = """
set -eu
place=$1 programs=$2 units=$3 console=$4
mount -t tmpfs tmpfs "$place"
mkdir "$place/upper" "$place/work" "$place/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$place/upper,workdir=$place/work" "$place/root"
cd "$place/root"
mkdir -p machine before
cp -r "$units" machine/units
for file in $programs; do cp "$file" usr/bin/; done
mount --make-private -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mount -t proc proc proc
mount --rbind /dev dev
mount --bind "$console" dev/console
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
pivot_root . before
umount -l before
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin SYSTEMD_UNIT_PATH=/machine/units \\
  /lib/systemd/systemd --system --unit=multi-user.target --log-target=console --show-status=0
"""

# Of systemd's own units only these, empty: what is tested is all that runs.
TARGETS = ("sysinit", "basic", "shutdown", "sockets", "multi-user")


class SystemdMachine:
    """`run()` is a shell on it, as root or as somebody else."""

    def __init__(self, drop_in="", programs=(BATUTA, BATUTAD)):
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="batuta-systemd-"))
        units = self._folder / "units"
        (units / "batutad.service.d").mkdir(parents=True)
        (self._folder / "root").mkdir()
        for name in TARGETS:
            (units / f"{name}.target").write_text("[Unit]\nDefaultDependencies=no\n")
        for name in ("batutad.service", "batutad.socket"):
            shutil.copy(unit("system", name), units)
        if SLOWNESS > 1:  # a sanitizer's build: the leak check at its end wants ptrace, which the unit forbids
            drop_in += "Environment=ASAN_OPTIONS=detect_leaks=0\n"
        # There is no journal.
        (units / "batutad.service.d" / "test.conf").write_text(f"[Service]\nStandardError=append:/machine/batutad.log\n{drop_in}")
        for kind in ("sysusers.d", "tmpfiles.d"):
            shutil.copy(unit(kind, "batuta.conf"), units / f"{kind}.conf")
        self._log = open(self._folder / "console", "w+b")
        self._others = []
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL",  # a test that is killed leaves no machine behind
             "unshare", "--mount", "--pid", "--fork", "--kill-child", "--cgroup", "--ipc", "--uts", "--propagation", "private",
             "bash", "-c", BOOT, "boot", str(self._folder / "root"), " ".join(programs), str(units), self._log.name],
            stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)
        self._first = wait_until(self._find_first, "the first process of the machine")
        wait_until(self._is_up, "systemd to run")
        self.run("systemd-sysusers", "/machine/units/sysusers.d.conf")
        self.run("systemd-tmpfiles", "--create", "/machine/units/tmpfiles.d.conf")

    def _find_first(self):
        if self._process.poll() is not None:
            raise AssertionError("the machine did not start: " + self.console())
        children = pathlib.Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        return int(children[0]) if children else None

    def _is_up(self):
        if self._process.poll() is not None:
            raise AssertionError("the machine ended: " + self.console())
        comm = pathlib.Path(f"/proc/{self._first}/comm").read_text().strip()
        return comm == "systemd" and self.run("systemctl", "is-active", "multi-user.target", check=False).stdout.strip() == "active"

    def console(self):
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def run(self, *command, user=None, env=None, check=True):
        prefix = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"] if user else []
        variables = [f"{name}={value}" for name, value in {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": f"/home/{user}", **(env or {})}.items()]
        result = subprocess.run(["nsenter", f"--target={self._first}", "--all", "--root", "--wd", *prefix, "env", "-i", *variables, *command],
                                capture_output=True, text=True, check=False, timeout=PATIENCE_S * 2, stdin=subprocess.DEVNULL)
        if check and result.returncode != 0:
            raise AssertionError(f"{command}: exit {result.returncode}\n{result.stdout}{result.stderr}{self.daemon_log()}")
        return result

    def start_user_manager(self, user):
        """What a login would start; returns the variables by which programs of the user find it."""
        runtime = f"/run/user/{self.run('id', '-u', user).stdout.strip()}"
        group = f"/sys/fs/cgroup/{user}"
        self.run("sh", "-ec", f"mkdir -p {group} {runtime}; chmod 700 {runtime}; "
                              f"chown {user} {runtime} {group} {group}/cgroup.procs {group}/cgroup.subtree_control")
        units = self.path("/machine/user-units")
        units.mkdir()
        for name in TARGETS:
            (units / f"{name}.target").write_text("[Unit]\nDefaultDependencies=no\n")
        for name in ("batutad.service", "batutad.socket"):
            shutil.copy(unit("user", name), units)
        env = {"XDG_RUNTIME_DIR": runtime, "SYSTEMD_UNIT_PATH": "/machine/user-units"}
        script = (f"echo $$ > {group}/cgroup.procs; exec setpriv --reuid={user} --regid={user} --init-groups env -i HOME=/home/{user} "
                  + " ".join(f"{name}={value}" for name, value in env.items())
                  + " /lib/systemd/systemd --user --unit=basic.target --log-target=console --show-status=0")
        self._others.append(subprocess.Popen(["nsenter", f"--target={self._first}", "--all", "--root", "--wd", "sh", "-ec", script],
                                             stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log))
        wait_until(lambda: self.run("systemctl", "--user", "is-active", "basic.target", user=user, env=env, check=False).returncode == 0,
                   "the user's manager")
        return env

    def path(self, inside):
        """A file of the machine, as seen from here."""
        return pathlib.Path(f"/proc/{self._first}/root") / inside.lstrip("/")

    def daemon_log(self):
        path = self.path("/machine/batutad.log")
        return path.read_text(errors="replace") if path.exists() else ""

    def show(self, *names, of="batutad.service"):
        lines = self.run("systemctl", "show", of, *[f"--property={name}" for name in names]).stdout.splitlines()
        values = dict(line.split("=", 1) for line in lines)
        return values[names[0]] if len(names) == 1 else values

    def main_pid(self):
        """Of the daemon, as this side counts; None when there is none."""
        inside = self.show("MainPID")
        for status in pathlib.Path("/proc").glob("[0-9]*/status"):
            try:
                numbers = next(line.split()[1:] for line in status.read_text().splitlines() if line.startswith("NSpid:"))
                if len(numbers) > 1 and numbers[-1] == inside and os.readlink(status.with_name("ns") / "pid") == os.readlink(
                        f"/proc/{self._first}/ns/pid"):
                    return int(status.parent.name)
            except (OSError, StopIteration):
                continue  # it has ended
        return None

    def close(self):
        for process in [self._process, *self._others]:  # all that runs on it goes with its first process
            process.kill()
            process.wait()
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)
