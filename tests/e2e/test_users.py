"""Several users, one daemon: what is public is shared, what is not is for those who proved access, and nobody meddles with others."""

import os
import stat
import unittest

from harness import make_weights, wait_until, write_repo, write_users
from system_world import DAEMON_UID, SystemTest

WEIGHTS = make_weights("shared", 300_000)
GATED = make_weights("gated", 200_000)
PRIVATE = make_weights("private", 100_000)


class UsersTest(SystemTest):
    CONFIG = ""

    def setUp(self):
        super().setUp()
        root = self.box.folder / "hub-root"
        write_users(root, ana="hf_ana", ben="hf_ben")
        write_repo(root, "acme/open", {"config.json": "{}", "model.safetensors": WEIGHTS})
        write_repo(root, "acme/gated", {"config.json": "{}", "model.safetensors": GATED}, gated="manual", granted=["ana"])
        write_repo(root, "ana/hidden", {"config.json": "{}", "model.safetensors": PRIVATE}, private=True)
        self.hub = self.box.hub(root, ["--no-rate-limits"])
        self.start_daemon(config=self.CONFIG)
        self.ana = self.user("ana", 23_001, "hf_ana")
        self.ben = self.user("ben", 23_002, "hf_ben")
        self.cyd = self.user("cyd", 23_003)

    def weights(self, pulled):
        return f"{pulled['path']}/model.safetensors"

    def restart(self, config):
        self.daemon.terminate()
        self.daemon.wait()
        self.start_daemon(config=config)


class SharingTest(UsersTest):
    def test_public_content_is_fetched_once_and_read_by_all(self):
        pulled = self.ana.pull("model", "acme/open")
        self.assertEqual(self.ana.cat(self.weights(pulled)), WEIGHTS)
        self.hub.clear_log()
        for user in (self.ben, self.cyd):
            again = user.pull("model", "acme/open")
            self.assertEqual(again["bytes_downloaded"], 0)
            self.assertEqual(user.cat(self.weights(again)), WEIGHTS)
        self.assertEqual([entry["path"] for entry in self.hub.requests() if "/resolve/" in entry["path"]], [])

    def test_a_copy_is_made_with_the_rights_of_who_wants_it(self):
        out = self.ben.home / "out"
        self.ben.pull("model", "acme/open", "-o", str(out))
        self.assertEqual((out / "model.safetensors").read_bytes(), WEIGHTS)
        self.assertEqual((out / "model.safetensors").stat().st_uid, self.ben.uid)

    def test_nobody_but_the_daemon_writes_the_cache_or_lists_its_root(self):
        pulled = self.ana.pull("model", "acme/open")
        self.assertIsNone(self.ana.ls(self.box.cache))
        blob = os.path.realpath(self.weights(pulled))
        self.assertEqual(os.stat(blob).st_uid, DAEMON_UID)
        locks = self.box.cache / ".locks"
        self.assertEqual(stat.S_IMODE(locks.stat().st_mode), 0o700)
        for path in (self.box.cache, *self.box.cache.rglob("*")):
            if path.is_symlink() or locks in path.parents:
                continue
            self.assertEqual(path.stat().st_mode & stat.S_IRWXO, 0, f"{path} is open to everybody")
            self.assertEqual(path.stat().st_mode & stat.S_IWGRP & ~0o664, 0, f"{path} can be written by the group")


