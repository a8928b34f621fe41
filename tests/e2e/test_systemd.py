"""The system's units under the real systemd."""

import json
import os
import pathlib
import signal
import stat
import unittest

import one_thread
from harness import EndToEndTest, SLOWNESS, wait_until, write_repo, write_users
from systemd_machine import SystemdMachine

MB = 1_000_000
CACHE = "/var/cache/batuta/hub"


class SystemdTest(EndToEndTest):
    DROP_IN = ""

    def setUp(self):
        super().setUp()
        root = self.box.folder / "root"
        write_users(root, mira="hf_MiraMiraMiraMira", eve="hf_EveEveEveEve")
        write_repo(root, "acme/otter", {"config.json": "{}"})
        write_repo(root, "acme/gated", {"config.json": "{}"}, gated="manual", granted=["mira"])
        self.hub = self.box.hub(root)
        self.machine = SystemdMachine(self.DROP_IN)
        self.addCleanup(self.machine.close)
        self.machine.run("useradd", "--create-home", "--groups", "batuta", "mira")
        self.machine.run("useradd", "--create-home", "eve")
        self.configure()

    def tearDown(self):
        if any(error for _, error in getattr(self._outcome, "errors", [])):
            print(self.machine.console()[-10_000:], self.machine.daemon_log()[-10_000:])

    def configure(self, more=""):
        folder = self.machine.path("/etc/batuta")
        folder.mkdir(exist_ok=True)
        (folder / "config.toml").write_text(f'endpoint = "{self.hub.endpoint}"\n{more}')

    def batuta(self, *args, user="mira", check=True, env=None):
        env = {**(env or {}), "BATUTA_NO_SPAWN": "1", "HF_ENDPOINT": self.hub.endpoint, "HF_HUB_CACHE": CACHE, "NO_PROXY": "127.0.0.1"}
        return self.machine.run("batuta", *args, user=user, env=env, check=check)

    def pull(self, repo):
        return json.loads(self.batuta("hf", "pull", "model", repo, "--format", "json").stdout)

    def wait_for(self, **values):
        wait_until(lambda: self.machine.show(*values) == (values if len(values) > 1 else next(iter(values.values()))), values)


class ServiceTest(SystemdTest):
    def test_first_command_of_a_member_starts_it_and_others_stay_outside(self):
        self.machine.run("systemctl", "start", "batutad.socket")
        info = self.machine.path("/run/batuta/batutad.sock").stat()
        groups = dict(line.split(":")[0:3:2] for line in self.machine.path("/etc/group").read_text().splitlines())
        self.assertEqual((stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid), (0o660, 0, int(groups["batuta"])))
        self.assertEqual(self.machine.show("ActiveState"), "inactive")

        document = self.pull("acme/otter")

        self.assertEqual([file["status"] for file in document["files"]], ["downloaded"])
        self.assertTrue(document["path"].startswith(CACHE))
        self.assertEqual(self.machine.show("ActiveState", "SubState", "StatusText"),
                         {"ActiveState": "active", "SubState": "running", "StatusText": "no jobs"})
        self.assertEqual(self.batuta("daemon", "status", user="eve", check=False).returncode, 3)

    def test_it_is_shut_in_and_works(self):
        self.machine.run("systemctl", "start", "batutad.service")
        self.pull("acme/otter")
        self.batuta("hf", "cache", "verify", user=None)
        pid = self.machine.main_pid()
        status = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
        self.assertEqual({name: int(status[name], 16) for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")},
                         {"CapPrm": 0, "CapEff": 0, "CapBnd": 0, "CapAmb": 0})
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))
        self.assertNotIn("0", status["Uid"].split())

        inside = pathlib.Path(f"/proc/{pid}/root")
        self.assertEqual(list((inside / "home").iterdir()), [])
        self.assertEqual(list((inside / "root").iterdir()), [])
        mounts = [line.split() for line in pathlib.Path(f"/proc/{pid}/mounts").read_text().splitlines()]
        writable = {where for _, where, kind, options, *_ in mounts if "rw" in options.split(",")
                    and kind not in ("proc", "devpts", "mqueue", "hugetlbfs", "cgroup2")}
        self.assertLessEqual(writable, {"/var/lib/batuta", "/var/cache/batuta", "/tmp", "/var/tmp", "/dev/shm"})
        devices = {path.name for path in (inside / "dev").iterdir() if stat.S_ISCHR(path.lstat().st_mode) or stat.S_ISBLK(path.lstat().st_mode)}
        self.assertEqual({name for name in devices if not name.startswith("nvidia")},
                         {"null", "zero", "full", "random", "urandom", "tty", "ptmx"} & devices)

    def test_shut_in_it_closes_gated_content_to_other_members(self):
        self.machine.run("usermod", "--append", "--groups", "batuta", "eve")
        self.machine.run("systemctl", "start", "batutad.socket")
        path = json.loads(self.batuta("hf", "pull", "model", "acme/gated", "--format", "json", env={"HF_TOKEN": "hf_MiraMiraMiraMira"}).stdout)["path"]
        reads = lambda user: self.machine.run("cat", f"{path}/config.json", user=user, check=False).returncode == 0
        self.assertEqual({user: reads(user) for user in ("mira", "eve")}, {"mira": True, "eve": False})
        public = self.pull("acme/otter")["path"]
        self.machine.run("cat", f"{public}/config.json", user="eve")

    def test_it_sees_the_memory_of_the_machine(self):
        self.hub.commit("acme/small", {"model.safetensors": {"size": MB, "seed": 1}, "config.json": "{}"})
        self.machine.run("systemctl", "start", "batutad.socket")
        fit = json.loads(self.batuta("hf", "fit", "acme/small", "--format", "json", check=False).stdout or "{}")
        self.assertGreater(fit["memory"]["total_bytes"], 0)

    def test_reload_is_seen_through_and_a_broken_file_ends_nothing(self):
        self.machine.run("systemctl", "start", "batutad.service")
        pid = self.machine.main_pid()
        self.configure('[transfer]\nlimit_rate = "9M"\n')
        self.machine.run("systemctl", "reload", "batutad.service")
        wait_until(lambda: "configuration reloaded applied=transfer.limit_rate" in self.machine.daemon_log(), "the reload")
        self.configure("nonsense\n")
        self.machine.run("systemctl", "reload", "batutad.service")
        wait_until(lambda: "configuration not reloaded" in self.machine.daemon_log(), "the refusal")
        self.wait_for(ActiveState="active", SubState="running")
        self.assertEqual(self.machine.main_pid(), pid)

    def test_job_goes_on_by_itself_after_the_daemon_was_killed(self):
        self.hub.commit("acme/large", {"model.safetensors": {"size": 20 * MB, "seed": 1}})
        self.hub.fault(kind="slow", listener="cdn", count="always", bytes_per_second=100_000)
        self.machine.run("systemctl", "start", "batutad.socket")
        job = self.batuta("hf", "pull", "model", "acme/large", "--detach", "--format", "quiet").stdout.strip()
        self.wait_for(StatusText="jobs: 1 running")
        os.kill(self.machine.main_pid(), signal.SIGKILL)
        self.hub.clear_faults()
        self.wait_for(NRestarts="1", SubState="running")
        self.batuta("hf", "jobs", "watch", job)

    def test_stop_leaves_the_socket_and_the_next_command_starts_it_again(self):
        self.machine.run("systemctl", "start", "batutad.service")
        self.machine.run("systemctl", "stop", "batutad.service")
        self.assertEqual(self.machine.show("Result", "ExecMainStatus", "SubState"),
                         {"Result": "success", "ExecMainStatus": "0", "SubState": "dead"})
        self.pull("acme/otter")

    def test_configuration_that_cannot_be_used_is_not_tried_again(self):
        self.configure("nonsense\n")
        self.machine.run("systemctl", "start", "batutad.service", check=False)
        self.assertEqual(self.machine.show("Result", "ExecMainStatus", "NRestarts", "ActiveState"),
                         {"Result": "exit-code", "ExecMainStatus": "2", "NRestarts": "0", "ActiveState": "failed"})


