// Proves the write side of the simulated hub against @huggingface/hub: what goes well, and what goes wrong.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { after, before, beforeEach, describe, test } from "node:test";
import * as hub from "@huggingface/hub";
import { HubSimProcess, readerToken, token } from "./hubsim_process.mjs";

const PART = 100_000;
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const write = { accessToken: token };

let sim;
let hubUrl;
let repo;
let number = 0;
before(async () => {
	sim = await HubSimProcess.start("--multipart-chunk", String(PART), "--most-lfs-files", "20");
	hubUrl = sim.hubUrl;
});
after(() => sim?.stop());
beforeEach(async () => {
	repo = { type: "dataset", name: `acme/push-${++number}` };
	await hub.createRepo({ repo, hubUrl, ...write });
	await sim.admin("DELETE", "requests");
	await sim.admin("DELETE", "faults");
});

const upload = (files, more = {}) =>
	hub.uploadFiles({
		repo,
		files: Object.entries(files).map(([path, bytes]) => ({ path, content: new Blob([bytes]) })),
		hubUrl,
		...write,
		...more,
	});

async function download(path, revision) {
	// The client asks for the first byte, which an empty file has not.
	if (path === "empty.txt") {
		return Buffer.from(await (await fetch(`${hubUrl}/datasets/${repo.name}/resolve/${revision}/${path}`)).arrayBuffer());
	}
	const blob = await hub.downloadFile({ repo, path, revision, hubUrl });
	return blob && Buffer.from(await blob.arrayBuffer());
}

async function list(revision) {
	const paths = [];
	for await (const file of hub.listFiles({ repo, recursive: true, revision, hubUrl })) {
		if (file.type === "file") {
			paths.push(file.path);
		}
	}
	return paths;
}

async function titles(revision) {
	const found = [];
	for await (const commit of hub.listCommits({ repo, revision, hubUrl })) {
		found.push(commit.title);
	}
	return found;
}

const puts = async () => (await sim.admin("GET", "requests")).filter((r) => r.method === "PUT");

test("a folder with small, large and very large files comes back as it went", async () => {
	const files = {
		"README.md": Buffer.from("---\nlicense: mit\n---\n# Reviews\n"),
		"empty.txt": Buffer.alloc(0),
		"data/name with blank+plus.txt": Buffer.from("1\n"),
		"data/ünïcode.txt": Buffer.from("2\n"),
		"data/one.parquet": randomBytes(PART / 2),
		"data/exact.parquet": randomBytes(3 * PART),
		"data/seven.parquet": randomBytes(6 * PART + 1),
	};
	const out = await upload(files, { commitTitle: "Add reviews", commitDescription: "All of them" });

	assert.deepEqual(await list(), [".gitattributes", ...Object.keys(files)].sort());
	for (const [path, bytes] of Object.entries(files)) {
		assert.ok((await download(path, out.commit.oid)).equals(bytes), path);
	}
	assert.deepEqual(await titles(), ["Add reviews", "initial commit"]);
	const sent = await puts();
	assert.equal(sent.filter((r) => r.path.includes(sha256(files["data/exact.parquet"]))).length, 3);
	assert.equal(sent.filter((r) => r.path.includes(sha256(files["data/seven.parquet"]))).length, 7);
	// The log tells for each request how many bytes of it arrived.
	const large = Object.values(files).filter((bytes) => bytes.length >= PART / 2);
	assert.equal(sent.reduce((sum, r) => sum + r.body_bytes_received, 0), large.reduce((sum, bytes) => sum + bytes.length, 0));
});

test("one commit adds, replaces and deletes, files and folders", async () => {
	await upload({ "a.txt": "1", "b.parquet": randomBytes(10), "runs/1.txt": "x", "runs/2.txt": "y" });
	await hub.commit({
		repo,
		title: "Tidy up",
		operations: [
			{ operation: "delete", path: "runs/1.txt" },
			{ operation: "delete", path: "runs/2.txt" },
			{ operation: "addOrUpdate", path: "a.txt", content: new Blob(["2"]) },
		],
		hubUrl,
		...write,
	});
	assert.deepEqual(await list(), [".gitattributes", "a.txt", "b.parquet"]);
	assert.equal(String(await download("a.txt")), "2");
	assert.equal((await titles())[0], "Tidy up");
});

