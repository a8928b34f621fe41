"""Pushes of folders that the daemon reads through the client: of another user, of a client that is killed, and -o for a user who is not the daemon's."""

import json
import os
import signal
import unittest

from harness import make_weights, wait_until
from push_world import PART, TOKEN, PushTest

USER = 64_001  # nobody on any machine
# Root without the right to read what is not its own: what a daemon of the whole machine may not read it must not read.
AS_A_SERVICE = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")
AS_USER = ("setpriv", f"--reuid={USER}", "--regid=0", "--clear-groups")


class PushStreamTest(PushTest):
    def wait_for_job(self, state, reason=""):
        def found():
            for job in self.box.batuta("hf", "jobs", "ls", "--format", "json").json["jobs"]:
                if job["state"] == state and (not reason or job.get("waiting_reason") == reason):
                    return job
            return None
        return wait_until(found, f"a job that is {state} {reason}")

    def test_a_client_that_is_killed_leaves_a_job_that_goes_on_with_the_next(self):
        env = {"BATUTA_PUSH_STREAM": "1"}
        self.box.daemon()
        weights = make_weights("stream", 20 * PART)
        self.write({"weights.safetensors": weights, "README.md": "---\nlicense: mit\n---\n# Data\n", "notes.log": "no", ".gitignore": "*.log\n"})
        self.hub.fault(kind="slow_upload", listener="cdn", count="always", bytes_per_second=2 * PART)
        client = self.box.start_batuta("hf", "push", "dataset", str(self.folder), "--repo", "mira/notes", "--yes", env=env)

        def stored():
            return [entry for entry in self.puts() if entry["status"] == 200]
        wait_until(stored, "a part at the store")
        os.kill(client.pid, signal.SIGKILL)
        job = self.wait_for_job("waiting", "client")
        text = self.box.batuta("hf", "jobs", "ls").out
        self.assertIn("client", text)
        self.hub.clear_faults()
        document = self.push("mira/notes", env=env)
        self.assertEqual(self.commits("mira/notes")[0]["id"], document["commit"])
        self.assertEqual(len(self.commits("mira/notes")), 1)
        self.assertEqual(len(self.box.batuta("hf", "jobs", "ls", "--format", "json").json["jobs"]), 1, "it is another job")
        self.assertEqual(self.wait_for_job("done")["id"], job["id"])
        self.assertEqual(len(stored()), 20, "a part was sent twice")
        tree = self.tree("mira/notes")
        self.assertEqual(sorted(tree), [".gitignore", "README.md", "weights.safetensors"])
        self.assertEqual(self.content("mira/notes", "weights.safetensors"), weights)

    def test_an_interrupted_client_says_that_its_job_waits_for_the_folder(self):
        env = {"BATUTA_PUSH_STREAM": "1"}
        self.box.daemon()
        self.write({"weights.safetensors": make_weights("interrupted", 20 * PART)})
        self.hub.fault(kind="slow_upload", listener="cdn", count="always", bytes_per_second=2 * PART)
        client = self.box.start_batuta("hf", "push", "dataset", str(self.folder), "--repo", "mira/notes", "--yes", env=env)
        wait_until(self.puts, "an upload")
        client.send_signal(signal.SIGINT)
        _, errors = client.communicate(timeout=60)
        self.assertEqual(client.returncode, 130)
        self.assertIn("waits for this folder", errors)
        self.wait_for_job("waiting", "client")
        self.box.batuta("hf", "jobs", "cancel", self.wait_for_job("waiting", "client")["id"])

    def test_it_cannot_be_left_in_the_background(self):
        self.box.daemon()
        self.write({"a.txt": "a"})
        result = self.push("mira/notes", "--detach", code=2, env={"BATUTA_PUSH_STREAM": "1"})
        self.assertIn("--detach", result.error["hint"])
        self.assertEqual(self.sent(), [])


