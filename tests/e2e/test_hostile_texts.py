"""Paths, globs, ids and whatever else a client sends as text are data: hostile ones through every text of every RPC.

The RPCs and their fields are read from the API itself, so one that is added is tested as well. A text that is no id, path or revision ends in
INVALID_ARGUMENT with a reason; any other is used as the text that it is. Nothing appears outside the cache's own tree, nothing of a text
makes a line of the log, no error is as long as what it complains of, and the daemon is there afterwards.
"""

import importlib
import itertools
import sys
import unittest

from api_stubs import PROTOS, STUBS, grpc  # before the modules that it makes
from batuta.v1 import error_pb2
from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor
from harness import PATIENCE_S, EndToEndTest

MODULES = [importlib.import_module(path.removesuffix(".proto").replace("/", ".") + "_pb2") for path in PROTOS]
MESSAGES = message_factory.MessageFactory()
LEFT_OUT = {"Shutdown"}  # it takes no text, and the others need the daemon

TEXTS = {
    "climbs": "../../../../outside",
    "climbs within": "a/../../outside",
    "absolute": "/outside/x",
    "NUL": "a\0b",
    "newline": "a\nFORGED line=1",
    "escape": "\x1b[31mred",
    "dots": "..",
    "slashes": "a//b",
    "percent": "..%2f..%2foutside",
    "a megabyte": "x" * (1 << 20),
    "glob of a megabyte": "*a" * (1 << 19),
    "catastrophic glob": "*a" * 1_000 + "b",
    "brackets": "[" * 2_000,
    "braces": "{a,b}" * 500,
    "not a name": "\u202e\ufeff\U0001f9a6",
}
NO_NAMES = ("climbs", "climbs within", "absolute", "NUL", "newline", "escape", "dots", "slashes", "a megabyte", "glob of a megabyte")

# Fields that hold the name of something: (message, field).
NAMES = {("RepoId", "id"), ("ResolveRequest", "path"), ("ResolveRequest", "revision"), ("LeaseRequest", "revision"), ("PinRequest", "revision"),
         ("UnpinRequest", "revision"), ("GetRepoRequest", "revision"), ("ListFilesRequest", "revision"), ("PullSpec", "revision"),
         ("FitRequest", "revision"), ("Entry", "path"), ("Entry", "blob"), ("ImportHeader", "commit"), ("ImportHeader", "refs"), ("ImportBlob", "blob")}

# A client's own fault, or what the text was asked for is not there or not allowed. Never that something went wrong here.
ANSWERS = {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION,
           grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.RESOURCE_EXHAUSTED}
PLACE = "PLACEHOLDER"


def text_fields(message, before=()):
    """Where a message has texts: the fields on the way to each."""
    for field in message.fields:
        if field.type == FieldDescriptor.TYPE_STRING:
            yield (*before, field)
        elif field.type == FieldDescriptor.TYPE_MESSAGE and len(before) < 4 and not field.message_type.GetOptions().map_entry:
            yield from text_fields(field.message_type, (*before, field))


def put(message, fields, text):
    for field in fields[:-1]:
        inner = getattr(message, field.name)
        message = inner.add() if field.label == FieldDescriptor.LABEL_REPEATED else inner
        message.SetInParent()
    last = fields[-1]
    if last.label == FieldDescriptor.LABEL_REPEATED:
        getattr(message, last.name).append(text)
    else:
        setattr(message, last.name, text)


def make_valid(message):
    """Whatever names a repo names one, so that the other fields are looked at as well."""
    for field in message.DESCRIPTOR.fields:
        if field.type != FieldDescriptor.TYPE_MESSAGE or field.label == FieldDescriptor.LABEL_REPEATED:
            continue
        if field.message_type.name == "RepoId":
            getattr(message, field.name).type = 1
            getattr(message, field.name).id = "acme/otter"
        elif field.message_type.name in ("PullSpec", "PushSpec"):
            make_valid(getattr(message, field.name))


def give_types(message):
    """A repo that has an id has a type as well."""
    if message.DESCRIPTOR.name == "RepoId":
        message.type = 1
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for inner in value if field.label == FieldDescriptor.LABEL_REPEATED else [value]:
                give_types(inner)


class HostileTextsTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.hub = self.box.hub(args=["--no-rate-limits"])
        self.hub.commit("acme/otter", {"config.json": "{}", "a" * 200 + ".txt": "1", "model.safetensors": {"size": 10_000, "seed": 1}})
        self.daemon = self.box.daemon()
        self.box.pull("model", "acme/otter")
        self.channel = grpc.insecure_channel(f"unix:{self.box.socket}", options=[("grpc.max_send_message_length", -1)])
        self.addCleanup(self.channel.close)

    def outside(self):
        """Every path that is not the cache's, the daemon's or the hub's."""
        own = (self.box.cache, self.box.state)
        found = {path for path in self.box.folder.rglob("*") if not any(path.is_relative_to(folder) for folder in own)}
        return found | {path for path in self.box.cache.iterdir() if not path.name.startswith(("models--", "datasets--", "spaces--"))}

    def methods(self):
        for module in MODULES:
            for service in module.DESCRIPTOR.services_by_name.values():
                for method in service.methods:
                    if method.name not in LEFT_OUT and self.is_served(service, method):
                        yield service, method

    def is_served(self, service, method):
        return self.call(service, method, b"")[0] != grpc.StatusCode.UNIMPLEMENTED

    def call(self, service, method, request):
        """The code, and the error when there is one, of a call with these bytes."""
        identity = lambda value: value
        kind = ("stream" if method.client_streaming else "unary", "stream" if method.server_streaming else "unary")
        stub = getattr(self.channel, "_".join(kind))(f"/{service.full_name}/{method.name}", request_serializer=identity, response_deserializer=identity)
        try:
            answer = stub(iter([request]) if method.client_streaming else request, timeout=PATIENCE_S)
            if method.server_streaming:
                next(iter(answer), None)
                answer.cancel()
            return grpc.StatusCode.OK, None
        except grpc.RpcError as error:
            return error.code(), error

    def reason_of(self, error):
        details = dict(error.trailing_metadata()).get("grpc-status-details-bin")
        self.assertIsNotNone(details, error)
        return error_pb2.ErrorInfo.FromString(error_pb2.RpcStatus.FromString(details).details[0].value).reason

    def requests(self, method, text):
        """A request for each text that the method takes, with this one there."""
        for fields in text_fields(method.input_type):
            request = MESSAGES.GetPrototype(method.input_type)()
            make_valid(request)
            put(request, fields, text)
            give_types(request)
            yield fields, request

    def test_every_text_of_every_call(self):
        before = self.outside()
        asked = set()
        for (service, method), (what, text) in itertools.product(self.methods(), TEXTS.items()):
            for fields, request in self.requests(method, text):
                name = (fields[-1].containing_type.name, fields[-1].name)
                with self.subTest(method=method.name, field=".".join(field.name for field in fields), text=what):
                    code, error = self.call(service, method, request.SerializeToString())
                    self.assertIn(code, ANSWERS, error)
                    asked.add(name)
                    if name in NAMES and what in NO_NAMES:
                        self.assertEqual(code, grpc.StatusCode.INVALID_ARGUMENT, error)
                        self.assertTrue(self.reason_of(error).startswith("INVALID_"), error)
                    if error is not None:
                        self.assertLess(len(error.details()), 1_500)
                        self.assertFalse([character for character in error.details() if character < " " and character != "\n"], error)
        self.assertGreater(len(asked), 30)
        self.assertLessEqual(NAMES - asked, set(), "names that no call takes")
        self.assertEqual(self.outside(), before)
        self.assertFalse([line for line in self.box.daemon_log().splitlines() if line.startswith("FORGED")])
        self.assertIsNone(self.daemon.poll())
        self.assertEqual(self.box.batuta("daemon", "status").code, 0)
        self.assert_tree_is_sound()

    def test_texts_that_are_no_utf8(self):
        """gRPC's own refusal: the message is none of this API."""
        for service, method in self.methods():
            for fields, request in self.requests(method, PLACE):
                with self.subTest(method=method.name, field=".".join(field.name for field in fields)):
                    data = request.SerializeToString()
                    self.assertIn(PLACE.encode(), data)
                    code, error = self.call(service, method, data.replace(PLACE.encode(), b"\xff\xfe\xc0\x80".ljust(len(PLACE), b"\xff")))
                    self.assertIn(code, {grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.INTERNAL, grpc.StatusCode.INVALID_ARGUMENT}, error)
        self.assertEqual(self.box.batuta("daemon", "status").code, 0)

    def test_bytes_that_are_no_message(self):
        for (service, method), data in itertools.product(self.methods(), (b"\xff" * 40, b"\x0a\xff\xff\xff\xff\x0f", b"\x0a\x05abc", b"\x0b" * 200)):
            with self.subTest(method=method.name, data=data[:8]):
                code, error = self.call(service, method, data)
                self.assertNotIn(code, {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNKNOWN}, error)
        self.assertEqual(self.box.batuta("daemon", "status").code, 0)


if __name__ == "__main__":
    sys.path.insert(0, STUBS.name)
    unittest.main()