class EntitlementTest(UsersTest):
    CONFIG = "[users]\nproof_ttl = 0\n[hub]\nrevision_ttl = 0\n"

    def assert_closed_to(self, user, repo, path):
        """Neither the file system nor any answer gives a file, or says that it is there."""
        self.assertIsNone(user.cat(path))
        self.assertIsNone(user.ls(os.path.dirname(path)))
        found = user.batuta("hf", "cache", "path", "model", repo, "--format", "json", HF_TOKEN="")
        self.assertEqual(found.code, 10, found.out + found.err)
        listed = user.batuta("hf", "cache", "ls", "--format", "json").json
        self.assertNotIn(repo, [entry["repo"] for entry in listed["repos"]])
        self.assertNotIn(repo, user.batuta("hf", "cache", "why").out)
        self.assertEqual(user.pull("model", repo, "--offline", code=10)["reason"], "OFFLINE_MISS")

    def test_gated_content_is_for_those_whom_the_hub_lets_in(self):
        path = self.weights(self.ana.pull("model", "acme/gated"))
        self.assertEqual(self.ana.cat(path), GATED)
        for user in (self.ben, self.cyd):
            self.assert_closed_to(user, "acme/gated", path)
            self.assertIn(user.pull("model", "acme/gated", code=5)["reason"], ("REPO_GATED", "TOKEN_MISSING"))
            self.assertIsNone(user.cat(path))
        self.hub.settings("acme/gated", granted=["ana", "ben"])
        pulled = self.ben.pull("model", "acme/gated")
        self.assertEqual(pulled["bytes_downloaded"], 0)
        self.assertEqual(self.ben.cat(path), GATED)
        self.assertEqual(self.ana.cat(path), GATED)
        self.assertIsNone(self.cyd.cat(path))
        self.assertIn("acme/gated", [entry["repo"] for entry in self.ben.batuta("hf", "cache", "ls", "--format", "json").json["repos"]])

    def test_a_private_repo_is_not_even_known_to_others(self):
        path = self.weights(self.ana.pull("model", "ana/hidden"))
        self.assertEqual(self.ana.cat(path), PRIVATE)
        self.assert_closed_to(self.ben, "ana/hidden", path)
        self.assertEqual(self.ben.pull("model", "ana/hidden", code=4)["reason"], "REPO_NOT_FOUND")
        said = self.ben.batuta("hf", "cache", "path", "model", "ana/hidden").err
        never = self.ben.batuta("hf", "cache", "path", "model", "ana/never-was").err
        self.assertEqual(said.replace("hidden", "never-was"), never)

    def test_where_it_lies_is_told_to_who_proves_access_by_asking(self):
        self.ana.pull("model", "acme/gated")
        self.hub.settings("acme/gated", granted=["ana", "ben"])
        found = self.ben.batuta("hf", "cache", "path", "model", "acme/gated")
        self.assertEqual(found.code, 0, found.err)
        self.assertEqual(self.ben.cat(f"{found.out.strip()}/model.safetensors"), GATED)

    def test_what_fits_is_not_worked_out_for_who_may_not_read(self):
        self.ana.pull("model", "acme/gated")
        self.assertEqual(self.ben.batuta("hf", "fit", "acme/gated").code, 5)
        self.assertNotEqual(self.ana.batuta("hf", "fit", "acme/gated").code, 5)

    def test_a_revoked_grant_ends_with_the_next_question(self):
        path = self.weights(self.ana.pull("model", "acme/gated"))
        self.hub.settings("acme/gated", granted=[])
        self.assertEqual(self.ana.pull("model", "acme/gated", code=5)["reason"], "REPO_GATED")
        self.assert_closed_to(self.ana, "acme/gated", path)
        self.hub.settings("acme/gated", granted=["ana"])
        self.ana.pull("model", "acme/gated")
        self.assertEqual(self.ana.cat(path), GATED)

    def test_what_becomes_private_is_closed_with_the_next_question(self):
        path = self.weights(self.ana.pull("model", "acme/open"))
        self.assertEqual(self.cyd.cat(path), WEIGHTS)
        self.hub.settings("acme/open", gated="manual", granted=["ana"])
        self.ana.pull("model", "acme/open")
        self.assertIsNone(self.cyd.cat(path))
        self.assertEqual(self.ana.cat(path), WEIGHTS)

    def test_what_is_refused_to_somebody_is_open_to_nobody(self):
        path = self.weights(self.ana.pull("model", "acme/open"))
        self.hub.settings("acme/open", gated="manual", granted=["ana"])
        self.assertEqual(self.cyd.pull("model", "acme/open", code=5)["reason"], "REPO_GATED")
        self.assertIsNone(self.ben.cat(path))
        self.hub.settings("acme/open", gated="")
        self.ana.pull("model", "acme/open")
        self.assertEqual(self.ben.cat(path), WEIGHTS)
        self.hub.settings("acme/open", private=True, granted=["ana"])
        self.assertEqual(self.cyd.pull("model", "acme/open", code=4)["reason"], "REPO_NOT_FOUND")
        self.assertIsNone(self.ben.cat(path))

    def test_a_token_that_is_revoked_opens_nothing_from_the_next_pull_on(self):
        path = self.weights(self.ana.pull("model", "ana/hidden"))
        self.ana.token = "hf_revoked"
        self.assertEqual(self.ana.pull("model", "ana/hidden", code=5)["reason"], "TOKEN_REJECTED")
        self.assert_closed_to(self.ana, "ana/hidden", path)

    def test_a_pull_that_fails_tells_nobody_else_what_is_there(self):
        pulled = self.ana.pull("model", "ana/hidden")
        by_commit = ("--revision", pulled["commit"])
        for how, code in ((("--offline",), 10), (by_commit, 4), (("--dry-run", *by_commit), 4)):
            refused = self.ben.batuta("hf", "pull", "model", "ana/hidden", "model.safetensor", *how)
            self.assertEqual(refused.code, code, refused.out + refused.err)
            self.assertNotIn("model.safetensors", refused.err)
            never = self.ben.batuta("hf", "pull", "model", "ana/never-was", "model.safetensor", *how)
            self.assertEqual(refused.err.replace("hidden", "never-was"), never.err)

    def test_a_plan_tells_nobody_else_what_is_there(self):
        self.ana.pull("model", "acme/gated")
        self.assertEqual(self.ben.pull("model", "acme/gated", "--dry-run", code=5)["reason"], "REPO_GATED")
        self.assertEqual(self.ana.pull("model", "acme/gated", "--dry-run")["bytes_to_download"], 0)

    def test_a_grant_that_is_not_renewed_ends(self):
        self.restart("[users]\ngrant_ttl = \"2s\"\n")
        path = self.weights(self.ana.pull("model", "acme/gated"))
        wait_until(lambda: self.ana.cat(path) is None, "the grant to end")
        self.assert_closed_to(self.ana, "acme/gated", path)
        self.ana.pull("model", "acme/gated")
        self.assertEqual(self.ana.cat(path), GATED)

    def test_grants_outlive_the_daemon_and_its_absence_opens_nothing(self):
        path = self.weights(self.ana.pull("model", "acme/gated"))
        self.daemon.kill()
        self.daemon.wait()
        self.assertEqual(self.ana.cat(path), GATED)
        self.assertIsNone(self.ben.cat(path))
        os.chmod(self.box.cache / "models--acme--gated", 0o777)
        self.start_daemon(config=self.CONFIG)
        self.assertEqual(self.ana.cat(path), GATED)
        self.assertIsNone(self.ben.cat(path), "what somebody opened by hand stays open")

    def test_without_its_catalog_everything_is_closed(self):
        path = self.weights(self.ana.pull("model", "acme/open"))
        self.daemon.terminate()
        self.daemon.wait()
        for record in (self.box.state / "catalog").rglob("*"):
            if record.is_file():
                record.unlink()
        self.start_daemon(config=self.CONFIG)
        self.assertIsNone(self.cyd.cat(path))
        self.cyd.pull("model", "acme/open")
        self.assertEqual(self.cyd.cat(path), WEIGHTS)

    def test_no_token_is_ever_used_for_another_user(self):
        self.ana.pull("model", "acme/gated")
        self.hub.clear_log()
        self.ben.pull("model", "acme/gated", code=5)
        self.cyd.pull("model", "acme/gated", code=5)
        sent = {entry["authorization"] for entry in self.hub.requests()}
        self.assertEqual(sent, {None, "Bearer hf_ben"})
        self.assertEqual(self.hub.stats()["leaked_tokens"], 0)


