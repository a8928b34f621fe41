"""Clients that mean no good, under a uid of their own, beside one that only wants to know where a file is.

A system daemon serves both. Whatever the hostile ones do, the daemon lives, the other is served all the while, memory and descriptors stay
within bounds, and when the hostile ones have gone so have their descriptors. Needs root, to be two other users.
"""

import json
import os
import pathlib
import subprocess
import sys
import time
import unittest

from api_stubs import STUBS, grpc  # before the modules that it makes
from batuta.v1 import cache_service_pb2, cache_service_pb2_grpc, daemon_service_pb2, daemon_service_pb2_grpc
from batuta.v1 import budget_service_pb2, job_service_pb2, job_service_pb2_grpc, types_pb2
from harness import MEMORY, PATIENCE_S, EndToEndTest, wait_until

HOSTILE, GOOD = 41_001, 41_002  # uids
SOURCE = (pathlib.Path(__file__).parent / "hostile_client.py").read_text()
SHARE = 2_040  # connections that one user gets while nobody else has any: half of what there is for users

# Beyond what the daemon takes at rest. A call costs gRPC some 20 KiB, and a user has quotas of 2,048 calls and 64 MiB.
MOST_MORE_BYTES = (400 << 20) * MEMORY

REPO = types_pb2.RepoId(type=types_pb2.REPO_TYPE_MODEL, id="acme/otter")
STREAMS = 100  # calls under way that one connection may have
BURST, PACE = 1_000, 5_000  # calls that one connection may make at once, and in each second

RESOLVE = "/batuta.v1.CacheService/Resolve"
QUESTION = cache_service_pb2.ResolveRequest(repo=REPO, path="config.json")


class HostileTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.hub = self.box.hub(args=["--no-rate-limits"])
        self.hub.commit("acme/otter", {"config.json": "{}", "model.safetensors": {"size": 100_000, "seed": 1}})
        self.box.env.update(BATUTA_STATE_DIR=str(self.box.state))
        self.process = self.box.daemon("--system")
        self.box.pull("model", "acme/otter")
        # Every user may come in, as members of the group do.
        for folder in (self.box.folder, self.box.socket.parent):
            folder.chmod(0o711)
        self.box.socket.chmod(0o666)
        self.channel = grpc.insecure_channel(f"unix:{self.box.socket}")
        self.addCleanup(self.channel.close)
        self.cache = cache_service_pb2_grpc.CacheServiceStub(self.channel)
        self.status = daemon_service_pb2_grpc.DaemonServiceStub(self.channel)
        self.ask()
        self.rest_bytes, self.rest_files = self.bytes(), self.files()

    # --- what the daemon has ---

    def bytes(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) << 10
        raise AssertionError("the daemon has ended: " + self.box.daemon_log()[-2_000:])

    def files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def connections(self):
        return self.status.GetStatus(daemon_service_pb2.GetStatusRequest(), timeout=PATIENCE_S).connections

    # --- who is there ---

    def attack(self, how, count, seconds=PATIENCE_S, method="", request=b"", user=HOSTILE):
        process = subprocess.Popen([sys.executable, "-I", "-c", SOURCE, str(self.box.socket), how, str(count), str(seconds), method, request.hex()],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.box.log("hostile.log"), text=True, user=user, group=user,
                                   extra_groups=[], cwd="/")
        self.box.processes.append(process)
        self.assertEqual(process.stdout.readline(), "begun\n", (self.box.folder / "hostile.log").read_text())
        return process

    def end(self, process):
        """Lets it end, and returns what became of what it did."""
        out = process.stdout.read()
        self.assertEqual(process.wait(timeout=PATIENCE_S), 0, (self.box.folder / "hostile.log").read_text())
        return json.loads(out)

    def leave(self, process):
        """Lets it end as it is."""
        process.stdin.close()
        process.stdin = None
        process.communicate(timeout=PATIENCE_S)

    def ask(self, count=20):
        for _ in range(count):
            answer = self.cache.Resolve(QUESTION, timeout=PATIENCE_S)
            self.assertTrue(answer.path.endswith("config.json"), answer)

    def call_of_another_program(self, user):
        """Asks for the listing on a connection of its own: "OK", or why not."""
        script = ("import sys, grpc\n"
                  "call = grpc.insecure_channel('unix:' + sys.argv[1]).unary_unary(sys.argv[2], request_serializer=bytes, response_deserializer=bytes)\n"
                  "try: call(b'', timeout=float(sys.argv[3])); print('OK')\n"
                  "except grpc.RpcError as error: print(error.code().name, error.details())\n")
        result = subprocess.run([sys.executable, "-c", script, str(self.box.socket), "/batuta.v1.CacheService/ListRepos", str(PATIENCE_S)], capture_output=True, text=True,
                                user=user, group=user, extra_groups=[], cwd="/", timeout=2 * PATIENCE_S, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout.strip()

    def newcomer(self):
        """Somebody who has no connection yet gets one."""
        client = self.box.batuta("hf", "cache", "ls", "--format", "json")
        self.assertEqual(client.code, 0, client.err)
        self.assertEqual(self.call_of_another_program(GOOD), "OK")

    def assert_bounded(self):
        self.assertLess(self.bytes() - self.rest_bytes, MOST_MORE_BYTES)
        self.assertLess(self.files() - self.rest_files, 2 * SHARE + 100)

    def withstand(self, how, count, seconds=3, method=RESOLVE, request=QUESTION.SerializeToString()):
        """One attack from beginning to end; returns what became of it."""
        process = self.attack(how, count, seconds, method, request)
        while process.poll() is None:
            self.ask()
            self.assert_bounded()
        self.newcomer()
        done = self.end(process)
        self.assertIsNone(self.process.poll(), self.box.daemon_log()[-3_000:])
        self.assert_bounded()
        wait_until(lambda: self.files() <= self.rest_files + 20, f"the descriptors to be given back ({self.rest_files}, now {self.files()})")
        self.assertEqual(self.box.batuta("daemon", "status").code, 0)
        return done

    # --- connections ---

    def test_thousands_of_connections_of_one_user_leave_room_for_others(self):
        for how in ("idle", "unsettled"):
            process = self.attack(how, 3_000)
            wait_until(lambda: self.connections() >= SHARE, "the connections")
            self.assertLess(self.connections(), SHARE + 20)
            self.ask()
            self.newcomer()
            self.assert_bounded()
            self.leave(process)
            wait_until(lambda: self.files() <= self.rest_files + 20, "the descriptors to be given back")

    def test_who_says_nothing_is_sent_away(self):
        for how in ("silent", "half"):
            process = self.attack(how, 1_500)
            self.newcomer()
            wait_until(lambda: self.connections() < 10, "them to be sent away")
            self.assert_bounded()
            self.leave(process)
        self.assertLess(self.box.daemon_log().count("connection refused"), 10)

    def test_connections_that_come_and_go(self):
        self.assertGreater(self.withstand("come_and_go", 1)["sent"], 100)

    # --- bytes ---

    def test_bytes_that_are_no_http2_or_no_grpc(self):
        self.withstand("garbage", 3)

    def test_headers_without_end_and_pings(self):
        self.withstand("no_end_of_headers", 20_000)
        self.withstand("pings", 100_000)

    def test_calls_that_are_taken_back_at_once(self):
        listing = cache_service_pb2.ListReposRequest().SerializeToString()
        for how, method, request in (("resets", RESOLVE, QUESTION.SerializeToString()), ("resets_of_many", RESOLVE, QUESTION.SerializeToString()),
                                     ("resets", "/batuta.v1.CacheService/ListRepos", listing)):
            done = self.withstand(how, 150_000, 20, method, request)
            self.assertGreater(done["sent"], 10_000)
        self.assertIn("takes back too many calls", self.box.daemon_log())

    def test_who_takes_back_what_he_has_under_way_may_go_on(self):
        """A program that gives up all it asked, as at Ctrl-C, and asks anew on the same connection."""
        repos = cache_service_pb2.ListReposRequest()
        for _ in range(3):
            calls = [self.cache.ListRepos.future(repos, timeout=PATIENCE_S) for _ in range(256)]
            for call in calls:
                call.cancel()
            self.ask()
        self.assertNotIn("connection closed", self.box.daemon_log())

    def test_what_is_too_large_or_no_message_is_refused(self):
        identity = lambda value: value
        cases = [(bytes(13 << 20), (), grpc.StatusCode.RESOURCE_EXHAUSTED), (bytes(3 << 20), (), grpc.StatusCode.INVALID_ARGUMENT), (b"\xff" * 50, (), grpc.StatusCode.UNIMPLEMENTED),
                 (QUESTION.SerializeToString(), (("x-large", "y" * 9_000),), grpc.StatusCode.RESOURCE_EXHAUSTED)]
        # Of its own: metadata that is too large ends its connection, as HTTP/2 has it for headers that were not read to their end.
        with grpc.insecure_channel(f"unix:{self.box.socket}", options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
            states = []
            channel.subscribe(states.append, try_to_connect=True)
            wait_until(lambda: grpc.ChannelConnectivity.READY in states, "the connection")
            call = channel.unary_unary(RESOLVE, request_serializer=identity, response_deserializer=identity)
            for request, metadata, code in cases:
                self.assertEqual(states[-1], grpc.ChannelConnectivity.READY, "a call that is refused costs no connection")
                with self.assertRaises(grpc.RpcError) as caught:
                    call(request, metadata=metadata, timeout=PATIENCE_S)
                self.assertEqual(caught.exception.code(), code, caught.exception)
        self.ask()

    def test_a_small_message_that_would_become_a_large_one_is_refused(self):
        """Twelve megabytes of empty entries: each of two bytes would be an object of eighty."""
        def field(number, data):
            length, rest = b"", len(data)
            while rest > 127:
                length, rest = length + bytes([rest % 128 | 128]), rest // 128
            return bytes([number << 3 | 2]) + length + bytes([rest]) + data

        spec = types_pb2.PullSpec.DESCRIPTOR.fields_by_name
        plan, start = (kind.DESCRIPTOR.fields_by_name["spec"].number for kind in (job_service_pb2.PlanPullRequest, job_service_pb2.StartPullRequest))
        for name in ("locked", "include"):
            entries = field(spec[name].number, b"") * 5_000_000
            calls = [self.channel.unary_stream("/batuta.v1.JobService/PlanPull", request_serializer=bytes, response_deserializer=bytes)(field(plan, entries), timeout=PATIENCE_S)
                     for _ in range(4)]
            for call in calls:
                with self.assertRaises(grpc.RpcError) as caught:
                    next(call)
                self.assertEqual(caught.exception.code(), grpc.StatusCode.INVALID_ARGUMENT, caught.exception)
            call = self.channel.unary_unary("/batuta.v1.JobService/StartPull", request_serializer=bytes, response_deserializer=bytes)
            with self.assertRaises(grpc.RpcError) as caught:
                call(field(start, entries), timeout=PATIENCE_S)
            self.assertEqual(caught.exception.code(), grpc.StatusCode.INVALID_ARGUMENT, caught.exception)
            self.assertIn("larger than StartPull", caught.exception.details())
        self.assert_bounded()
        self.ask()

    def test_a_user_has_a_share_of_the_jobs(self):
        self.process.terminate()
        self.process.wait(timeout=PATIENCE_S)
        config = self.box.folder / "jobs.toml"
        config.write_text("[users]\nmax_jobs = 3\n")
        self.hub.fault(kind="latency", duration_ms=600_000, count="always")
        self.process = self.box.daemon("--system", "--config", str(config))
        channel = grpc.insecure_channel(f"unix:{self.box.socket}", options=[("grpc.use_local_subchannel_pool", 1)])
        self.addCleanup(channel.close)
        jobs = job_service_pb2_grpc.JobServiceStub(channel)
        start = lambda number: jobs.StartPull(job_service_pb2.StartPullRequest(
            request_id=f"flood-{number}", spec=types_pb2.PullSpec(repo=types_pb2.RepoId(type=types_pb2.REPO_TYPE_MODEL, id=f"acme/other-{number}"))),
            timeout=PATIENCE_S)
        for number in range(3):
            start(number)
        for number in range(3, 50):
            with self.assertRaises(grpc.RpcError) as caught:
                start(number)
            self.assertEqual(caught.exception.code(), grpc.StatusCode.RESOURCE_EXHAUSTED, caught.exception)
        self.assertEqual(start(1).job.repo.id, "acme/other-1")  # which is there already

    # --- calls ---

    def test_a_flood_of_calls(self):
        begin = time.monotonic()
        answered = self.withstand("flood", STREAMS)["answered"]
        self.assertGreater(answered, 100)
        self.assertLess(answered, BURST + PACE * (time.monotonic() - begin))
        listing = cache_service_pb2.ListReposRequest().SerializeToString()
        self.withstand("flood", STREAMS, method="/batuta.v1.CacheService/ListRepos", request=listing)

    def test_answers_that_nobody_reads(self):
        for method, request in ((RESOLVE, QUESTION.SerializeToString()), ("/batuta.v1.DaemonService/GetConfig", b""),
                                ("/batuta.v1.BudgetService/WatchLimits", b"")):
            self.withstand("never_read", 5_000, method=method, request=request)

    def test_callers_who_leave_before_the_answer(self):
        plan = job_service_pb2.PlanPullRequest(spec=types_pb2.PullSpec(repo=REPO)).SerializeToString()
        self.withstand("abandon", 500, method="/batuta.v1.JobService/PlanPull", request=plan)
        self.withstand("abandon", 500, method="/batuta.v1.CacheService/Verify", request=b"")
        self.withstand("abandon", 500, method="/batuta.v1.CacheService/Import", request=b"")

    def test_messages_that_are_begun_and_never_ended(self):
        self.withstand("unfinished", 50)
        self.withstand("drip", 20)

    def test_a_user_has_a_share_of_the_calls(self):
        """Leases, for example: thousands on his connections are too many, and the error says so; others have theirs."""
        channel = grpc.insecure_channel(f"unix:{self.box.socket}", options=[("grpc.use_local_subchannel_pool", 1)])
        self.addCleanup(channel.close)
        lease = cache_service_pb2.LeaseRequest(repo=REPO).SerializeToString()
        processes = [self.attack("never_read", STREAMS, method="/batuta.v1.CacheService/Lease", request=lease) for _ in range(6)]
        self.ask()
        self.assertRegex(self.call_of_another_program(HOSTILE), "RESOURCE_EXHAUSTED.*calls of this user")
        for one in processes:
            self.leave(one)
        wait_until(lambda: self.files() <= self.rest_files + 20, "the descriptors to be given back")
        self.assert_bounded()


if __name__ == "__main__":
    sys.path.insert(0, STUBS.name)
    unittest.main()
