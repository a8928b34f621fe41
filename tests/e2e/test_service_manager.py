"""The daemon under a service manager: handed-over sockets, readiness, status, watchdog, reload; and the units themselves."""

import os
import re
import signal
import socket
import subprocess
import threading
import time
import unittest

import one_thread
from harness import BATUTAD, EndToEndTest, SLOWNESS, wait_until
from service_manager import Manager, unit

MB = 1_000_000


class ManagedCase(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.hub = self.box.hub()
        self.hub.commit("acme/otter", {"config.json": "{}"})
        self.manager = Manager(self.box)
        self.addCleanup(self.manager.close)

    def configure(self, text):
        config = self.box.folder / "config" / "batuta" / "config.toml"
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text(text)
        return config

    def config_in_force(self):
        return {entry["key"]: entry for entry in self.box.batuta("daemon", "config", "--format", "json").json["values"]}


class ActivationTest(ManagedCase):
    def test_who_connects_before_the_daemon_is_there_is_served_by_it(self):
        self.manager.listen()
        client = self.box.start_batuta("hf", "pull", "model", "acme/otter", "--format", "json")

        self.manager.start()

        _, err = client.communicate()
        self.assertEqual(client.returncode, 0, err)
        self.assert_tree_is_sound()

    def test_socket_stays_when_the_daemon_leaves_and_the_next_one_serves_who_came_between(self):
        self.manager.listen()
        self.manager.start().terminate()
        self.assertEqual(self.manager.end(), 0)
        self.assertTrue(self.box.socket.exists())
        client = self.box.start_batuta("hf", "pull", "model", "acme/otter", "--format", "json")

        self.manager.start()

        self.assertEqual(client.communicate() and client.returncode, 0)

    def test_idle_daemon_leaves_with_success_and_leaves_the_socket(self):
        self.manager.listen()
        self.manager.start("--idle-timeout", "1s")
        self.assertEqual(self.manager.end(), 0)
        self.assertEqual(self.manager.told("STOPPING"), ["1"])
        self.assertTrue(self.box.socket.exists())
        client = self.box.start_batuta("daemon", "status", "--format", "quiet")
        self.manager.start("--idle-timeout", "1s")
        self.assertEqual(client.communicate() and client.returncode, 0)

    def test_stop_by_command_does_not_start_the_next_one(self):
        listening = self.manager.listen()
        self.manager.start()
        self.assertEqual(self.box.batuta("daemon", "stop").code, 0)
        self.assertEqual(self.manager.end(), 0)
        listening.setblocking(False)
        with self.assertRaises(BlockingIOError, msg="nobody waits to be served"):
            listening.accept()

    def test_where_it_listens_is_the_managers_choice(self):
        elsewhere = self.box.folder / "run" / "elsewhere.sock"
        self.manager.listen()
        self.manager.start("--socket", str(elsewhere))
        self.assertFalse(elsewhere.exists())
        entry = self.config_in_force()["socket"]
        self.assertEqual((entry["value"], entry["origin"]), (str(self.box.socket), "service manager"))
        self.assertIn(str(self.box.socket), (self.box.state / "daemon.lock").read_text())

    def test_what_is_no_socket_to_serve_is_a_configuration_error_that_no_restart_mends(self):
        for make in (lambda: self.manager.listen(kind=socket.SOCK_DGRAM), lambda: self.manager.listen(backlog=0)):
            make()
            self.manager.start(wait=False)
            self.assertEqual(self.manager.end(), 2)
            self.assertIn("no listening Unix stream socket", self.box.daemon_log())
            self.manager.sockets.pop().close()
            self.box.socket.unlink()
        self.assertEqual(self.manager.told("READY"), [])

    def test_sockets_for_another_process_are_left_alone(self):
        self.manager.listen(self.box.folder / "run" / "theirs.sock")
        self.manager.start(env={"LISTEN_PID": "1"})
        self.assertEqual(self.box.batuta("daemon", "status", "--format", "quiet").code, 0)
        self.assertEqual(self.config_in_force()["socket"]["origin"], "environment BATUTA_SOCKET")


class NotificationTest(ManagedCase):
    def test_ready_is_said_once_when_it_serves_and_not_before(self):
        self.manager.start()
        self.assertEqual(self.box.batuta("daemon", "status", "--format", "quiet").code, 0)
        self.manager.drain()
        self.assertEqual(self.manager.told("READY"), ["1"])
        ready = next(i for i, message in enumerate(self.manager.messages) if "READY" in message)
        starting = [i for i, message in enumerate(self.manager.messages) if message.get("STATUS", "").startswith("starting: ")]
        self.assertTrue(starting)
        self.assertLess(max(starting), ready)

    def test_phases_of_a_start_that_may_take_long_ask_for_the_time(self):
        self.manager.start()
        extended = [message for message in self.manager.messages if "EXTEND_TIMEOUT_USEC" in message]
        self.assertIn("starting: opening the catalog and the cache", [message["STATUS"] for message in extended])
        self.assertTrue(all(int(message["EXTEND_TIMEOUT_USEC"]) >= 60_000_000 for message in extended), extended)

    def test_status_follows_the_jobs(self):
        self.hub.commit("acme/large", {"model.safetensors": {"size": 20 * MB, "seed": 1}})
        self.hub.fault(kind="slow", listener="cdn", count="always", bytes_per_second=100_000)
        self.manager.start()
        job = self.box.batuta("hf", "pull", "model", "acme/large", "--detach", "--format", "quiet").out.strip()
        self.manager.wait_for("STATUS", "jobs: 1 running")
        self.box.batuta("hf", "jobs", "pause", job)
        self.manager.wait_for("STATUS", "jobs: 1 paused")
        self.hub.clear_faults()
        self.box.batuta("hf", "jobs", "resume", job)
        self.manager.wait_for("STATUS", "no jobs")

    def test_status_says_that_the_rate_limit_is_waited_for_and_until_when(self):
        self.hub.fault(kind="status", path="config.json", status=429, count=1, headers={"Retry-After": "3000"})
        self.manager.start()
        self.box.batuta("hf", "pull", "model", "acme/otter", "--detach")
        told = self.manager.wait_for("STATUS", "jobs: 1 waiting (rate limit, until …")["STATUS"]
        self.assertRegex(told, r"until \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\)$")

    def test_stop_is_announced_and_a_job_goes_on_at_the_next_start(self):
        self.hub.commit("acme/large", {"model.safetensors": {"size": 20 * MB, "seed": 1}})
        self.hub.fault(kind="slow", listener="cdn", count="always", bytes_per_second=100_000)
        self.manager.start()
        job = self.box.batuta("hf", "pull", "model", "acme/large", "--detach", "--format", "quiet").out.strip()
        self.manager.wait_for("STATUS", "jobs: 1 running")

        self.manager.process.terminate()
        self.assertEqual(self.manager.end(), 0)
        self.assertEqual(self.manager.told("STOPPING"), ["1"])

        self.hub.clear_faults()
        self.manager.start()
        wait_until(lambda: {each["id"]: each["state"] for each in self.box.batuta("hf", "jobs", "ls", "--format", "json").json["jobs"]}
                   .get(job) == "done", "the job to be done")
        self.assert_tree_is_sound()

    def test_start_that_fails_is_never_ready_and_says_by_its_code_whether_another_try_helps(self):
        self.manager.start()
        second = Manager.__new__(Manager)
        second.__dict__.update(self.manager.__dict__, messages=[])
        second.start(wait=False)
        self.assertEqual(second.end(), 3)
        self.configure("[transfer]\nconections = 3\n")
        second.start("--state-dir", str(self.box.folder / "other"), wait=False)
        self.assertEqual(second.end(), 2)
        self.assertEqual(second.told("READY"), [])
        prevented = re.search(r"^RestartPreventExitStatus=(.*)$", unit("system", "batutad.service").read_text(), re.M).group(1)
        self.assertEqual(prevented.split(), ["2", "3"])

    def test_daemon_that_a_service_starts_by_a_command_does_not_speak_to_its_manager(self):
        env = {"BATUTA_NO_SPAWN": "", "NOTIFY_SOCKET": str(self.box.folder / "notify"), "WATCHDOG_USEC": "1000000", "LISTEN_FDS": "1"}
        self.assertEqual(self.box.batuta("hf", "pull", "model", "acme/otter", env=env).code, 0)
        pid = self.box.batuta("daemon", "status", "--format", "json").json["pid"]
        self.addCleanup(lambda: os.path.exists(f"/proc/{pid}") and os.kill(pid, signal.SIGTERM))
        with open(f"/proc/{pid}/environ", "rb") as stream:
            names = [entry.partition(b"=")[0].decode() for entry in stream.read().split(b"\0")]
        self.assertEqual([name for name in names if re.match("NOTIFY_|LISTEN_|WATCHDOG_", name)], [])
        self.manager.drain()
        self.assertEqual(self.manager.messages, [])


class WatchdogTest(ManagedCase):
    WATCHDOG_S = 0.5 * SLOWNESS

    def test_core_that_hangs_is_silent_while_everything_else_of_the_daemon_lives(self):
        process = self.manager.start(watchdog_s=self.WATCHDOG_S)
        for _ in range(3):
            self.manager.wait_for("WATCHDOG", "1")

        with one_thread.stopped(one_thread.find(process.pid, "core")):
            self.manager.drain()
            before = len(self.manager.told("WATCHDOG"))
            deadline = time.monotonic() + 3 * self.WATCHDOG_S  # what is looked for is silence
            while time.monotonic() < deadline:
                self.manager.read(deadline - time.monotonic())
            self.assertEqual(len(self.manager.told("WATCHDOG")), before)
            # Nobody would see it from outside: connections are accepted, and main() reads the configuration again as far as that goes.
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(self.box.socket))
                client.settimeout(60)
                client.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))  # and settings: none
                self.assertTrue(client.recv(9), "the settings of HTTP/2")
            self.assertIsNone(process.poll())

        self.manager.wait_for("WATCHDOG", "1")

    def test_daemon_that_the_watchdog_ended_goes_on_from_its_journal(self):
        self.hub.commit("acme/large", {"model.safetensors": {"size": 20 * MB, "seed": 1}})
        self.hub.fault(kind="slow", listener="cdn", count="always", bytes_per_second=100_000)
        self.manager.listen()
        process = self.manager.start(watchdog_s=self.WATCHDOG_S)
        job = self.box.batuta("hf", "pull", "model", "acme/large", "--detach", "--format", "quiet").out.strip()
        self.manager.wait_for("STATUS", "jobs: 1 running")
        with one_thread.stopped(one_thread.find(process.pid, "core")):
            process.send_signal(signal.SIGABRT)
        self.assertEqual(process.wait(60), -signal.SIGABRT)
        self.hub.clear_faults()
        self.manager.start(watchdog_s=self.WATCHDOG_S)
        wait_until(lambda: self.box.batuta("hf", "jobs", "watch", job, "--format", "json").code == 0, "the job to be done")
        self.assert_tree_is_sound()

    def test_daemon_without_a_watchdog_does_not_ping(self):
        self.manager.start()
        self.box.batuta("hf", "pull", "model", "acme/otter")
        self.manager.process.terminate()
        self.assertEqual(self.manager.end(), 0)
        self.assertEqual(self.manager.told("WATCHDOG"), [])


