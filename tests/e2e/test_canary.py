"""Tokens stay where they belong: canaries in every place that a token comes from, a busy run, and then a search of everything it left.

Each place has a canary of its own, so a find says where it came from. Searched for are its bytes, and its bytes as base64, percent and hex
escapes. A canary may stand in the file that the user keeps it in, and in the Authorization of a request to the configured hub.
"""

import base64
import json
import os
import pathlib
import subprocess
import sys
import threading
import unittest
import urllib.parse

import catalog
from api_stubs import STUBS, grpc  # before the modules that it makes
from batuta.v1 import budget_service_pb2, budget_service_pb2_grpc, cache_service_pb2, cache_service_pb2_grpc
from batuta.v1 import daemon_service_pb2, daemon_service_pb2_grpc, hub_service_pb2, hub_service_pb2_grpc
from batuta.v1 import job_service_pb2, job_service_pb2_grpc, types_pb2
from harness import BATUTAD, PATIENCE_S, EndToEndTest, kill_9, make_weights, wait_until, write_repo

PLACES = ("variable", "old_variable", "file", "path_file", "login", "metadata", "rejected")
CANARIES = {place: "hf_" + place.replace("_", "") + "Canary" + "Zq7Kx2Vw9Lm4Rt8Yb3" for place in PLACES}
SECRETS = {**CANARIES, "endpoint": "endpointCanaryZq7Kx2Vw9Lm4", "proxy": "proxyCanaryZq7Kx2Vw9Lm4", "config": "configCanaryZq7Kx2Vw9Lm4"}


