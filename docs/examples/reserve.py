"""Asks the hub inside the machine's budget: python3 reserve.py SOCKET URL. Stubs: see docs/api.md."""
import sys
import urllib.error
import urllib.request

import grpc
from batuta.v1 import budget_service_pb2 as budget
from batuta.v1 import budget_service_pb2_grpc

socket, url = sys.argv[1:3]
service = budget_service_pb2_grpc.BudgetServiceStub(grpc.insecure_channel(f"unix:{socket}"))
tool = (("x-batuta-tool", "reserve.py"),)
for event in service.Reserve(budget.ReserveRequest(url=url), metadata=tool):
    if event.HasField("waiting"):
        print(f"waiting: {event.waiting.reason} until {event.waiting.until.ToJsonString()}", file=sys.stderr)
answer = budget.SettleRequest(reservation_id=event.granted.id)
try:
    with urllib.request.urlopen(url) as response:
        answer.status, headers = response.status, response.headers
        print(response.read().decode())
except urllib.error.HTTPError as error:
    answer.status, headers = error.code, error.headers
answer.rate_limit = headers.get("RateLimit", "")
answer.rate_limit_policy = headers.get("RateLimit-Policy", "")
answer.retry_after = headers.get("Retry-After", "")
service.Settle(answer, metadata=tool)
