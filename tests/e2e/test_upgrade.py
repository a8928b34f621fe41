"""What another version of the daemon leaves behind: its catalog is taken over, or refused and left as it is.

catalogs/schema-N.json is what a released version with that schema wrote: one pull done and one cut off. It is never written anew: a
daemon that cannot read it any more needs a migration (daemon/metadata/schema.h), and a new schema a file of its own here.
"""

import json
import os
import pathlib
import unittest

import catalog
from harness import EndToEndTest

CATALOGS = pathlib.Path(__file__).parent / "catalogs"
VERSION = b"mschema_version"
LARGE = {"model.safetensors": {"size": 3_000_000, "seed": 3}}


class UpgradeTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.hub = self.box.hub()
        self.hub.commit("acme/otter", {"config.json": "{}"})
        self.hub.commit("acme/large", LARGE)
        self.catalog = self.box.state / "catalog"

    def given(self, name):
        """The catalog of another version, as if it had been written on this machine. Returns {job: how it stood}."""
        text = (CATALOGS / name).read_text()
        text = text.replace("@ENDPOINT@", self.hub.endpoint).replace("@CACHE@", str(self.box.cache)).replace('\\"@UID@\\"', str(os.getuid()))
        rows = {key.encode(): value.encode() for key, value in json.loads(text)["rows"].items()}
        self.box.state.mkdir(mode=0o700)
        catalog.put(self.catalog, rows)
        return {key[1:].decode(): json.loads(value)["state"] for key, value in rows.items() if key.startswith(catalog.JOBS)}

    def files(self):
        """All that the catalog consists of, but for the lock of who has it open."""
        return {path.name: path.read_bytes() for path in self.catalog.iterdir() if path.name != "OWNER"}

    def jobs(self):
        answer = self.box.batuta("hf", "jobs", "ls", "--format", "json").json
        return {job["id"]: job for job in answer["jobs"]}

    def assert_all_is_there_and_goes_on(self, before):
        self.assertEqual(sorted(before.values()), ["done", "running"])
        done, = (job for job, state in before.items() if state == "done")
        cut_off, = (job for job, state in before.items() if state == "running")
        self.assertEqual(set(self.jobs()), set(before))
        self.assertEqual(self.jobs()[done]["state"], "done")
        self.assertEqual(self.box.batuta("hf", "jobs", "watch", cut_off).code, 0, self.box.daemon_log())
        self.assertEqual(self.jobs()[cut_off]["state"], "done")
        self.assertTrue(list(self.box.cache.glob("models--acme--large/snapshots/*/model.safetensors")))
        self.assertEqual(list(self.box.state.glob("catalog.damaged-*")), [])

    def stop(self, daemon):
        daemon.terminate()
        self.assertEqual(daemon.wait(60), 0, self.box.daemon_log())

    def test_catalog_of_each_release_is_taken_over(self):
        released = sorted(path.name for path in CATALOGS.glob("schema-*.json"))
        self.assertEqual(released, ["schema-1.json"], "each needs a test")
        before = self.given("schema-1.json")
        self.box.daemon()
        self.assert_all_is_there_and_goes_on(before)

    def test_catalog_from_before_versions_is_brought_up_to_date_and_that_is_told(self):
        before = self.given("schema-1.json")
        catalog.put(self.catalog, {VERSION: None})
        daemon = self.box.daemon()
        status = self.box.batuta("daemon", "status", "--format", "json").json
        self.assertIn("from schema version 0 to 1", " ".join(status["notices"]))
        self.assert_all_is_there_and_goes_on(before)
        self.stop(daemon)
        self.assertEqual(dict(catalog.rows(self.catalog))[VERSION], b"1")

    def test_catalog_of_a_newer_version_is_refused_and_nothing_is_lost_on_the_way_back(self):
        before = self.given("schema-1.json")
        catalog.put(self.catalog, {VERSION: b"2", b"jnext": b"only the newer version understands this"})
        files = self.files()

        daemon = self.box.daemon(wait=False)

        self.assertEqual(daemon.wait(60), 1)
        self.assertIn("the catalog has schema version 2; this program knows versions up to 1", self.box.daemon_log())
        self.assertIn("start the newer batutad that wrote it", self.box.daemon_log())
        self.assertTrue(self.files() == files)

        # What the newer version does when it is installed again, seen from here: the same rows are its own.
        catalog.put(self.catalog, {VERSION: b"1", b"jnext": None})
        self.box.daemon()
        self.assert_all_is_there_and_goes_on(before)


if __name__ == "__main__":
    unittest.main()
