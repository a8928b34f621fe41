"""One connection of eight that stalls or crawls: the file is there as soon as the others can bring it.

Every answer of the CDN is paced, and everything lies in memory, so that time is what the pace makes of it and not what machine and
disk are busy with.
"""

import time
import unittest

from harness import EndToEndTest, SLOWNESS

CONNECTIONS = 8
PACE = 2_000_000  # bytes per second of each connection
SIZE = 48_000_000
STALL_TIMEOUT_S = 2
MOMENTS = {"early": 2, "late": 10}  # of some 12 requests for segments, so many come before the victim


class ConnectionsTest(EndToEndTest):
    PARENT = "/dev/shm"

    def begin(self, connections=CONNECTIONS, size=SIZE):
        self.size = size
        config = self.box.folder / "config" / "batuta"
        config.mkdir(parents=True)
        (config / "config.toml").write_text(
            f"[transfer]\nconnections_per_file = {connections}\nstall_timeout = {STALL_TIMEOUT_S}\n")
        self.hub = self.box.hub(args=["--no-rate-limits"])
        self.box.daemon()
        self.undisturbed_s, _ = self.seconds("undisturbed")

    def seconds(self, name, **fault):
        """How long the pull of a file takes, and what of the log is about it; `fault` strikes one of the requests."""
        repo = "acme/" + name.replace(" ", "-")
        self.hub.commit(repo, {f"{name}.safetensors": {"size": self.size, "seed": sum(name.encode())}})
        self.hub.clear_faults()
        self.hub.clear_log()
        if fault:  # before the pace: of each kind the first rule counts
            self.hub.fault(listener="cdn", count=1, **fault)
        self.hub.fault(kind="slow", listener="cdn", count="always", bytes_per_second=PACE)
        begin = time.monotonic()
        self.box.pull("model", repo)
        elapsed = time.monotonic() - begin
        return elapsed, [entry for entry in self.hub.requests() if entry["listener"] == "cdn"]

    def assert_in_time(self, name, longest_s, **fault):
        """Returns how many bytes came over the victim, the connection of which most was left to others."""
        elapsed, requests = self.seconds(name, **fault)
        victim = min(requests, key=lambda entry: entry["body_bytes_sent"] / self.asked_bytes(entry))
        print(f"{name}: {elapsed:.1f} s, at most {longest_s:.1f} s ({self.undisturbed_s:.1f} s undisturbed); "
              f"connection {victim['connection_id']} brought {victim['body_bytes_sent']} of its {self.asked_bytes(victim)} bytes")
        self.assertLessEqual(elapsed, longest_s, [(entry["range"], entry["body_bytes_sent"], entry["start_ms"]) for entry in requests])
        self.assert_tree_is_sound()
        return victim["body_bytes_sent"]

    @staticmethod
    def asked_bytes(entry):
        first, last = entry["range"].removeprefix("bytes=").split("-")
        return int(last) - int(first) + 1

    def test_a_stalled_connection_costs_the_stall_timeout(self):
        self.begin()
        for moment, skip in MOMENTS.items():
            came = self.assert_in_time(f"stalled {moment}", self.undisturbed_s + STALL_TIMEOUT_S + 2 * SLOWNESS,
                                       kind="stall", at_bytes=500_000, skip=skip)
            self.assertEqual(came, 500_000)

    def test_where_there_is_no_other_connection_either(self):
        self.begin(connections=1, size=8_000_000)
        came = self.assert_in_time("stalled alone", self.undisturbed_s + STALL_TIMEOUT_S + 2 * SLOWNESS, kind="stall", at_bytes=500_000,
                                   skip=1)  # the first request only looks at the beginning of the file
        self.assertGreaterEqual(came, 500_000)

    def test_the_tail_does_not_wait_for_a_slow_connection(self):
        self.begin()
        for moment, skip in MOMENTS.items():
            for times in (9, 40):
                self.assert_in_time(f"{times} times slower {moment}", 1.3 * self.undisturbed_s + 2.5 * SLOWNESS,
                                    kind="slow", bytes_per_second=PACE // times, skip=skip)


if __name__ == "__main__":
    unittest.main()