def forms(secret):
    """What a secret looks like: as it is, and as escapes and encodings make it, wherever in a text it begins."""
    data = secret.encode()
    yield data
    yield "".join(f"%{byte:02x}" for byte in data).encode()
    yield "".join(f"%{byte:02X}" for byte in data).encode()
    yield data.hex().encode()
    yield data.hex().upper().encode()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for before in range(3):
            whole = (before + len(data)) // 3 * 4  # what depends on the secret alone
            yield encode(bytes(before) + data)[-(-before * 4 // 3):whole]


FORMS = {place: list(forms(secret)) for place, secret in SECRETS.items()}


def find(data):
    """The places whose canary is in these bytes."""
    if isinstance(data, str):
        data = data.encode()
    return {place for place, spellings in FORMS.items() if any(spelling in data for spelling in spellings)}


def metadata(token):
    return (("x-batuta-hub-token", token), ("x-batuta-tool", "stranger"))


class SearchTest(unittest.TestCase):
    """The search finds what is there: else that it finds nothing says nothing."""

    def test_every_spelling_is_found_wherever_it_stands(self):
        for place, secret in SECRETS.items():
            for before in ("", "a", "ab", "abc"):
                text = f"{before}{secret}{before}"
                for data in (text, base64.b64encode(text.encode()), base64.urlsafe_b64encode(text.encode()), text.encode().hex(),
                             "".join(f"%{byte:02X}" for byte in text.encode()), urllib.parse.quote(text)):
                    self.assertEqual(find(data), {place}, data)
        self.assertEqual(find("hf_" + "nothing" * 10), set())

    def test_no_canary_is_part_of_another(self):
        for place, secret in SECRETS.items():
            self.assertEqual(find(secret), {place})


class CanaryTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.said = []  # (by whom, text) of everything that a program of ours wrote or answered
        self.seen = []  # (pid, what) of process lists
        root = self.box.folder / "root"
        (root / "models").mkdir(parents=True)
        users = [{"name": f"user-{number}", "token": CANARIES[place], "orgs": ["acme"], "role": "write"}
                 for number, place in enumerate(PLACES) if place != "rejected"]
        (root / "hub.json").write_text(json.dumps({"users": users}))
        granted = [user["name"] for user in users]
        write_repo(root, "acme/public", {"config.json": "{}", "model.safetensors": make_weights(2, 2_000_000)})
        write_repo(root, "acme/gated", {"config.json": "{}", "model.safetensors": make_weights(1, 3_000_000)}, gated="manual", granted=granted)
        write_repo(root, "other/closed", {"config.json": "{ }", "model.safetensors": make_weights(4, 1_000_000)}, gated="manual", granted=[])
        write_repo(root, "acme/private", {"config.json": "{}", "model.safetensors": make_weights(3, 2_000_000)}, private=True)
        self.hub = self.box.hub(root, ["--no-rate-limits", "--multipart-chunk", "400000"])
        # A token in the usual file, and one in a file of its own.
        self.kept = {}
        self.keep("file", self.box.home / ".cache" / "huggingface" / "token")
        self.keep("path_file", self.box.folder / "secrets" / "token")
        self.watching = threading.Event()
        self.watcher = threading.Thread(target=self.watch_processes)
        self.watcher.start()
        self.addCleanup(self.end_watch)

    def keep(self, place, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(CANARIES[place] + "\n")
        self.kept[path] = place

    # --- what is seen meanwhile ---

    def watch_processes(self):
        """The process list, again and again: daemon and inspectors may have no canary in their arguments nor in their environment."""
        while not self.watching.wait(0.02):
            for folder in pathlib.Path("/proc").iterdir():
                if folder.name.isdigit():
                    self.look_at_process(folder)

    def look_at_process(self, folder):
        try:
            arguments = (folder / "cmdline").read_bytes()
            name = pathlib.Path(arguments.split(b"\0")[0].decode(errors="replace")).name
            if name not in ("batutad", "batuta-inspect", "batuta"):
                return
            environment = b"" if name == "batuta" else (folder / "environ").read_bytes()
        except OSError:  # it has ended
            return
        self.seen.append((name, find(arguments), find(environment)))

    def end_watch(self):
        self.watching.set()
        self.watcher.join()

    # --- what is done ---

    def run_client(self, *args, env=None, stdin=""):
        result = self.box.batuta(*args, env=env, stdin=stdin)
        self.said.append((f"batuta {' '.join(args)}", result.out + result.err))
        return result

    def ask(self, name, call, request, token="metadata"):
        """An RPC of a program other than ours; what it answers is kept."""
        try:
            answer = call(request, metadata=metadata(CANARIES[token]), timeout=PATIENCE_S)
            answers = [answer] if hasattr(answer, "SerializeToString") else list(answer)
            self.said += [(name, each.SerializeToString() + str(each).encode()) for each in answers]
            return answers
        except grpc.RpcError as error:
            self.said.append((name, f"{error.details()} {error.trailing_metadata()}"))
            return []

    def busy_run(self):
        """Whatever takes a token, and whatever goes wrong with one."""
        token_envs = [("variable", {"HF_TOKEN": CANARIES["variable"]}), ("old_variable", {"HUGGING_FACE_HUB_TOKEN": CANARIES["old_variable"]}),
                      ("path_file", {"HF_TOKEN_PATH": str(self.box.folder / "secrets" / "token")}), ("file", {}),
                      ("rejected", {"HF_TOKEN": CANARIES["rejected"]})]
        work = self.box.folder / "work"
        work.mkdir()
        for place, env in token_envs:
            (work / "data.bin").write_bytes(os.urandom(1_000_000))  # in several parts
            (work / "notes.txt").write_text(place)
            codes = {}
            for args in (["hf", "whoami"], ["hf", "whoami", "--format", "json"], ["hf", "pull", "model", "acme/public"],
                         ["hf", "pull", "model", "acme/gated", "--format", "json"], ["hf", "pull", "model", "acme/gated", "--dry-run"],
                         ["hf", "pull", "model", "other/closed"], ["hf", "pull", "model", "other/closed", "--format", "json"],
                         ["hf", "pull", "model", "acme/private", "--events"], ["hf", "info", "model", "acme/private"],
                         ["hf", "files", "model", "acme/private"], ["hf", "search", "models", "acme"], ["hf", "limits"],
                         ["hf", "jobs", "ls"], ["hf", "cache", "ls"], ["daemon", "status"], ["daemon", "config"], ["daemon", "doctor"],
                         ["doctor"], ["daemon", "metrics"], ["hf", "scan", str(work)],
                         ["hf", "push", "dataset", str(work), "--repo", f"acme/pushed-{place.replace('_', '-')}", "--yes", "--format", "json"]):
                codes[" ".join(args[:4])] = self.run_client(*args, env=env).code
            wanted = 5 if place == "rejected" else 0
            self.assertEqual(codes["hf whoami"], wanted, (place, codes, self.said[-20:]))
            self.assertEqual(codes["hf pull model other/closed"], 5, (place, codes))
            if place != "rejected":
                self.assertEqual(codes["hf push dataset " + str(work)], 0, (place, codes, self.said[-1]))
        # A token in a header of its own is refused or used, and never repeated.
        self.run_client("hf", "pull", "model", "acme/gated", "--refresh", env={"HF_TOKEN": CANARIES["variable"] + "\n x: y"})
        # Login: the token comes by stdin and is kept in the file.
        self.kept[self.box.home / ".cache" / "huggingface" / "token"] = "login"
        self.run_client("hf", "login", "--token-stdin", stdin=CANARIES["login"] + "\n")
        self.run_client("hf", "whoami")
        # An endpoint with a password in it.
        port = urllib.parse.urlsplit(self.hub.endpoint).port
        self.run_client("hf", "whoami", env={"HF_ENDPOINT": f"http://mira:{SECRETS['endpoint']}@127.0.0.1:{port}"})

    def foreign_calls(self):
        channel = grpc.insecure_channel(f"unix:{self.box.socket}")
        repo = lambda name: types_pb2.RepoId(type=types_pb2.REPO_TYPE_MODEL, id=name)
        hub, jobs = hub_service_pb2_grpc.HubServiceStub(channel), job_service_pb2_grpc.JobServiceStub(channel)
        budget, daemon = budget_service_pb2_grpc.BudgetServiceStub(channel), daemon_service_pb2_grpc.DaemonServiceStub(channel)
        cache = cache_service_pb2_grpc.CacheServiceStub(channel)
        for token in ("metadata", "rejected"):
            self.ask("WhoAmI", hub.WhoAmI, hub_service_pb2.WhoAmIRequest(refresh=True), token)
            self.ask("GetRepo", hub.GetRepo, hub_service_pb2.GetRepoRequest(repo=repo("acme/private"), refresh=True), token)
            self.ask("ListFiles", hub.ListFiles, hub_service_pb2.ListFilesRequest(repo=repo("acme/gated"), refresh=True), token)
            self.ask("PlanPull", jobs.PlanPull, job_service_pb2.PlanPullRequest(spec=types_pb2.PullSpec(repo=repo("acme/gated"))), token)
            for name in ("acme/gated", "other/closed", "acme/missing"):
                started = self.ask("StartPull", jobs.StartPull, job_service_pb2.StartPullRequest(
                    request_id=f"{token} {name}", spec=types_pb2.PullSpec(repo=repo(name), refresh=True)), token)
                for answer in started:
                    self.ask("WatchJob", jobs.WatchJob, job_service_pb2.WatchJobRequest(job_id=answer.job.id), token)
            self.ask("Reserve", budget.Reserve, budget_service_pb2.ReserveRequest(url=f"{self.hub.endpoint}/api/models/acme/private"), token)
            self.ask("GetLimits", budget.GetLimits, budget_service_pb2.GetLimitsRequest(), token)
            self.ask("ListJobs", jobs.ListJobs, job_service_pb2.ListJobsRequest(), token)
            self.ask("GetStatus", daemon.GetStatus, daemon_service_pb2.GetStatusRequest(), token)
            self.ask("GetConfig", daemon.GetConfig, daemon_service_pb2.GetConfigRequest(), token)
            self.ask("GetMetrics", daemon.GetMetrics, daemon_service_pb2.GetMetricsRequest(), token)
            self.ask("Diagnose", daemon.Diagnose, daemon_service_pb2.DiagnoseRequest(), token)
            self.ask("ListRepos", cache.ListRepos, cache_service_pb2.ListReposRequest(), token)
        channel.close()

    def crash(self, daemon):
        """Ends the daemon while it has jobs with tokens under way, and lets the next one take them up."""
        self.hub.commit("acme/large", {"model.safetensors": {"size": 30_000_000, "seed": 9}})
        rule = self.hub.fault(kind="slow", listener="cdn", count="always", bytes_per_second=2_000_000)
        pull = self.box.start_batuta("hf", "pull", "model", "acme/large", env={"HF_TOKEN": CANARIES["variable"]})
        wait_until(lambda: self.box.batuta("hf", "jobs", "ls", "--format", "json").out.find("running") >= 0, "a job to run")
        kill_9(daemon)
        self.search_files()  # as a crash has left them, with the log that was not merged yet
        self.hub.clear_faults()
        again = self.box.daemon("--log-level", "trace")
        out, err = pull.communicate(timeout=PATIENCE_S)
        self.said.append(("batuta hf pull, through a crash", out + err))
        self.assertGreaterEqual(rule, 0)
        return again

    # --- what is searched ---

    def search_files(self):
        """State, cache and logs, byte by byte; the catalog also row by row, since the files of RocksDB keep only what differs of a key."""
        for path in self.box.folder.rglob("*"):
            if path.is_symlink() or not path.is_file():
                continue
            self.assertEqual(find(str(path)), set(), f"in a name: {path}")
            if path.is_relative_to(self.box.folder / "root") or path.name == "hubsim.log":
                continue  # the hub's own, who knows them
            allowed = {self.kept[path]} if path in self.kept else set()
            self.assertLessEqual(find(path.read_bytes()), allowed, f"in the file {path}")

    def search_catalog(self):
        rows = 0
        for key, value in catalog.rows(self.box.state / "catalog"):
            rows += 1
            self.assertEqual(find(key) | find(value), set(), f"in the catalog: {key[:60]}")
        self.assertGreater(rows, 20)

    def search_requests(self):
        requests = self.hub.requests()
        with_token, at_cdn = set(), 0
        for request in requests:
            allowed = {"authorization"} if request["listener"] == "hub" else set()
            at_cdn += request["listener"] == "cdn"
            for key, value in self.leaves(request):
                found = find(str(value))
                if key.lower() in allowed and found:
                    self.assertTrue(str(value).startswith("Bearer "), request)
                    with_token |= found
                    continue
                self.assertEqual(found, set(), f"{key} of {request}")
        self.assertGreater(at_cdn, 5)
        # Each of them was used: a canary that is nowhere proves nothing.
        self.assertEqual(with_token, set(CANARIES), "tokens that the hub has seen")

    @classmethod
    def leaves(cls, value, key=""):
        if isinstance(value, dict):
            for name, inner in value.items():
                yield "", name
                yield from cls.leaves(inner, name)
        elif isinstance(value, list):
            # Headers may be pairs.
            if len(value) == 2 and all(isinstance(inner, str) for inner in value):
                yield value[0], value[1]
            else:
                for inner in value:
                    yield from cls.leaves(inner, key)
        else:
            yield key, value

    def test_tokens_stay_where_they_belong(self):
        daemon = self.box.daemon("--log-level", "trace")
        self.busy_run()
        self.foreign_calls()
        daemon = self.crash(daemon)
        self.run_client("hf", "jobs", "ls")
        daemon.terminate()
        daemon.wait(timeout=PATIENCE_S)
        self.end_watch()

        self.search_files()
        self.search_catalog()
        self.search_requests()
        for who, text in self.said:
            self.assertEqual(find(text), set(), f"{who}: {text}")
        self.assertEqual({name for name, *_ in self.seen} & {"batutad", "batuta"}, {"batutad", "batuta"})
        for name, arguments, environment in self.seen:
            self.assertEqual((arguments, environment), (set(), set()), f"process list: {name}")

        # The same search finds what is planted among what it has searched.
        (self.box.state / "note").write_text("x" * 1_000 + CANARIES["variable"])
        with self.assertRaisesRegex(AssertionError, "variable"):
            self.search_files()

    def test_a_daemon_that_is_started_on_demand_knows_no_token_of_its_caller(self):
        env = {"BATUTA_NO_SPAWN": "", "HF_TOKEN": CANARIES["variable"], "HUGGING_FACE_HUB_TOKEN": CANARIES["old_variable"]}
        self.addCleanup(self.box.batuta, "daemon", "stop")
        self.assertEqual(self.run_client("hf", "pull", "model", "acme/gated", env=env).code, 0)
        daemon = [folder for folder in pathlib.Path("/proc").iterdir() if folder.name.isdigit() and self.is_our_daemon(folder)]
        self.assertEqual(len(daemon), 1)
        self.assertEqual(find((daemon[0] / "environ").read_bytes()), set())
        self.search_files()

    def is_our_daemon(self, folder):
        try:
            arguments, environment = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()
        except OSError:
            return False
        return b"batutad" in arguments and str(self.box.folder).encode() in environment

    def test_passwords_of_endpoint_proxy_and_configuration_are_not_told(self):
        """A daemon that refuses its configuration, and one whose proxy cannot be reached, say so without the password."""
        for name, args, env in (("endpoint", [], {"HF_ENDPOINT": f"http://mira:{SECRETS['endpoint']}@127.0.0.1:1"}),
                                ("endpoint flag", ["--endpoint", f"http://mira:{SECRETS['endpoint']}@127.0.0.1:1"], {})):
            for print_config in ([], ["--print-config"]):
                process = subprocess.run([BATUTAD, *print_config, *args], env={**self.box.env, **env}, stdin=subprocess.DEVNULL, capture_output=True,
                                         timeout=PATIENCE_S, check=False)
                self.assertEqual(process.returncode, 2, (name, process.stderr))
                self.assertEqual(find(process.stdout + process.stderr), set(), name)
        self.end_watch()  # its arguments and environment were ours to write
        config = self.box.folder / "config" / "batuta" / "config.toml"
        config.parent.mkdir(parents=True)
        for line in (f'endpoint = "http://mira:{SECRETS["config"]}@127.0.0.1:1"', f'hub_token = "{SECRETS["config"]}"', f'token = {SECRETS["config"]}'):
            config.write_text(line + "\n")
            process = subprocess.run([BATUTAD], env={name: value for name, value in self.box.env.items() if name != "HF_ENDPOINT"},
                                     stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_S, check=False)
            self.assertEqual(process.returncode, 2, process.stderr)
            self.assertEqual(find(process.stdout + process.stderr), set(), process.stderr)
        config.unlink()
        proxy = f"http://mira:{SECRETS['proxy']}@127.0.0.1:1"
        env = {"HF_ENDPOINT": "http://hub.invalid", "HTTP_PROXY": proxy, "http_proxy": proxy, "HTTPS_PROXY": proxy, "https_proxy": proxy, "ALL_PROXY": proxy}
        self.box.daemon("--log-level", "trace", env=env)
        for args in (["hf", "pull", "model", "acme/public", "--no-wait"], ["hf", "whoami"], ["hf", "info", "model", "acme/public", "--format", "json"],
                     ["doctor"], ["daemon", "doctor"], ["daemon", "config"], ["daemon", "status"]):
            self.run_client(*args, env=env)
        self.search_files()
        for who, text in self.said:
            self.assertEqual(find(text), set(), f"{who}: {text}")


if __name__ == "__main__":
    sys.path.insert(0, STUBS.name)
    unittest.main()
