"""Other tools on the socket: the documented example, health, reflection, and errors with their reason."""

import os
import subprocess
import sys
import unittest

from harness import EndToEndTest
from api_stubs import ROOT, STUBS, grpc  # before the modules that it makes
from batuta.v1 import daemon_service_pb2, daemon_service_pb2_grpc
from batuta.v1 import error_pb2, hub_service_pb2, hub_service_pb2_grpc
from batuta.v1 import job_service_pb2, job_service_pb2_grpc, types_pb2


def unary(channel, method, request=b""):
    """A call without generated code: bytes in, bytes out."""
    identity = lambda value: value
    return channel.unary_unary(method, request_serializer=identity, response_deserializer=identity)(request, timeout=30)


class ApiTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.hub = self.box.hub()
        self.hub.commit("acme/otter", {"config.json": "{}", "model.safetensors": {"size": 6_000_000, "seed": 1}})
        self.box.daemon()
        self.channel = grpc.insecure_channel(f"unix:{self.box.socket}")
        self.addCleanup(self.channel.close)

    def test_documented_example_pulls(self):
        result = subprocess.run([sys.executable, str(ROOT / "docs" / "examples" / "pull.py"), str(self.box.socket), "acme/otter"],
                                env={**os.environ, "PYTHONPATH": STUBS.name}, capture_output=True, text=True, timeout=120,
                                check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertTrue(os.path.isfile(os.path.join(result.stdout.strip(), "model.safetensors")))

    def test_health_says_serving(self):
        # HealthCheckResponse{status: SERVING} is field 1, varint 1.
        self.assertEqual(unary(self.channel, "/grpc.health.v1.Health/Check"), b"\x08\x01")

    def test_reflection_lists_the_services(self):
        # ServerReflectionRequest{list_services: "*"} is field 7.
        call = self.channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                                          request_serializer=lambda value: value, response_deserializer=lambda value: value)
        answer = next(iter(call(iter([b"\x3a\x01*"]), timeout=30)))
        for service in ("HubService", "JobService", "CacheService", "BudgetService", "DaemonService"):
            self.assertIn(f"batuta.v1.{service}".encode(), answer)

    def test_error_carries_code_reason_and_hint(self):
        stub = hub_service_pb2_grpc.HubServiceStub(self.channel)
        request = hub_service_pb2.GetRepoRequest(repo=types_pb2.RepoId(type=types_pb2.REPO_TYPE_MODEL, id="bad//id"))
        with self.assertRaises(grpc.RpcError) as caught:
            stub.GetRepo(request, timeout=30)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)
        details = dict(caught.exception.trailing_metadata())["grpc-status-details-bin"]
        status = error_pb2.RpcStatus.FromString(details)
        info = error_pb2.ErrorInfo.FromString(status.details[0].value)
        self.assertEqual((info.reason, info.domain), ("INVALID_REPO_ID", "batuta"))

    def test_request_id_makes_start_idempotent(self):
        stub = job_service_pb2_grpc.JobServiceStub(self.channel)
        spec = types_pb2.PullSpec(repo=types_pb2.RepoId(type=types_pb2.REPO_TYPE_MODEL, id="acme/otter"))
        first = stub.StartPull(job_service_pb2.StartPullRequest(request_id="r-1", spec=spec), timeout=30).job
        again = stub.StartPull(job_service_pb2.StartPullRequest(request_id="r-1", spec=spec), timeout=30).job
        self.assertEqual(first.id, again.id)

    def test_watch_can_be_left_and_taken_up_again(self):
        self.hub.fault(kind="slow", listener="cdn", count="always", bytes_per_second=3_000_000)
        stub = job_service_pb2_grpc.JobServiceStub(self.channel)
        spec = types_pb2.PullSpec(repo=types_pb2.RepoId(type=types_pb2.REPO_TYPE_MODEL, id="acme/otter"))
        job = stub.StartPull(job_service_pb2.StartPullRequest(spec=spec), timeout=30).job
        files, sequence, state = {}, 0, None
        while state not in (types_pb2.Job.STATE_DONE, types_pb2.Job.STATE_FAILED):
            stream = stub.WatchJob(job_service_pb2.WatchJobRequest(job_id=job.id, after_sequence=sequence), timeout=60)
            change = next(iter(stream))
            stream.cancel()
            self.assertGreaterEqual(change.sequence, sequence)
            sequence, state = change.sequence, change.job.state
            files.update({file.path: file.status for file in change.files})
        self.assertEqual(state, types_pb2.Job.STATE_DONE)
        self.assertEqual(files["model.safetensors"], types_pb2.PullFile.STATUS_DOWNLOADED)
        self.assertEqual(files["config.json"], types_pb2.PullFile.STATUS_DOWNLOADED)

    def test_shutdown_by_rpc(self):
        daemon_service_pb2_grpc.DaemonServiceStub(self.channel).Shutdown(daemon_service_pb2.ShutdownRequest(), timeout=30)
        self.assertEqual(self.box.processes[-1].wait(60), 0)


if __name__ == "__main__":
    unittest.main()
