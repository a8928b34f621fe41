"""Every fault of the simulated hub × every phase of a pull: the bytes are right or the error is clear, and nothing half is seen.

A cell of the matrix is one repo with one scripted fault on one kind of request. The cells are pulled side by side through one
daemon, each with a token of its own, since a rate limit holds for everything that its owner asks. Where the fault passes, the pull
gets over it; where it lasts, `--no-wait` ends with one of the reasons that the table names. Then the faults are taken away, and
the same pull succeeds.
"""

import collections
import concurrent.futures
import dataclasses
import json
import os
import time
import unittest

from harness import EndToEndTest, write_users
from watcher import Watcher, leftovers

SMALL = 300_000  # an LFS file that is fetched by one connection
LARGE = 11_000_000  # one that is fetched in three segments, of 4 MiB, 4 MiB and the rest, behind what a look has brought
SEGMENT = 4 << 20
SIDE_BY_SIDE = 24
TIMEOUT_S = 2  # of the daemon, for a silent connection and for an answer

EXIT_CODES = {
    "REPO_NOT_FOUND": 4, "REVISION_NOT_FOUND": 4, "ENTRY_NOT_FOUND": 4, "HUB_FORBIDDEN": 5, "HUB_RATE_LIMITED": 6,
    "HUB_UNREACHABLE": 6, "LINK_EXPIRED": 6, "HUB_ERROR": 1, "HUB_PROTOCOL": 1, "ANSWER_TOO_LARGE": 1, "UPSTREAM_CHANGED": 1,
    "DIGEST_MISMATCH": 9, "INVALID_CONTENT": 9, "INVALID_ETAG": 9,
}


@dataclasses.dataclass(frozen=True)
class Phase:
    """One kind of request that a pull makes."""

    name: str
    group: str  # what is answered: "json", "link" (a redirect to the file), "small" or "large" (bytes of a file), "look" (a few of them)
    match: dict
    size: int = SMALL
    body_at: int = 20  # where in the body of an answer a cut or a stall comes
    file_at: int = 20  # where in the file a byte is changed


PHASES = [
    Phase("revision", "json", dict(listener="hub", path="/api/models/{repo}/revision/main")),
    Phase("first page of the tree", "json", dict(listener="hub", path="/api/models/{repo}/tree/")),
    Phase("second page of the tree", "json", dict(listener="hub", path="/api/models/{repo}/tree/", skip=1)),
    Phase("link to a small file", "link", dict(listener="hub", path="/{repo}/resolve/*/config.json")),
    Phase("small file", "small", dict(listener="hub", path="/api/resolve-cache/models/{repo}/*/config.json")),
    Phase("link to a large file", "link", dict(listener="hub", path="/{repo}/resolve/*/{file}")),
    Phase("look before the fetch", "look", dict(listener="cdn", path="{file}"), LARGE, 0, 0),
    Phase("first bytes", "large", dict(listener="cdn", path="{file}", skip=1), LARGE, 0, 100_000),
    Phase("middle", "large", dict(listener="cdn", path="{file}", skip=2), LARGE, 1_000_000, SEGMENT + 1_000_000),
    Phase("last segment", "large", dict(listener="cdn", path="{file}", skip=3), LARGE, 500_000, LARGE - 1),
]

OK, UNREACHABLE, LIMITED, PROTOCOL, ERROR, CHANGED, MISMATCH, TOO_LARGE, FORBIDDEN = (frozenset([outcome]) for outcome in (
    "OK", "HUB_UNREACHABLE", "HUB_RATE_LIMITED", "HUB_PROTOCOL", "HUB_ERROR", "UPSTREAM_CHANGED", "DIGEST_MISMATCH", "ANSWER_TOO_LARGE",
    "HUB_FORBIDDEN"))
INVALID = frozenset(["INVALID_CONTENT"])
NO_SUCH_FILE = frozenset(["REVISION_NOT_FOUND", "ENTRY_NOT_FOUND"])


@dataclasses.dataclass(frozen=True)
class Fault:
    """A kind of fault with its parameters, and how a pull may end under it.

    `once` and `lasting` give the outcomes for every phase, or for groups of phases, where "file" stands for "small" and "large"; where
    nothing is said it is OK. In the groups and phases that `harmless` names there is nothing for the fault to act on.
    """

    name: str
    rule: dict
    once: object = OK
    lasting: object = OK
    harmless: tuple = ()

    def is_harmless(self, phase):
        group = "large" if phase.group == "look" else phase.group
        return group in self.harmless or phase.name in self.harmless

    def outcomes(self, phase, lasts):
        if phase.group == "look":  # that cannot be had, or is damaged once: no reason to refuse
            outcomes = self.outcomes(dataclasses.replace(phase, group="large"), lasts) if lasts else OK
            return outcomes | INVALID if outcomes == MISMATCH else outcomes
        said = self.lasting if lasts else self.once
        if self.is_harmless(phase):
            return OK
        if isinstance(said, frozenset):
            return said
        group = "file" if phase.group in ("small", "large") and "file" in said else phase.group
        return said.get(group, OK)


