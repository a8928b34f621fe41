"""The daemon's API from Python: the modules of batuta.v1 made from proto/, and a tool that pulls with them."""

import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
STUBS = tempfile.TemporaryDirectory(prefix="batuta-stubs-")
PROTOS = sorted(str(path.relative_to(ROOT / "proto")) for path in (ROOT / "proto" / "batuta" / "v1").glob("*.proto"))
subprocess.run([sys.executable, "-m", "grpc_tools.protoc", f"-I{ROOT / 'proto'}", f"--python_out={STUBS.name}",
                f"--grpc_python_out={STUBS.name}", *PROTOS], check=True)
sys.path.insert(0, STUBS.name)

import grpc  # noqa: E402
from batuta.v1 import job_service_pb2, job_service_pb2_grpc, types_pb2  # noqa: E402

from harness import PATIENCE_S  # noqa: E402


class Tool:
    """A program other than ours on the socket: it gives itself a name and pulls datasets."""

    def __init__(self, socket, name):
        self.channel = grpc.insecure_channel(f"unix:{socket}")
        self.metadata = (("x-batuta-tool", name),)
        self._jobs = job_service_pb2_grpc.JobServiceStub(self.channel)

    def close(self):
        self.channel.close()

    def start(self, repo):
        spec = types_pb2.PullSpec(repo=types_pb2.RepoId(type=types_pb2.REPO_TYPE_DATASET, id=repo))
        return self._jobs.StartPull(job_service_pb2.StartPullRequest(spec=spec), metadata=self.metadata, timeout=PATIENCE_S).job.id

    def watch(self, job_id):
        """The job at each change, until it ends."""
        request = job_service_pb2.WatchJobRequest(job_id=job_id, without_files=True)
        for update in self._jobs.WatchJob(request, metadata=self.metadata, timeout=4 * PATIENCE_S):
            yield update.job

    def pull(self, repo):
        """Pulls to the end, which must be a good one."""
        job = None
        for job in self.watch(self.start(repo)):
            pass
        if job.state != types_pb2.Job.STATE_DONE:
            raise AssertionError(f"{repo}: {job}")

    def cancel(self, job_id):
        self._jobs.CancelJob(job_service_pb2.CancelJobRequest(job_id=job_id), metadata=self.metadata, timeout=PATIENCE_S)