class RememberedTest(UsersTest):
    """What the hub said once proves nothing later, however well it is remembered."""

    CONFIG = "[users]\nproof_ttl = 0\n"

    def test_a_commit_is_asked_about_anew(self):
        self.hub.commit("acme/team", {"config.json": "{}", "model.safetensors": PRIVATE})
        self.hub.settings("acme/team", private=True, granted=["ana"])
        pulled = self.ana.pull("model", "acme/team")
        self.ana.pull("model", "acme/team", "--revision", pulled["commit"])
        self.hub.settings("acme/team", private=True, granted=["ben"])
        refused = self.ana.pull("model", "acme/team", "--revision", pulled["commit"], code=4)
        self.assertEqual(refused["reason"], "REPO_NOT_FOUND")
        self.assertIsNone(self.ana.cat(self.weights(pulled)))


class NewCommitTest(UsersTest):
    CONFIG = "[hub]\nrevision_ttl = 0\n"

    def test_what_comes_into_a_repo_after_it_was_closed_is_not_open_for_a_moment(self):
        pulled = self.ana.pull("model", "acme/open")
        self.assertEqual(self.cyd.cat(self.weights(pulled)), WEIGHTS)
        self.hub.settings("acme/open", private=True, granted=["ana"])
        self.hub.commit("acme/open", {"secret.txt": "not for everybody"})
        newer = self.ana.pull("model", "acme/open")
        self.assertEqual(self.ana.cat(f"{newer['path']}/secret.txt"), b"not for everybody")
        self.assertIsNone(self.cyd.cat(f"{newer['path']}/secret.txt"))