class ReloadTest(ManagedCase):
    BEFORE = '[log]\nlevel = "info"\n[transfer]\nlimit_rate = "1M"\nconnections = 8\n'

    def reload(self):
        self.manager.process.send_signal(signal.SIGHUP)
        reloading = self.manager.wait_for("RELOADING", "1")
        self.manager.wait_for("READY", "1")
        return reloading

    def test_what_can_change_in_a_running_daemon_follows_and_the_rest_is_named(self):
        self.configure(self.BEFORE)
        self.manager.start()
        self.configure('idle_timeout = "5h"\n[log]\nlevel = "debug"\n[transfer]\nlimit_rate = "7M"\nconnections = 9\n'
                       '[cache]\nmax_size = "900GB"\nverify_rate = "3M"\n')

        begin = time.monotonic_ns() // 1000
        reloading = self.reload()

        self.assertTrue(begin <= int(reloading["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000)
        config = self.config_in_force()
        values = {key: config[key]["value"] for key in ("idle_timeout", "log.level", "transfer.limit_rate", "cache.max_size",
                                                        "cache.verify_rate", "transfer.connections")}
        self.assertEqual(values, {"idle_timeout": "5h", "log.level": "debug", "transfer.limit_rate": "7M", "cache.max_size": "900GB",
                                  "cache.verify_rate": "3M", "transfer.connections": "8"})
        status = self.box.batuta("daemon", "status", "--format", "json").json
        self.assertEqual(status["limit_bytes_per_second"], 7_000_000)
        self.assertEqual(self.box.batuta("hf", "cache", "df", "--format", "json").json["max_bytes"], 900_000_000_000)
        log = self.box.daemon_log()
        self.assertIn("setting needs a restart key=transfer.connections", log)
        self.assertEqual(log.count("setting needs a restart"), 1)
        self.assertRegex(log, r"configuration reloaded applied=\S*transfer\.limit_rate")

    def test_quota_that_was_reloaded_refuses_what_it_would_have_admitted(self):
        self.hub.commit("acme/large", {"model.safetensors": {"size": 5 * MB, "seed": 1}})
        self.manager.start()
        self.configure('[cache]\nmax_size = "1MB"\n')
        self.reload()
        self.assertEqual(self.box.pull("model", "acme/large", code=7)["reason"], "DISK_FULL")

    def test_idle_time_that_was_reloaded_lets_the_daemon_leave(self):
        self.manager.start("--config", str(self.configure('idle_timeout = "0"\n')))
        self.configure('idle_timeout = "1s"\n')
        self.reload()
        self.assertEqual(self.manager.end(), 0)

    def test_broken_file_changes_nothing_and_is_named_with_its_line(self):
        config = self.configure(self.BEFORE)
        self.manager.start()
        for broken in ("[transfer\n", "[transfer]\nlimit_rate = \"9M\"\nconections = 8\n", "[cache]\nhigh_water = 200\n"):
            config.write_text(broken)
            self.reload()
            self.assertEqual(self.config_in_force()["transfer.limit_rate"]["value"], "1M")
            self.assertEqual(self.box.batuta("daemon", "status", "--format", "json").json["limit_bytes_per_second"], 1_000_000)
        errors = [line for line in self.box.daemon_log().splitlines() if "configuration not reloaded" in line]
        self.assertEqual([line.split()[1] for line in errors], ["error"] * 3)
        for line, where in zip(errors, ("config.toml:1", "config.toml:3", "config.toml:2")):
            self.assertIn(where, line)
        config.write_text(self.BEFORE.replace("1M", "2M"))
        self.reload()
        self.assertEqual(self.config_in_force()["transfer.limit_rate"]["value"], "2M")

    def test_socket_of_the_manager_is_no_changed_setting(self):
        self.manager.listen()
        self.manager.start("--socket", str(self.box.folder / "run" / "elsewhere.sock"))
        self.reload()
        self.assertEqual(self.config_in_force()["socket"]["origin"], "service manager")
        self.assertNotIn("needs a restart", self.box.daemon_log())

    def test_many_reloads_while_calls_read_the_configuration(self):
        self.configure(self.BEFORE)
        self.manager.start()
        done = threading.Event()
        results = []

        def ask():
            while not done.is_set():
                results.append(self.config_in_force()["transfer.limit_rate"]["value"])

        reader = threading.Thread(target=ask)
        reader.start()
        for number in range(20):
            self.configure(self.BEFORE.replace("1M", f"{number + 1}M"))
            self.reload()
        done.set()
        reader.join()
        self.assertLessEqual(set(results), {f"{number + 1}M" for number in range(20)})
        self.assertEqual(self.config_in_force()["transfer.limit_rate"]["value"], "20M")


class SocketActivateTest(EndToEndTest):
    def test_first_command_starts_the_daemon_through_systemd_socket_activate(self):
        hub = self.box.hub()
        hub.commit("acme/otter", {"config.json": "{}"})
        variables = [argument for name, value in self.box.env.items() for argument in ("-E", f"{name}={value}")]
        activator = subprocess.Popen(["systemd-socket-activate", "-l", str(self.box.socket), *variables, BATUTAD, "--foreground"],
                                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.box.log("batutad.log"))
        self.box.processes.append(activator)
        wait_until(self.box.socket.exists, "the socket")

        document = self.box.pull("model", "acme/otter")

        self.assertEqual([file["status"] for file in document["files"]], ["downloaded"])
        status = self.box.batuta("daemon", "status", "--format", "json").json
        self.assertEqual(status["pid"], activator.pid, "it has become the daemon")
        self.assertEqual(os.readlink(f"/proc/{activator.pid}/exe"), os.path.realpath(BATUTAD))
        activator.terminate()
        self.assertEqual(activator.wait(60), 0)
        self.assertTrue(self.box.socket.exists())


class UnitTest(EndToEndTest):
    """The files of systemd/, as far as its own tools judge them."""

    def copy(self, mode):
        """The units of a mode, with the daemon of this build in the place of the installed one."""
        folder = self.box.folder / mode
        folder.mkdir()
        for name in ("batutad.service", "batutad.socket"):
            text = unit(mode, name).read_text()
            (folder / name).write_text(text.replace("/usr/bin/batutad", BATUTAD))
        return [str(folder / name) for name in ("batutad.service", "batutad.socket")]

    def analyze(self, *args):
        result = subprocess.run(["systemd-analyze", *args], capture_output=True, text=True, check=False, timeout=120,
                                env={**os.environ, "XDG_RUNTIME_DIR": str(self.box.folder / "run"), "SYSTEMD_COLORS": "0"})
        return result.returncode, result.stdout + result.stderr

    def test_units_are_free_of_mistakes(self):
        for mode in ("system", "user"):
            code, said = self.analyze("verify", f"--{mode}", "--man=no", *self.copy(mode))
            own = [line for line in said.splitlines() if "batuta" in line]
            self.assertEqual((code, own), (0, []), said)

    def test_system_service_is_exposed_to_no_more_than_a_tenth_above_one(self):
        code, said = self.analyze("security", "--offline=true", "--threshold=12", str(unit("system", "batutad.service")))
        self.assertEqual(code, 0, said)
        self.assertRegex(said, r"Overall exposure level for batutad.service: (0\.\d|1\.[0-2]) OK")

    def test_each_relaxation_stands_below_its_reason(self):
        lines = unit("system", "batutad.service").read_text().splitlines()
        begin = next(i for i, line in enumerate(lines) if line.startswith("# --- What it may do all the same"))
        settings = set()
        explained = False
        for line in lines[begin + 1:lines.index("[Install]")]:
            if not line:
                continue
            if not line.startswith("#"):
                self.assertTrue(explained, f"{line}: why?")
                settings.add(line.split("=")[0])
            explained = True
        self.assertEqual(settings, {"RestrictAddressFamilies", "ProcSubset", "DeviceAllow", "BindPaths", "PrivateUsers", "UMask"})

    def test_account_and_folders_come_into_being(self):
        root = self.box.folder / "root"
        (root / "etc").mkdir(parents=True)
        conf = lambda kind: str(unit(kind, "batuta.conf"))
        subprocess.run(["systemd-sysusers", f"--root={root}", conf("sysusers.d")], check=True, timeout=60)
        accounts = {line.split(":")[0]: line.split(":") for line in (root / "etc/passwd").read_text().splitlines()}
        groups = {line.split(":")[0]: line.split(":") for line in (root / "etc/group").read_text().splitlines()}
        self.assertEqual(accounts["batuta"][5:], ["/var/lib/batuta", "/usr/sbin/nologin"])
        self.assertEqual(accounts["batuta"][3], groups["batuta"][2])
        subprocess.run(["systemd-tmpfiles", f"--root={root}", "--create", conf("tmpfiles.d")], check=True, timeout=60)
        owner = int(accounts["batuta"][2])
        for path, mode in (("run/batuta", 0o755), ("var/lib/batuta", 0o700), ("var/cache/batuta", 0o750)):
            info = (root / path).stat()
            self.assertEqual((info.st_mode & 0o7777, info.st_uid, info.st_gid), (mode, owner, int(groups["batuta"][2])), path)


if __name__ == "__main__":
    unittest.main()