class TwoUsersTest(PushTest):
    """A daemon for the whole machine, and a user whose home it may not read."""

    def setUp(self):
        super().setUp()
        os.chmod(self.box.folder, 0o755)
        os.chmod(self.box.folder / "run", 0o755)
        self.home = self.box.folder / "anna"
        self.home.mkdir(mode=0o700)
        self.folder = self.home / "work"
        self.folder.mkdir()
        config = self.box.folder / "config" / "batuta"
        self.box.daemon("--system", "--socket", str(self.box.socket), "--state-dir", str(self.box.state), "--cache-dir", str(self.box.cache),
                        "--endpoint", self.hub.endpoint, prefix=AS_A_SERVICE)
        self.env = {"HOME": str(self.home), "HF_TOKEN": TOKEN, "XDG_RUNTIME_DIR": "", "XDG_STATE_HOME": "", "XDG_CONFIG_HOME": str(config)}

    def as_user(self, *args, code=0):
        for path in [self.home, *self.home.rglob("*")]:
            os.chown(path, USER, USER, follow_symlinks=False)
        result = self.box.batuta(*args, env=self.env, prefix=AS_USER)
        self.assertEqual(result.code, code, result.out + result.err + self.box.daemon_log()[-4000:])
        return result

    def test_a_user_pushes_what_the_daemon_may_not_read(self):
        self.write({"README.md": "---\nlicense: mit\n---\n# Data\n", "data/a.txt": "alpha\n", "weights.safetensors": make_weights("two", 5 * PART + 17),
                    ".gitignore": "*.log\nraw/\n", "x.log": "no", "raw/y": "no"})
        os.symlink("data/a.txt", self.folder / "link.txt")
        for path in self.folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                path.chmod(0o600)
        document = self.as_user("hf", "push", "dataset", str(self.folder), "--repo", "mira/notes", "--yes", "--format", "json").json
        self.assertEqual(set(document["changed"]) if isinstance(document["changed"][0], str) else {file["path"] for file in document["changed"]},
                         {".gitignore", "README.md", "data/a.txt", "link.txt", "weights.safetensors"})
        self.assertEqual(self.content("mira/notes", "link.txt"), b"alpha\n")
        self.assertEqual(self.content("mira/notes", "weights.safetensors"), (self.folder / "weights.safetensors").read_bytes())

        again = self.as_user("hf", "push", "dataset", str(self.folder), "--repo", "mira/notes", "--yes", "--format", "json").json
        self.assertEqual(again["changed"], [])

        single = self.as_user("hf", "push", "dataset", str(self.folder / "data" / "a.txt"), "--repo", "mira/one", "--yes", "--format", "json").json
        self.assertEqual(self.content("mira/one", "a.txt"), b"alpha\n")
        self.assertTrue(single["commit"])

    def test_what_stops_a_push_stops_this_one(self):
        secret = "hf_" + "kXvPzQwLmNsTbYcRdJfHgUeAiOpKxVzWqM"
        self.write({"train.py": f"token = '{secret}'\n"})
        result = self.as_user("hf", "push", "dataset", str(self.folder), "--repo", "mira/notes", "--yes", "--format", "json", code=8)
        self.assertEqual(result.error["reason"], "SECRETS_FOUND")
        self.assert_never_sent(secret)
        (self.folder / "train.py").unlink()
        os.symlink("/etc/hostname", self.folder / "hostname")
        result = self.as_user("hf", "push", "dataset", str(self.folder), "--repo", "mira/notes", "--yes", "--format", "json", code=1)
        self.assertEqual(result.error["reason"], "NOT_PUSHABLE")
        self.assertEqual(self.sent(), [])

    def test_a_card_is_made_of_files_that_the_daemon_may_not_read(self):
        self.write({"config.json": json.dumps({"architectures": ["OtterForCausalLM"], "model_type": "otter"})})
        self.assertIn("library_name", self.as_user("hf", "card", str(self.folder)).out)

    def test_a_user_takes_files_out_of_the_cache_of_the_machine(self):
        files = {"config.json": b"{}", "sub/notes.txt": b"hello\n"}
        self.hub.commit("acme/otter", files)
        out = self.home / "out"
        self.as_user("hf", "pull", "model", "acme/otter", "-o", str(out), "--yes")
        for path, content in files.items():
            self.assertEqual((out / path).read_bytes(), content)
            self.assertEqual((out / path).stat().st_uid, USER)
            self.assertEqual((out / path).stat().st_nlink, 1)


if __name__ == "__main__":
    unittest.main()