class OneBlobTest(UsersTest):
    """The same bytes in a repo for everybody and in one that is not."""

    def test_what_is_not_public_lends_its_bytes_to_no_other_repo(self):
        self.hub.commit("ben/mirror", {"config.json": "{}", "model.safetensors": GATED})
        self.ana.pull("model", "acme/gated")
        mirrored = self.ben.pull("model", "ben/mirror")
        self.assertGreaterEqual(mirrored["bytes_downloaded"], len(GATED))
        self.hub.commit("ana/copy", {"config.json": "{}", "model.safetensors": GATED})
        self.assertLess(self.ana.pull("model", "ana/copy")["bytes_downloaded"], len(GATED), "public ones lend theirs")


class ConsentTest(UsersTest):
    def test_what_one_user_admits_is_admitted_for_nobody_else(self):
        self.hub.commit("acme/pickled", {"pytorch_model.bin": b"\x80\x04N."})
        self.ana.pull("model", "acme/pickled", "--allow-unsafe")
        self.assertEqual(self.ben.pull("model", "acme/pickled", code=8)["reason"], "UNSAFE_CONTENT")
        self.ben.pull("model", "acme/pickled", "--allow-unsafe")
        why = self.ben.batuta("hf", "cache", "why", "acme/pickled", "--format", "json")
        self.assertEqual(why.code, 0, why.err)
        self.assertIn(str(self.ben.uid), why.out)
        self.assertNotIn(str(self.ana.uid), why.out)


class RolesTest(UsersTest):
    CONFIG = "[users]\nadmins = \"23004\"\n"

    def test_only_admins_take_something_from_others(self):
        self.ana.pull("model", "acme/open")
        boss = self.user("boss", 23_004)
        for command in (("daemon", "limit-rate", "1M"), ("hf", "cache", "prune", "--yes"), ("hf", "cache", "rm", "model", "acme/open", "--yes"),
                        ("hf", "cache", "verify"), ("hf", "cache", "rescan"), ("daemon", "stop")):
            refused = self.ben.batuta(*command, "--format", "json")
            self.assertEqual((refused.code, refused.error["reason"]), (5, "NOT_PERMITTED"), command)
        self.assertEqual(self.ben.cat(self.weights(self.ben.pull("model", "acme/open"))), WEIGHTS)
        self.assertEqual(boss.batuta("daemon", "limit-rate", "1M").code, 0)
        removed = boss.batuta("hf", "cache", "rm", "model", "acme/open", "--yes")
        self.assertEqual(removed.code, 0, removed.err)

    def test_a_pin_is_let_go_by_who_set_it_or_by_an_admin(self):
        self.ana.pull("model", "acme/open")
        self.assertEqual(self.ana.batuta("hf", "cache", "pin", "model", "acme/open", "--reason", "mine").code, 0)
        self.assertEqual(self.ben.batuta("hf", "cache", "unpin", "model", "acme/open").code, 0)
        self.assertTrue(self.pinned())
        self.assertEqual(self.ana.batuta("hf", "cache", "unpin", "model", "acme/open").code, 0)
        self.assertFalse(self.pinned())
        self.ana.batuta("hf", "cache", "pin", "model", "acme/open")
        self.assertEqual(self.root.batuta("hf", "cache", "unpin", "model", "acme/open").code, 0)
        self.assertFalse(self.pinned())

    def pinned(self):
        return self.root.batuta("hf", "cache", "ls", "--format", "json").json["repos"][0]["pinned"]

    def test_jobs_are_their_owners(self):
        self.hub.fault(kind="latency", path="/api/models/acme/open", count="always", duration_ms=600_000)
        job = self.ana.batuta("hf", "pull", "model", "acme/open", "--detach", "--format", "quiet").out.strip()
        for command in ("watch", "cancel", "pause"):
            refused = self.ben.batuta("hf", "jobs", command, job, "--format", "json")
            self.assertEqual((refused.code, refused.error["reason"]), (4, "JOB_NOT_FOUND"), command)
        self.assertEqual(self.ben.batuta("hf", "jobs", "ls", "--format", "json").json["jobs"], [])
        self.assertEqual(len(self.ana.batuta("hf", "jobs", "ls", "--format", "json").json["jobs"]), 1)
        self.assertEqual(self.ana.batuta("hf", "jobs", "cancel", job).code, 0)

    def test_who_is_not_in_the_group_is_not_let_in(self):
        stranger = self.user("stranger", 23_005)
        stranger.groups = ()
        refused = stranger.batuta("daemon", "status")
        self.assertEqual(refused.code, 3, refused.out + refused.err)
        self.assertIn("group `batuta`", refused.err)


if __name__ == "__main__":
    unittest.main()