FAULTS = [
    # --- the connection ---
    Fault("cut", dict(kind="cut", at_bytes="body"), OK, UNREACHABLE, ("link",)),
    # Each try of a large file brings it further.
    Fault("stall", dict(kind="stall", at_bytes="body"), OK, dict(json=UNREACHABLE, small=UNREACHABLE, large=UNREACHABLE | OK), ("link",)),
    Fault("slow", dict(kind="slow", bytes_per_second=4_000_000), OK, OK, ("link",)),
    Fault("latency", dict(kind="latency", duration_ms=300)),
    Fault("reset", dict(kind="reset"), OK, UNREACHABLE),
    # --- refusals ---
    Fault("429 with Retry-After", dict(kind="status", status=429, headers={"Retry-After": "1"}), OK, LIMITED),
    Fault("429 without", dict(kind="status", status=429), OK, LIMITED),
    Fault("500", dict(kind="status", status=500), OK, UNREACHABLE),
    Fault("burst of 503", dict(kind="status", status=503, burst=3), OK, UNREACHABLE),
    Fault("503 after the fact", dict(kind="status_after", status=503), OK, UNREACHABLE),
    Fault("404", dict(kind="status", status=404), *[dict(json=NO_SUCH_FILE, link=NO_SUCH_FILE, small=NO_SUCH_FILE, large=ERROR)] * 2),
    Fault("418", dict(kind="status", status=418), ERROR, ERROR),
    Fault("expired", dict(kind="expired"), OK, FORBIDDEN, ("json", "small", "link to a small file")),
    # --- the body ---
    # An answer that makes no sense is asked for once more.
    Fault("length too small", dict(kind="content_length", amount=-5), OK, dict(json=PROTOCOL, file=UNREACHABLE), ("link",)),
    Fault("length too large", dict(kind="content_length", amount=5), OK, dict(json=UNREACHABLE), ("link",)),
    Fault("no length", dict(kind="drop_header", value="Content-Length")),
    Fault("flipped byte", dict(kind="flip_byte", at_bytes="file"), OK, dict(json=PROTOCOL, file=MISMATCH), ("link",)),
    Fault("new content", dict(kind="new_content"), OK, dict(link=CHANGED, small=CHANGED, large=MISMATCH), ("json",)),
    Fault("range ignored", dict(kind="ignore_range"), OK, OK, ("json", "link")),
    Fault("wrong range", dict(kind="wrong_range", amount=10), OK, dict(file=UNREACHABLE), ("json", "link")),
    Fault("garbage", dict(kind="garbage_json"), OK, dict(json=PROTOCOL, link=CHANGED, file=CHANGED)),
    Fault("endless body", dict(kind="endless_body", at_bytes=40 << 20), dict(json=TOO_LARGE),
          dict(json=TOO_LARGE, link=MISMATCH, file=MISMATCH)),
    Fault("gzip", dict(kind="gzip"), PROTOCOL, PROTOCOL, ("link",)),
    # --- the head ---
    # What follows such a redirect is another question, which has an answer of its own.
    Fault("redirect loop", dict(kind="redirect_loop"), dict(json=OK | PROTOCOL), PROTOCOL),
    Fault("header bomb", dict(kind="header_bomb", amount=2_000, at_bytes=500), TOO_LARGE, TOO_LARGE),
    Fault("headers that lie", dict(kind="set_header", headers={"X-Linked-Size": "1", "Content-Range": "bytes 0-0/1"}), OK,
          dict(link=CHANGED, file=CHANGED)),
    Fault("another commit", dict(kind="set_header", headers={"X-Repo-Commit": "5" * 40}), OK, dict(link=CHANGED, small=CHANGED)),
    # The CDN has etags of its own.
    Fault("another etag", dict(kind="etag", value=f'"{"5" * 64}"'), OK, dict(link=CHANGED, small=CHANGED)),
    Fault("an etag that is a path", dict(kind="etag", value='"../../evil"')),
    Fault("no etag", dict(kind="drop_header", value="ETag"), OK, OK, ("link",)),
    Fault("no location", dict(kind="drop_header", value="Location"), PROTOCOL, PROTOCOL, ("json", "small", "large")),
]
# Not of a request but of a connection: ResetConnectionsTest.
KINDS_OF_CONNECTIONS = {"reset_at_accept"}
# What only a push meets: test_push_faults.
KINDS_OF_UPLOADS = {"status_early", "cut_upload", "stall_upload", "slow_upload", "flip_mode", "ignore_file", "object_error",
                    "missing_part"}


