"""What an operator sees: status, doctor, metrics, log levels."""

import json
import re
import subprocess
import unittest
import urllib.error
import urllib.request

from harness import BATUTAD, PATIENCE_S, EndToEndTest, make_weights, write_users

# The grammar of the text format 0.0.4, https://prometheus.io/docs/instrumenting/exposition_formats/
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"^({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (NaN|[+-]Inf|-?[0-9.]+(?:e[+-]?[0-9]+)?)$")


def parse_metrics(text):
    """{name: {labels: value}} and {family: type}; anything that breaks the format, or its conventions, is an error."""
    if not text.endswith("\n"):
        raise AssertionError("the last line has no end")
    types, samples, current = {}, {}, None
    for line in text.splitlines():
        if match := re.match(rf"^# HELP ({NAME}) (.+)$", line):
            current = match[1]
            if current in types:
                raise AssertionError(f"{current} comes twice")
            types[current] = None
        elif match := re.match(rf"^# TYPE ({NAME}) (counter|gauge|histogram)$", line):
            if match[1] != current or types[current]:
                raise AssertionError(f"TYPE out of place: {line}")
            types[current] = match[2]
        else:
            match = SAMPLE.match(line)
            if not match or current is None:
                raise AssertionError(f"no line of the format: {line}")
            suffixes = ("_bucket", "_sum", "_count") if types[current] == "histogram" else ("",)
            if match[1] not in [current + suffix for suffix in suffixes]:
                raise AssertionError(f"{line} stands below {current}")
            labels = match[2] or ""
            if labels in samples.setdefault(match[1], {}):
                raise AssertionError(f"{line} comes twice")
            samples[match[1]][labels] = float(match[3].replace("Inf", "inf"))
    for name, kind in types.items():
        if (kind == "counter") != name.endswith("_total"):
            raise AssertionError(f"{name} is a {kind}")
        if kind == "histogram":
            check_histogram(name, samples)
    return samples, types


def check_histogram(name, samples):
    """Buckets grow, and the last one is the count."""
    by_series = {}
    for labels, value in samples.get(name + "_bucket", {}).items():
        rest, bound = re.fullmatch(r'(.*?),?le="([^"]+)"', labels).groups()
        by_series.setdefault(rest, []).append((float(bound.replace("Inf", "inf")), value))
    for labels, buckets in by_series.items():
        values = [value for _, value in sorted(buckets)]
        if values != sorted(values) or sorted(buckets)[-1][0] != float("inf"):
            raise AssertionError(f"{name}{{{labels}}}: {buckets}")
        if samples[name + "_count"][labels] != values[-1]:
            raise AssertionError(f"{name}{{{labels}}}: count and last bucket differ")


def value_of(samples, name, **labels):
    """The sum of the series that have these labels."""
    wanted = [f'{key}="{value}"' for key, value in labels.items()]
    return sum(value for text, value in samples.get(name, {}).items() if all(part in text for part in wanted))


class StatusTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.hub = self.box.hub()
        self.weights = make_weights(1, 3_000_000)
        self.hub.commit("acme/otter", {"config.json": "{}", "model.safetensors": self.weights})

    def status(self):
        return self.box.batuta("daemon", "status", "--format", "json").json

    def test_status_tells_versions_disk_budget_and_jobs(self):
        self.box.daemon()
        self.box.pull("model", "acme/otter", "--yes")
        status = self.status()
        self.assertEqual(status["version"], status["client_version"])
        self.assertEqual(status["api_version"], "v1")
        self.assertGreater(status["catalog_schema"], 0)
        self.assertGreaterEqual(status["uptime_seconds"], 0)
        self.assertGreater(status["cpu_seconds"], 0)
        self.assertGreaterEqual(status["cache_bytes"], len(self.weights))
        self.assertEqual(status["cache_quota_bytes"], 0)
        self.assertGreater(status["state_free_bytes"], 0)
        self.assertGreater(status["open_files"], 3)
        self.assertEqual(status["jobs"]["done"], 1)
        self.assertEqual(status["jobs"]["running"], 0)
        self.assertEqual(status["log_level"], status["configured_log_level"])
        self.assertIsNone(status["metrics_address"])
        kinds = {window["kind"]: window for window in status["windows"]}
        self.assertLess(kinds["api"]["remaining"], kinds["api"]["quota"])
        human = self.box.batuta("daemon", "status").out
        for part in ("uptime", "catalog schema", "held, no quota", "1 done", "api of anonymous"):
            self.assertIn(part, human)

    def test_start_speaks_as_it_did(self):
        self.box.daemon()
        started = self.box.batuta("daemon", "start", "--format", "json").json
        self.assertIn("resident_bytes", started)
        self.assertNotIn("windows", started)

    def test_the_last_warnings_are_shown_whatever_the_level(self):
        self.box.env["BATUTA_LOG"] = "off"
        catalog = self.box.state / "catalog"
        catalog.mkdir(parents=True, mode=0o700)
        (catalog / "CURRENT").write_text("nonsense\n")  # the start mends it, and warns of it
        self.box.daemon()
        errors = self.status()["last_errors"]
        self.assertTrue(errors, "a damaged catalog is worth a warning")
        self.assertEqual(errors[0]["level"], "warn")
        self.assertIn("Z", errors[0]["time"])
        self.assertEqual(self.box.daemon_log(), "")

    def test_log_level_is_changed_while_it_runs_and_back(self):
        self.box.daemon()
        self.assertEqual(self.box.batuta("daemon", "log-level").out, "info\n")
        self.assertNotIn(" debug ", self.box.daemon_log())
        self.assertEqual(self.box.batuta("daemon", "log-level", "trace").out, "trace (configured: info)\n")
        values = {value["key"]: value for value in self.box.batuta("daemon", "config", "--format", "json").json["values"]}
        self.assertEqual(values["log.level"]["value"], "trace")
        self.assertIn("configured: info", values["log.level"]["origin"])
        self.assertEqual(self.status()["log_level"], "trace")
        self.assertEqual(self.box.batuta("daemon", "log-level", "loud").code, 2)
        self.assertEqual(self.box.batuta("daemon", "log-level", "default").out, "info\n")
        self.assertIn("log level set", self.box.daemon_log())


class DoctorTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.hub = self.box.hub()

    def doctor(self, *args, code=0, env=None):
        result = self.box.batuta("doctor", "--format", "json", *args, env=env)
        self.assertEqual(result.code, code, result.out + result.err)
        self.assertEqual(result.json["ok"], code == 0)
        return {check["name"]: check for check in result.json["checks"]}

    def assert_status(self, checks, name, status):
        self.assertEqual(checks[name]["status"], status, checks[name])
        if status != "ok":
            self.assertTrue(checks[name]["hint"], f"{name} says nothing of what to do")

    def test_with_a_daemon_all_is_looked_at(self):
        self.box.daemon()
        requests = self.hub.count()
        checks = self.doctor()
        for name in ("daemon.running", "daemon.version", "daemon.identity", "socket.folder", "network.hub",
                     "state.locks", "state.rename", "cache.locks", "cache.hard_links", "cache.symlinks", "cache.space"):
            self.assert_status(checks, name, "ok")
        self.assertEqual(self.hub.count(), requests + 1, "one question is enough")
        self.assertEqual(sorted(path.name for path in self.box.cache.iterdir() if "batuta" in path.name), [])

    def test_without_a_daemon_batutad_looks_itself(self):
        checks = self.doctor(env={"BATUTA_NO_SPAWN": ""})
        self.assertIn("none runs", checks["daemon.running"]["detail"])
        self.assert_status(checks, "network.hub", "ok")
        self.assert_status(checks, "cache.writable", "ok")
        self.assertFalse(self.box.cache.exists(), "looking makes nothing")
        self.assertFalse(self.box.state.exists())

    def test_offline_nobody_is_called(self):
        self.box.daemon()
        requests = self.hub.count()
        checks = self.doctor("--offline")
        self.assertIn("not asked", checks["network.hub"]["detail"])
        self.assertNotIn("network.dns", checks)
        self.assertEqual(self.hub.count(), requests)

    def test_a_hub_that_is_not_there_is_a_failure_and_the_rest_is_looked_at(self):
        checks = self.doctor(code=1, env={"HF_ENDPOINT": "http://127.0.0.1:1", "BATUTA_NO_SPAWN": ""})
        self.assert_status(checks, "network.hub", "fail")
        self.assert_status(checks, "state.writable", "ok")

    def test_a_broken_world_says_what_to_do_about_each(self):
        self.box.daemon()
        folder = self.box.home / ".cache" / "huggingface"
        folder.mkdir(parents=True)
        (folder / "token").write_text("hf_secret")
        (folder / "token").chmod(0o644)
        self.box.cache.chmod(0o777)
        self.box.state.chmod(0o755)
        checks = self.doctor(code=1, env={"HF_ENDPOINT": "http://127.0.0.1:1",
                                          "HTTPS_PROXY": "http://mira:hunter2@127.0.0.1:1"})
        self.assert_status(checks, "daemon.identity", "fail")
        self.assert_status(checks, "cache.permissions", "fail")
        self.assert_status(checks, "state.permissions", "warn")
        self.assert_status(checks, "token.file", "warn")
        self.assert_status(checks, "shell.proxy", "warn")
        text = json.dumps(checks)
        self.assertNotIn("hunter2", text)
        self.assertNotIn("hf_secret", text)

    def test_a_cache_that_is_no_folder_and_certificates_that_are_none(self):
        self.box.cache.write_text("no folder")
        env = {"BATUTA_NO_SPAWN": "", "SSL_CERT_FILE": str(self.box.folder / "none.pem")}
        checks = self.doctor("--offline", code=1, env=env)
        self.assert_status(checks, "cache.writable", "fail")
        self.assert_status(checks, "network.ca_file", "fail")

    def test_settings_that_make_no_sense_are_told_with_their_place(self):
        config = self.box.folder / "config" / "batuta"
        config.mkdir(parents=True)
        (config / "config.toml").write_text("cache.max_sise = 1\n")
        checks = self.doctor(code=1, env={"BATUTA_NO_SPAWN": ""})
        self.assertIn("config.toml:1", checks["daemon.diagnosis"]["detail"])

    def test_check_of_the_daemon_speaks_json(self):
        run = subprocess.run([BATUTAD, "--check", "--without-network"], env=self.box.env, capture_output=True, text=True,
                             timeout=PATIENCE_S, check=False)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertTrue(json.loads(run.stdout)["checks"])


class MetricsTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        root = self.box.folder / "hub-root"
        write_users(root, mira="hf_canary")
        self.hub = self.box.hub(root)
        self.weights = make_weights(2, 3_000_000)
        self.hub.commit("acme/secret-otter", {"config.json": "{}", "model.safetensors": self.weights})

    def metrics(self):
        result = self.box.batuta("daemon", "metrics")
        self.assertEqual(result.code, 0, result.err)
        return parse_metrics(result.out)[0]

    def test_what_a_pull_does_is_counted(self):
        self.box.daemon()
        before = self.metrics()
        self.assertEqual(value_of(before, "batuta_http_requests_total"), 0)
        self.box.pull("model", "acme/secret-otter", "--yes", env={"HF_TOKEN": "hf_canary"})
        after = self.metrics()
        self.assertGreater(value_of(after, "batuta_http_requests_total", kind="api", code="2xx"), 0)
        received = value_of(after, "batuta_http_received_bytes_total")
        self.assertGreaterEqual(received, len(self.weights))
        self.assertLess(received, 2 * len(self.weights))
        self.assertEqual(value_of(after, "batuta_http_active_requests"), 0)
        self.assertEqual(value_of(after, "batuta_jobs", state="done"), 1)
        self.assertGreater(value_of(after, "batuta_rpcs_total", method="JobService/StartPull", code="OK"), 0)
        self.assertGreater(value_of(after, "batuta_rpc_duration_seconds_count", method="JobService/StartPull"), 0)
        self.assertGreater(value_of(after, "batuta_budget_wait_seconds_count"), 0)
        self.assertGreater(value_of(after, "batuta_verdicts_total", verdict="safe"), 0)
        self.assertGreaterEqual(value_of(after, "batuta_cache_bytes"), len(self.weights))
        self.assertGreater(value_of(after, "process_resident_memory_bytes"), 1_000_000)
        self.assertLess(value_of(after, "batuta_window_remaining_requests", kind="api", identity="token"),
                        value_of(after, "batuta_window_quota_requests", kind="api", identity="token"))
        text = self.box.batuta("daemon", "metrics").out
        for secret in ("otter", "acme", "canary", str(self.box.folder), self.hub.endpoint):
            self.assertNotIn(secret, text)

    def test_rate_limits_and_evictions_are_counted(self):
        self.box.daemon()
        self.hub.fault(kind="status", path="/tree/", status=429, count=1, headers={"Retry-After": "1"})
        self.box.pull("model", "acme/secret-otter", "--yes")
        self.assertEqual(self.box.batuta("hf", "cache", "rm", "model", "acme/secret-otter", "--yes").code, 0)
        after = self.metrics()
        self.assertEqual(value_of(after, "batuta_http_rate_limited_total"), 1)
        self.assertEqual(value_of(after, "batuta_http_requests_total", kind="api", code="4xx"), 1)
        self.assertEqual(value_of(after, "batuta_cache_evictions_total"), 1)
        self.assertGreaterEqual(value_of(after, "batuta_cache_evicted_bytes_total"), len(self.weights))

    def test_a_call_that_fails_is_counted_by_its_code(self):
        self.box.daemon()
        self.assertEqual(self.box.batuta("hf", "info", "model", "acme/nobody").code, 4)
        self.assertEqual(value_of(self.metrics(), "batuta_rpcs_total", method="HubService/GetRepo", code="NOT_FOUND"), 1)

    def test_the_port_serves_what_the_rpc_does(self):
        config = self.box.folder / "config" / "batuta"
        config.mkdir(parents=True)
        (config / "config.toml").write_text('metrics.listen = "127.0.0.1:0"\n')
        daemon = self.box.daemon()
        address = self.box.batuta("daemon", "status", "--format", "json").json["metrics_address"]
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=PATIENCE_S) as answer:
            self.assertEqual(answer.headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
            served, types = parse_metrics(answer.read().decode())
        self.assertEqual(set(types), set(parse_metrics(self.box.batuta("daemon", "metrics").out)[1]))
        self.assertEqual(value_of(served, "batuta_build_info", mode="user"), 1)
        with self.assertRaises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(f"http://{address}/", timeout=PATIENCE_S)
        self.assertEqual(error.exception.code, 404)
        error.exception.close()
        self.assertEqual(self.box.batuta("daemon", "stop").code, 0)
        daemon.wait(PATIENCE_S)

    def test_an_address_that_others_could_reach_is_refused(self):
        config = self.box.folder / "config" / "batuta"
        config.mkdir(parents=True)
        (config / "config.toml").write_text('metrics.listen = "0.0.0.0:9469"\n')
        run = subprocess.run([BATUTAD], env=self.box.env, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        self.assertEqual(run.returncode, 2, run.stderr)
        self.assertIn("metrics.listen", run.stderr)
        self.assertIn("config.toml:1", run.stderr)


if __name__ == "__main__":
    unittest.main()
