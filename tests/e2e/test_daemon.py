"""The daemon's life: start, stop, settings, strangers, a damaged or foreign catalog."""

import os
import pathlib
import shutil
import signal
import stat
import subprocess
import threading
import unittest

from harness import BATUTAD, EndToEndTest, kill_9, wait_until

NOBODY = 65534


def as_nobody():
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]


class LifeTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.hub = self.box.hub()
        self.hub.commit("acme/otter", {"config.json": "{}"})

    def test_without_a_daemon_and_without_leave_to_start_one_exit_3_says_how(self):
        result = self.box.batuta("hf", "cache", "ls")
        self.assertEqual(result.code, 3)
        self.assertIn("batuta daemon start", result.err)

    def test_client_starts_a_daemon_when_there_is_none_and_stops_it(self):
        env = {"BATUTA_NO_SPAWN": ""}
        self.assertEqual(self.box.batuta("hf", "pull", "model", "acme/otter", env=env).code, 0)
        pid = self.box.batuta("daemon", "status", "--format", "json").json["pid"]
        self.addCleanup(lambda: os.path.exists(f"/proc/{pid}") and os.kill(pid, signal.SIGKILL))

        self.assertEqual(self.box.batuta("daemon", "stop").code, 0)

        wait_until(lambda: not os.path.exists(f"/proc/{pid}") or
                   "Z" in pathlib.Path(f"/proc/{pid}/stat").read_text().split(")")[1], "the daemon to end")
        self.assertFalse(self.box.socket.exists())

    def test_many_clients_at_once_start_one_daemon(self):
        results = []
        run = lambda: results.append(self.box.batuta("hf", "pull", "model", "acme/otter", env={"BATUTA_NO_SPAWN": ""}))
        clients = [threading.Thread(target=run) for _ in range(6)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        self.assertEqual([result.code for result in results], [0] * 6, [result.err for result in results])
        pid = self.box.batuta("daemon", "status", "--format", "json").json["pid"]
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not self.box.socket.exists(), "the daemon to end")

    def test_second_daemon_on_the_same_state_names_the_first_and_exits_3(self):
        first = self.box.daemon()
        second = subprocess.run([BATUTAD], env=self.box.env, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(second.returncode, 3)
        self.assertIn(str(first.pid), second.stderr)
        self.assertEqual(self.box.batuta("daemon", "status").code, 0)

    def test_client_whose_state_folder_is_served_at_another_socket_is_told_where_at_once(self):
        first = self.box.daemon()
        env = {"BATUTA_SOCKET": str(self.box.folder / "run" / "other.sock"), "BATUTA_NO_SPAWN": ""}
        result = self.box.batuta("hf", "cache", "ls", env=env)
        self.assertEqual(result.code, 3, result.err)
        self.assertIn(f"process {first.pid} already serves", result.err)
        self.assertIn(f"BATUTA_SOCKET={self.box.socket}", result.err)
        # One start was enough to know.
        self.assertEqual((self.box.state / "batutad.log").read_text().count("already serves"), 1)

    def test_daemon_that_cannot_start_tells_the_client_why(self):
        result = self.box.batuta("hf", "cache", "ls", env={"BATUTA_NO_SPAWN": "", "HF_ENDPOINT": "nonsense"})
        self.assertEqual(result.code, 3)
        self.assertIn("nonsense", result.err)
        self.assertIn("http://", result.err)

    def test_daemon_started_offline_tells_online_callers_so(self):
        self.box.daemon(env={"HF_HUB_OFFLINE": "1"})
        for command in (["hf", "pull", "model", "acme/otter"], ["hf", "search", "models", "otter"]):
            result = self.box.batuta(*command)
            self.assertEqual(result.code, 10, result.err)
            self.assertIn("batuta daemon stop", result.err)
        self.assertEqual(self.hub.requests(), [])

    def test_offline_client_asks_neither_an_online_daemon_nor_the_hub(self):
        self.box.daemon()
        for command in (["hf", "search", "models", "otter"], ["hf", "info", "model", "acme/otter"],
                        ["hf", "files", "model", "acme/otter"], ["hf", "pull", "model", "acme/otter"]):
            result = self.box.batuta(*command, "--format", "json", env={"HF_HUB_OFFLINE": "1"})
            self.assertEqual(result.code, 10, result.err)
            self.assertEqual(result.error["reason"], "OFFLINE_MISS")
        self.assertEqual(self.hub.requests(), [])

    def test_socket_left_by_a_killed_daemon_is_taken_over(self):
        kill_9(self.box.daemon())
        self.assertTrue(self.box.socket.exists())
        self.box.daemon()

    def test_socket_and_state_are_closed_to_others(self):
        self.box.daemon()
        self.assertEqual(stat.S_IMODE(os.stat(self.box.socket).st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(self.box.state).st_mode), 0o700)

    def test_stranger_is_refused_even_where_the_file_modes_would_let_him(self):
        shared = self.box.folder / "shared"
        shared.mkdir(mode=0o755)
        self.box.folder.chmod(0o755)
        self.box.env["BATUTA_SOCKET"] = str(shared / "batutad.sock")
        self.box.daemon()
        os.chmod(shared / "batutad.sock", 0o666)

        stranger = self.box.batuta("daemon", "status", prefix=as_nobody())

        self.assertEqual(stranger.code, 3, stranger.out + stranger.err)
        self.assertIn("connection refused", self.box.daemon_log())
        self.assertEqual(self.box.batuta("daemon", "status").code, 0)

    def test_print_config_shows_values_with_their_origin(self):
        config = self.box.folder / "config" / "batuta" / "config.toml"
        config.parent.mkdir(parents=True)
        config.write_text("# mine\n[transfer]\nconnections = 12\n")
        shown = subprocess.run([BATUTAD, "--print-config", "--idle-timeout", "5m"], env=self.box.env, capture_output=True,
                               text=True, timeout=60, check=True).stdout
        self.assertIn(f'transfer.connections = "12"  # {config}:3', shown)
        self.assertIn('idle_timeout = "5m"  # flag --idle-timeout', shown)
        self.assertIn("# environment HF_ENDPOINT", shown)
        self.assertIn("# default", shown)

    def test_bad_configuration_names_file_line_and_key(self):
        config = self.box.folder / "config" / "batuta" / "config.toml"
        config.parent.mkdir(parents=True)
        for text, words in (("[transfer]\nconections = 12\n", (":2", "transfer.conections")),
                            ("[transfer]\nconnections = 0\n", (":2", "transfer.connections", "1 to 256")),
                            ("[transfer\n", (":1",))):
            config.write_text(text)
            result = subprocess.run([BATUTAD, "--print-config"], env=self.box.env, capture_output=True, text=True, timeout=60,
                                    check=False)
            self.assertEqual(result.returncode, 2)
            for word in words:
                self.assertIn(word, result.stderr)

    def test_client_with_another_hub_or_cache_is_told_so(self):
        self.box.daemon()
        for env in ({"HF_ENDPOINT": "http://127.0.0.1:9"}, {"HF_HUB_CACHE": str(self.box.folder / "elsewhere")}):
            result = self.box.batuta("hf", "cache", "ls", "--format", "json", env=env)
            self.assertEqual(result.code, 3)
            self.assertEqual(result.error["reason"], "DAEMON_MISMATCH")

    def test_stop_checkpoints_the_job_and_the_next_daemon_finishes_it(self):
        self.hub.commit("acme/large", {"model.safetensors": {"size": 12_000_000, "seed": 3}})
        self.hub.fault(kind="slow", listener="cdn", count="always", bytes_per_second=1_500_000)
        daemon = self.box.daemon()
        job = self.box.batuta("hf", "pull", "model", "acme/large", "--detach", "--format", "json").json["job_id"]
        wait_until(lambda: any(path.stat().st_blocks > 4_000 for path in self.box.cache.glob("*/blobs/*-part")), "some bytes")

        daemon.terminate()
        self.assertEqual(daemon.wait(60), 0, self.box.daemon_log())
        self.hub.clear_faults()
        self.hub.clear_log()
        self.box.daemon()

        self.assertEqual(self.box.batuta("hf", "jobs", "watch", job).code, 0)
        resent = sum(entry["body_bytes_sent"] for entry in self.hub.requests() if entry["listener"] == "cdn")
        self.assertLess(resent, 12_000_000 - 1_000_000)
        self.assert_tree_is_sound()


class CatalogTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.hub = self.box.hub()
        self.hub.commit("acme/otter", {"config.json": "{}"})
        self.daemon = self.box.daemon()
        self.box.pull("model", "acme/otter")
        self.daemon.terminate()
        self.assertEqual(self.daemon.wait(60), 0)

    def test_damaged_catalog_is_moved_aside_said_and_no_content_is_lost(self):
        catalog = self.box.state / "catalog"
        for path in catalog.iterdir():
            if path.name.startswith("MANIFEST") or path.name == "CURRENT":
                path.write_bytes(b"garbage")

        self.box.daemon()

        status = self.box.batuta("daemon", "status", "--format", "json").json
        self.assertIn("damaged", " ".join(status["notices"]))
        self.assertTrue(list(self.box.state.glob("catalog.damaged-*")))
        self.hub.clear_log()
        document = self.box.pull("model", "acme/otter")
        self.assertEqual({file["status"] for file in document["files"]}, {"cached"})
        self.assertEqual(self.hub.count("/resolve"), 0)

    def test_deleted_catalog_costs_nothing_but_a_question(self):
        shutil.rmtree(self.box.state / "catalog")
        self.box.daemon()
        self.assertEqual(self.box.pull("model", "acme/otter")["bytes_downloaded"], 0)


if __name__ == "__main__":
    unittest.main()