@dataclasses.dataclass
class Cell:
    number: int
    fault: Fault
    phase: Phase
    lasts: bool
    rule: int = 0
    blobs: dict = dataclasses.field(default_factory=dict)  # path → name of the blob, as the hub says
    outcome: str = ""
    seconds: float = 0.0
    problems: list = dataclasses.field(default_factory=list)

    def expect(self, holds, problem):
        if not holds:
            self.problems.append(problem)

    @property
    def repo(self):
        return f"acme/cell-{self.number}"

    @property
    def file(self):
        return f"model-{self.number}.safetensors"

    @property
    def token(self):
        return f"hf_cell{self.number}"

    def __str__(self):
        return f"{self.fault.name} × {self.phase.name} × {'lasting' if self.lasts else 'once'}"

    @property
    def is_harmless(self):
        return self.fault.is_harmless(self.phase)

    def fault_rule(self):
        rule = {**self.fault.rule, **self.phase.match}
        rule["path"] = rule["path"].format(repo=self.repo, file=self.file)
        burst = rule.pop("burst", 1)
        rule["count"] = "always" if self.lasts else burst
        if rule.get("at_bytes") == "body":
            rule["at_bytes"] = self.phase.body_at
        elif rule.get("at_bytes") == "file":
            rule["at_bytes"] = self.phase.file_at
            rule["skip"] = 0 if self.phase.group == "large" else rule.get("skip", 0)  # only one segment has that byte
        return rule


class FaultMatrixTest(EndToEndTest):
    def begin(self, cells, connections):
        config = self.box.folder / "config" / "batuta"
        config.mkdir(parents=True)
        (config / "config.toml").write_text(
            f"[transfer]\nstall_timeout = {TIMEOUT_S}\nconnections_per_file = {connections}\n"
            f'[hub]\nmetadata_timeout = {TIMEOUT_S}\nwindow = "1s"\n')
        root = self.box.folder / "repos"
        write_users(root, **{f"cell{cell.number}": cell.token for cell in cells})
        self.hub = self.box.hub(root, args=["--no-rate-limits", "--tree-page", "2", "--lfs-threshold", "200000"])
        self.box.daemon()

    # --- one cell ---

    def prepare(self, cell):
        """Commits the repo of a cell, notes what the hub says of it, and scripts the fault."""
        files = {
            "config.json": json.dumps({"cell": cell.number, "text": "x" * 200}),
            "notes.txt": f"cell {cell.number}\n" * 20,
            "vocab.txt": f"words of cell {cell.number}\n" * 20,
            cell.file: {"size": cell.phase.size, "seed": 1_000 + cell.number},
        }
        self.hub.commit(cell.repo, files)
        cell.blobs = self.hub.blobs(cell.repo, list(files))
        cell.rule = self.hub.fault(**cell.fault_rule())

    def pull(self, cell, *flags):
        return self.box.batuta("hf", "pull", "model", cell.repo, "--format", "json", *flags, env={"HF_TOKEN": cell.token})

    def pull_under_fault(self, cell):
        self.prepare(cell)
        begin = time.monotonic()
        result = self.pull(cell, *(["--no-wait"] if cell.lasts else []))
        cell.seconds = time.monotonic() - begin
        if result.code == 0:
            cell.outcome = "OK"
            self.check_files(cell, result.json)
        else:
            self.check_error(cell, result)
        expected = cell.fault.outcomes(cell.phase, cell.lasts)
        cell.expect(cell.outcome in expected, f"ends with {cell.outcome}, not with {' or '.join(sorted(expected))}: {result.err[-400:]}")

    def pull_after_fault(self, cell):
        result = self.pull(cell, "--refresh")  # that a revision is not there is remembered for a short while
        if result.code == 0:
            self.check_files(cell, result.json)
        else:
            cell.problems.append(f"once the fault is over: exit {result.code}: {result.err[-400:]}")

    def check_error(self, cell, result):
        error = result.error
        cell.outcome = error["reason"]
        cell.expect(result.code == EXIT_CODES.get(error["reason"]), f"exit {result.code} with {error['reason']}")
        cell.expect(error["code"] and error["message"], f"an error without words: {error}")
        cell.expect(error["hint"], f"no hint: {error}")
        cell.expect(not (self.folder_of(cell) / "refs" / "main").exists(), "there is a ref to what is not all there")

    def check_files(self, cell, document):
        """Each file is a link to the blob that the hub names. That the blobs have the right bytes is the watcher's to see."""
        snapshot = self.folder_of(cell) / "snapshots" / document["commit"]
        found = {name: os.path.basename(os.readlink(snapshot / name)) for name in os.listdir(snapshot)}
        cell.expect(found == cell.blobs, f"the snapshot holds {found}, the hub {cell.blobs}")
        missing = [blob for blob in cell.blobs.values() if not (self.folder_of(cell) / "blobs" / blob).is_file()]
        cell.expect(not missing, f"blobs are missing: {missing}")

    def folder_of(self, cell):
        return self.box.cache / ("models--" + cell.repo.replace("/", "--"))

    # --- all of them ---

    def run_matrix(self, lasts, connections):
        cells = [Cell(number, fault, phase, lasts)
                 for number, (fault, phase) in enumerate((fault, phase) for fault in FAULTS for phase in PHASES)]
        self.begin(cells, connections)
        begin = time.monotonic()
        with Watcher(self.box.cache) as watcher, concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            list(pool.map(self.pull_under_fault, cells))
            hits = self.hub.fault_hits()
            self.hub.clear_faults()
            list(pool.map(self.pull_after_fault, cells))
        for cell in cells:
            cell.expect((hits[cell.rule] == 0) == cell.is_harmless, f"the fault struck {hits[cell.rule]} times")
        self.report(cells, watcher, time.monotonic() - begin)
        self.assertEqual(watcher.faults, [])
        self.assertEqual([str(path) for path in leftovers(self.box.cache)], [])
        self.assert_tree_is_sound()

    def report(self, cells, watcher, seconds):
        outcomes = collections.Counter(cell.outcome for cell in cells)
        slowest = max(cells, key=lambda cell: cell.seconds)
        print(f"{len(cells)} cells in {seconds:.1f} s: {dict(outcomes)}; {watcher.scans} scans saw {len(watcher.blobs_seen)} blobs; "
              f"slowest: {slowest}, {slowest.seconds:.1f} s")
        problems = [f"{cell} (cell {cell.number}): {problem}" for cell in cells for problem in cell.problems]
        self.assertEqual(problems, [], "\n" + "\n".join(problems))

    def test_every_kind_of_fault_has_a_case(self):
        kinds = {fault.rule["kind"] for fault in FAULTS} | KINDS_OF_CONNECTIONS | KINDS_OF_UPLOADS
        self.assertEqual(set(self.box.hub().fault_kinds()), kinds)

    def test_a_fault_that_passes(self):
        self.run_matrix(lasts=False, connections=8)

    def test_a_fault_that_lasts(self):
        self.run_matrix(lasts=True, connections=1)


