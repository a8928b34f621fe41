"""What the hub says of a model protects its base, where no file in the cache does."""

import unittest

from harness import EndToEndTest, make_weights, wait_until, write_repo


class DependenciesTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        root = self.box.folder / "repos"
        write_repo(root, "acme/otter-2", {"model.safetensors": make_weights("otter", 100)}, renamedFrom=["acme/otter"])
        write_repo(root, "acme/tagged", {"adapter_model.safetensors": make_weights("a", 100)}, tags=["base_model:adapter:acme/otter-2"])
        write_repo(root, "acme/lora", {"adapter_model.safetensors": make_weights("b", 100),
                                       "adapter_config.json": '{"base_model_name_or_path": "acme/otter"}'})
        self.hub = self.box.hub(root)
        self.daemon = self.box.daemon()

    def is_protected(self, repo):
        """Would a removal be refused for the sake of another model?"""
        result = self.box.batuta("hf", "cache", "rm", repo, "--dry-run", "--yes", "--format", "json")
        if result.code == 0:
            return False
        self.assertEqual(result.error["reason"], "IN_USE", result.err)
        return True

    def test_the_hubs_tags_protect_a_base_that_no_file_names(self):
        self.box.pull("model", "acme/otter-2")
        self.assertFalse(self.is_protected("model/acme/otter-2"))
        self.box.pull("model", "acme/tagged")
        wait_until(lambda: self.is_protected("model/acme/otter-2"), "the base to be protected")
        # For nothing: each pull asks for its revision, its tree, what the scanners say, and its file.
        questions = [entry["path"] for entry in self.hub.requests() if "/api/models/acme/tagged" in entry["path"]]
        self.assertEqual(len(questions), 3, questions)

        self.daemon.terminate()
        self.daemon.wait()
        self.daemon = self.box.daemon()
        self.assertTrue(self.is_protected("model/acme/otter-2"))

    def test_a_base_under_its_new_name_is_protected_by_an_adapter_that_names_the_old_one(self):
        self.box.pull("model", "acme/otter-2")
        self.box.pull("model", "acme/lora")
        self.assertFalse(self.is_protected("model/acme/otter-2"), "who should have said that the one is the other?")
        info = self.box.batuta("hf", "info", "model", "acme/otter", "--format", "json")
        self.assertEqual(info.code, 0, info.err)
        wait_until(lambda: self.is_protected("model/acme/otter-2"), "the base to be protected")

    def test_a_base_that_was_pulled_under_its_old_name_is_protected_by_what_names_the_new_one(self):
        self.box.pull("model", "acme/otter")
        self.box.pull("model", "acme/tagged")
        wait_until(lambda: self.is_protected("model/acme/otter"), "the base to be protected")


if __name__ == "__main__":
    unittest.main()