class WatchdogTest(SystemdTest):
    DROP_IN = f"WatchdogSec={2 * SLOWNESS:g}s\nExecStopPost=/bin/sh -c 'echo $SERVICE_RESULT >> /var/lib/batuta/results'\n"

    def test_core_that_hangs_is_ended_and_replaced(self):
        self.machine.run("systemctl", "start", "batutad.service")
        pid = self.machine.main_pid()
        thread = one_thread.find(pid, "core")
        with one_thread.stopped(thread):
            # The process is not gone before its traced thread was waited for.
            wait_until(lambda: os.waitpid(thread, one_thread.WALL | os.WNOHANG)[0] == thread, "the thread to be killed")
        self.wait_for(NRestarts="1", SubState="running")
        self.assertEqual(self.machine.path("/var/lib/batuta/results").read_text(), "watchdog\n")
        self.assertNotEqual(self.machine.main_pid(), pid)
        self.pull("acme/otter")


class UserServiceTest(SystemdTest):
    def test_first_command_of_the_user_starts_it_and_nobody_else_may_use_it(self):
        env = self.machine.start_user_manager("mira")
        systemctl = lambda *args: self.machine.run("systemctl", "--user", *args, user="mira", env=env).stdout
        systemctl("start", "batutad.socket")
        path = f"{env['XDG_RUNTIME_DIR']}/batuta/batutad.sock"
        self.assertEqual(stat.S_IMODE(self.machine.path(path).stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(self.machine.path(path).parent.stat().st_mode), 0o700)

        env.update(BATUTA_NO_SPAWN="1", HF_ENDPOINT=self.hub.endpoint)
        document = json.loads(self.machine.run("batuta", "hf", "pull", "model", "acme/otter", "--format", "json", user="mira", env=env).stdout)

        self.assertTrue(document["path"].startswith("/home/mira/.cache/huggingface/hub/"))
        shown = dict(line.split("=", 1) for line in systemctl("show", "batutad.service", "-p", "SubState", "-p", "StatusText").splitlines())
        self.assertEqual(shown, {"SubState": "running", "StatusText": "no jobs"})
        systemctl("stop", "batutad.service")
        self.assertTrue(self.machine.path(path).exists())


if __name__ == "__main__":
    unittest.main()