class ResetConnectionsTest(EndToEndTest):
    """A server that resets connections before it reads a request."""

    def setUp(self):
        super().setUp()
        self.hub = self.box.hub(args=["--no-rate-limits"])
        self.hub.commit("acme/otter", {"config.json": "{}", "model.safetensors": {"size": LARGE, "seed": 1}})
        self.box.daemon()

    def test_some_connections(self):
        for listener in ("cdn", "hub"):  # in this order: rules come through the hub
            self.hub.fault(kind="reset_at_accept", listener=listener, count=2)
        with Watcher(self.box.cache) as watcher:
            self.box.pull("model", "acme/otter")
        self.assertEqual(set(self.hub.fault_hits().values()), {2})
        self.assertEqual(watcher.faults, [])
        self.assert_tree_is_sound()

    def test_all_connections_to_the_file_server(self):
        self.hub.fault(kind="reset_at_accept", listener="cdn", count="always")
        self.assert_clear_error()
        self.hub.clear_faults()
        self.box.pull("model", "acme/otter")
        self.assertEqual(leftovers(self.box.cache), [])
        self.assert_tree_is_sound()

    def test_all_connections_to_the_hub_for_some_time(self):
        # Not for ever: what clears the faults has to connect, too. A pull that may not wait gives up after three.
        rule = self.hub.fault(kind="reset_at_accept", listener="hub", count=4)
        self.assert_clear_error()
        self.box.pull("model", "acme/otter")
        self.assertEqual(self.hub.fault_hits()[rule], 4)
        self.assert_tree_is_sound()

    def assert_clear_error(self):
        error = self.box.pull("model", "acme/otter", "--no-wait", code=6)
        self.assertEqual(error["reason"], "HUB_UNREACHABLE")
        self.assertTrue(error["message"] and error["hint"])
        self.assertEqual(list(self.box.cache.glob("*/refs/*")), [])


if __name__ == "__main__":
    unittest.main()
