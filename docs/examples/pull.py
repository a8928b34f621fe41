"""Pulls a model through the daemon's socket: python3 pull.py SOCKET REPO. Stubs: see docs/api.md."""
import sys
import uuid

import grpc
from batuta.v1 import job_service_pb2 as jobs
from batuta.v1 import job_service_pb2_grpc, types_pb2 as types

service = job_service_pb2_grpc.JobServiceStub(grpc.insecure_channel(f"unix:{sys.argv[1]}"))
spec = types.PullSpec(repo=types.RepoId(type=types.REPO_TYPE_MODEL, id=sys.argv[2]))
job = service.StartPull(jobs.StartPullRequest(request_id=str(uuid.uuid4()), spec=spec)).job
for change in service.WatchJob(jobs.WatchJobRequest(job_id=job.id)):
    job = change.job
    print(f"{job.done_bytes} of {job.total_bytes} bytes", file=sys.stderr)
if job.error.reason:
    sys.exit(f"{job.error.reason}: {job.error.message}")
print(job.snapshot_path)