test("a pull request is opened by a commit, filled by another, and merged", async () => {
	await upload({ "a.txt": "1" });
	const large = randomBytes(3 * PART);
	const opened = await upload({ "p.txt": "p", "w.parquet": large }, { isPullRequest: true, accessToken: readerToken });
	assert.match(opened.pullRequestUrl, /\/discussions\/1$/);
	await upload({ "q.txt": "q" }, { branch: "refs/pr/1", accessToken: readerToken });
	assert.deepEqual(await list(), [".gitattributes", "a.txt"]);
	assert.deepEqual(await list("refs/pr/1"), [".gitattributes", "a.txt", "p.txt", "q.txt", "w.parquet"]);
	await assert.rejects(upload({ "z.txt": "z" }, { accessToken: readerToken }), { statusCode: 403 });

	const merged = await fetch(`${hubUrl}/api/datasets/${repo.name}/discussions/1/merge`, {
		method: "POST",
		headers: { Authorization: `Bearer ${token}` },
	});
	assert.equal(merged.status, 200);
	assert.deepEqual(await list(), [".gitattributes", "a.txt", "p.txt", "q.txt", "w.parquet"]);
	assert.equal(sha256(await download("w.parquet")), sha256(large));
});

test("a branch gets commits of its own", async () => {
	await upload({ "a.txt": "1" });
	await hub.createBranch({ repo, branch: "next", hubUrl, ...write });
	await upload({ "a.txt": "2" }, { branch: "next", commitTitle: "On next" });
	assert.equal(String(await download("a.txt")), "1");
	assert.equal(String(await download("a.txt", "next")), "2");
	assert.equal((await titles("next"))[0], "On next");
	await assert.rejects(hub.createBranch({ repo, branch: "next", hubUrl, ...write }), { statusCode: 409 });
});

describe("what goes wrong", () => {
	const files = { "data.parquet": randomBytes(4 * PART) };
	const fault = (rule) => sim.admin("POST", "faults", rule);

	// The first try fails and leaves nothing behind; the second is as if nothing had been.
	for (const [name, rule] of [
		["a part's link has expired", { kind: "expired", listener: "cdn", method: "PUT" }],
		["all links have expired when they are handed out", { kind: "expired", path: "/lfs/objects/batch" }],
		["the store refuses before it has read the part", { kind: "status_early", listener: "cdn", method: "PUT", status: 403 }],
		["the answer to a part has no ETag", { kind: "drop_header", listener: "cdn", method: "PUT", value: "ETag" }],
		["a part has another ETag", { kind: "etag", listener: "cdn", method: "PUT", value: '"other"' }],
		["a part is cut off", { kind: "cut_upload", listener: "cdn", at_bytes: 50_000 }],
		["an object is refused", { kind: "object_error", status: 422, body: "too rude" }],
		["completion fails", { kind: "status", path: "/complete_multipart/", status: 500 }],
		["the branch has moved", { kind: "status", path: "/commit/main", status: 412 }],
		["there were too many commits", { kind: "status", path: "/commit/main", status: 429 }],
	]) {
		test(name, async () => {
			await fault({ ...rule, count: 1 });
			await assert.rejects(upload(files));
			assert.deepEqual(await list(), [".gitattributes"]);
			await upload(files);
			assert.equal(sha256(await download("data.parquet")), sha256(files["data.parquet"]));
			assert.equal((await titles()).length, 2);
			files["data.parquet"] = randomBytes(4 * PART); // an object that the store does not have yet
		});
	}

	test("a commit succeeds and answers 504", async () => {
		await fault({ kind: "status_after", path: "/commit/main", status: 504 });
		await assert.rejects(upload({ "a.txt": "1" }, { commitTitle: "Lost answer" }), { statusCode: 504 });
		assert.deepEqual(await titles(), ["Lost answer", "initial commit"]);
	});

	test("preupload changes its mind", async () => {
		await fault({ kind: "flip_mode", value: "*.txt" });
		await upload({ "a.txt": "one", "b.parquet": "two" });
		assert.equal(String(await download("a.txt")), "one");
		assert.equal((await puts()).length, 2);
		const [info] = await hub.pathsInfo({ repo, paths: ["a.txt"], hubUrl });
		assert.equal(info.lfs.oid, sha256("one"));
	});

	test("uploads that are slow or stall for a while arrive", async () => {
		await fault({ kind: "slow_upload", listener: "cdn", count: "always", bytes_per_second: 1_000_000 });
		await fault({ kind: "stall_upload", listener: "cdn", at_bytes: 60_000, duration_ms: 100 });
		await upload(files);
		assert.equal(sha256(await download("data.parquet")), sha256(files["data.parquet"]));
	});

	test("a commit with too many files is refused as a whole", async () => {
		const many = Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`${i}.parquet`, randomBytes(10)]));
		await assert.rejects(upload(many), { statusCode: 400 });
		assert.deepEqual(await list(), [".gitattributes"]);
	});
});

test("no token ever reached the store", async () => {
	assert.equal((await sim.admin("GET", "stats")).leaked_tokens, 0);
});
