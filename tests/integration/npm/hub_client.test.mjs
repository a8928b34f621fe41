// Proves the simulated hub against @huggingface/hub, a client that others wrote for the real one.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import * as hub from "@huggingface/hub";
import { gguf } from "@huggingface/gguf";
import { HubSimProcess, readerToken, token } from "./hubsim_process.mjs";

const card = `---
license: apache-2.0
pipeline_tag: text-generation
library_name: transformers
base_model: acme/otter-base
tags:
- river
---
# Otter
`;

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const gitBlobId = (bytes) => createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");

async function collect(iterable) {
	const items = [];
	for await (const item of iterable) {
		items.push(item);
	}
	return items;
}

// Bytes that no compression or repetition makes trivial.
function noise(size) {
	const bytes = new Uint8Array(size);
	let state = 1;
	for (let i = 0; i < size; ++i) {
		state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
		bytes[i] = state >>> 24;
	}
	return bytes;
}

// A GGUF file of one tensor: enough for any reader of the format.
function tinyGguf() {
	const parts = [];
	const u32 = (v) => parts.push(Buffer.from(Uint32Array.of(v).buffer));
	const u64 = (v) => parts.push(Buffer.from(BigUint64Array.of(BigInt(v)).buffer));
	const text = (s) => {
		u64(Buffer.byteLength(s));
		parts.push(Buffer.from(s));
	};
	parts.push(Buffer.from("GGUF"));
	u32(3);
	u64(1);
	u64(2);
	text("general.architecture");
	u32(8);
	text("llama");
	text("llama.context_length");
	u32(4);
	u32(2048);
	text("token_embd.weight");
	u32(2);
	u64(32);
	u64(4);
	u32(0);
	u64(0);
	const head = Buffer.concat(parts);
	const pad = (32 - (head.length % 32)) % 32;
	return Buffer.concat([head, Buffer.alloc(pad + 32 * 4 * 4)]);
}

let sim;
let hubUrl;
before(async () => {
	sim = await HubSimProcess.start("--multipart-chunk", "300000");
	hubUrl = sim.hubUrl;
});
after(() => sim?.stop());

describe("reading", () => {
	const repo = "acme/otter";
	const weights = noise(700_000);
	const config = Buffer.from('{"model_type":"otter"}');
	let commit;
	let cacheDir;

	before(async () => {
		await sim.commit(repo, { ".gitattributes": "*.bin filter=lfs\n" });
		commit = await sim.commit(repo, {
			"README.md": card,
			"config.json": config.toString(),
			"weights/model.bin": { base64: Buffer.from(weights).toString("base64") },
		});
		cacheDir = await mkdtemp(join(tmpdir(), "hubsim-cache-"));
	});
	after(() => rm(cacheDir, { recursive: true, force: true }));

	test("listFiles lists folders and files with their ids", async () => {
		const files = await collect(hub.listFiles({ repo, recursive: true, hubUrl }));
		assert.deepEqual(
			files.map((f) => [f.type, f.path]),
			[
				["file", ".gitattributes"],
				["file", "README.md"],
				["file", "config.json"],
				["directory", "weights"],
				["file", "weights/model.bin"],
			],
		);
		assert.equal(files[2].oid, gitBlobId(config));
		assert.equal(files[4].lfs.oid, sha256(weights));
		assert.equal(files[4].size, weights.length);
	});

	test("listFiles follows pages by their Link", async () => {
		const many = Object.fromEntries(Array.from({ length: 2500 }, (_, i) => [`part-${String(i).padStart(4, "0")}.txt`, "x"]));
		await sim.commit("acme/many", many);
		const before = (await sim.admin("GET", "stats")).by_bucket.api;
		const files = await collect(hub.listFiles({ repo: "acme/many", hubUrl }));
		assert.equal(files.length, 2500);
		assert.equal((await sim.admin("GET", "stats")).by_bucket.api - before, 3);
	});

	test("listFiles with expand brings the last commit and the scan's verdict", async () => {
		const files = await collect(hub.listFiles({ repo, expand: true, hubUrl }));
		const config = files.find((f) => f.path === "config.json");
		assert.equal(config.lastCommit.id, commit);
		assert.equal(config.securityFileStatus.status, "unscanned");
	});

	test("listFiles takes a pull request's ref with its slashes", async () => {
		await sim.commit(repo, { "pr.txt": "1" }, { branch: "refs/pr/1" });
		const files = await collect(hub.listFiles({ repo, revision: "refs/pr/1", hubUrl }));
		assert.ok(files.some((f) => f.path === "pr.txt"));
	});

	test("listModels finds by name, owner, task and tag", async () => {
		const find = (search) => collect(hub.listModels({ search, hubUrl, additionalFields: ["tags", "sha", "cardData"] }));
		const [found] = await find({ query: "OTTER", owner: "acme", task: "text-generation", tags: ["license:apache-2.0", "river"] });
		assert.equal(found.name, repo);
		assert.equal(found.task, "text-generation");
		assert.equal(found.sha, commit);
		assert.equal(found.cardData.license, "apache-2.0");
		assert.ok(found.tags.includes("base_model:finetune:acme/otter-base"));
		assert.deepEqual(await find({ query: "walrus" }), []);
	});

	test("modelInfo reads HEAD by default and a commit on demand", async () => {
		const info = await hub.modelInfo({ name: repo, hubUrl, additionalFields: ["sha", "library_name", "filePaths"] });
		assert.equal(info.sha, commit);
		assert.equal(info.library_name, "transformers");
		assert.ok(info.filePaths.includes("weights/model.bin"));
		const pinned = await hub.modelInfo({ name: repo, revision: commit, hubUrl });
		assert.equal(pinned.id, info.id);
	});

	test("fileDownloadInfo learns size and etag through the redirects", async () => {
		const large = await hub.fileDownloadInfo({ repo, path: "weights/model.bin", hubUrl });
		assert.equal(large.size, weights.length);
		assert.equal(large.xet, undefined);
		const small = await hub.fileDownloadInfo({ repo, path: "config.json", hubUrl });
		assert.equal(small.size, config.length);
		assert.equal(small.etag, `"${gitBlobId(config)}"`);
		assert.equal(await hub.fileDownloadInfo({ repo, path: "missing.bin", hubUrl }), null);
	});

	test("downloadFile brings whole files and ranges of them", async () => {
		const blob = await hub.downloadFile({ repo, path: "weights/model.bin", hubUrl, accessToken: token });
		assert.equal(sha256(new Uint8Array(await blob.arrayBuffer())), sha256(weights));
		const slice = blob.slice(1000, 2000);
		assert.deepEqual(new Uint8Array(await slice.arrayBuffer()), weights.slice(1000, 2000));
		const text = await (await hub.downloadFile({ repo, path: "config.json", hubUrl })).text();
		assert.equal(text, config.toString());
		const pointer = await (await hub.downloadFile({ repo, path: "weights/model.bin", raw: true, hubUrl })).text();
		assert.match(pointer, new RegExp(`oid sha256:${sha256(weights)}\nsize ${weights.length}\n`));
	});

	test("downloadFileToCacheDir and snapshotDownload fill a cache that scanCacheDir reads", async () => {
		const path = await hub.downloadFileToCacheDir({ repo, path: "config.json", cacheDir, hubUrl });
		assert.deepEqual(await readFile(path), config);
		const snapshot = await hub.snapshotDownload({ repo, cacheDir, hubUrl, accessToken: token });
		assert.equal(snapshot, join(cacheDir, "models--acme--otter", "snapshots", commit));
		assert.equal(sha256(await readFile(join(snapshot, "weights/model.bin"))), sha256(weights));
		assert.ok((await readlink(join(snapshot, "weights/model.bin"))).endsWith(sha256(weights)));

		const cache = await hub.scanCacheDir(cacheDir);
		assert.deepEqual(cache.warnings, []);
		assert.deepEqual(cache.repos.map((r) => r.id.name), [repo]);
		assert.ok(cache.repos[0].revisions.some((r) => r.commitOid === commit && r.refs.includes("main")));

		const script = fileURLToPath(new URL("cache_scan.mjs", import.meta.url));
		const printed = JSON.parse((await promisify(execFile)(process.execPath, [script, cacheDir])).stdout);
		assert.equal(printed.size, cache.size);
		assert.deepEqual(printed.repos.map((r) => [r.type, r.name]), [["model", repo]]);
		assert.ok(printed.repos[0].revisions.some((r) => r.files.some((f) => f.blob === gitBlobId(config))));
	});

	test("fileExists, pathsInfo, listCommits and countCommits agree with the tree", async () => {
		assert.equal(await hub.fileExists({ repo, path: "config.json", hubUrl }), true);
		assert.equal(await hub.fileExists({ repo, path: "nope.json", hubUrl }), false);
		const infos = await hub.pathsInfo({ repo, paths: ["config.json", "weights", "nope"], expand: true, hubUrl });
		assert.deepEqual(infos.map((i) => [i.type, i.path]), [["file", "config.json"], ["directory", "weights"]]);
		assert.equal(infos[0].lastCommit.id, commit);
		const commits = await collect(hub.listCommits({ repo, batchSize: 1, hubUrl }));
		assert.equal(commits.length, 2);
		assert.equal(commits[0].oid, commit);
		assert.equal(await hub.countCommits({ repo, hubUrl }), 2);
	});

	test("pathsInfo reads what the scanners say of a file", async () => {
		await sim.commit("acme/scanned", { "a.bin": "1", "b.bin": "2" });
		await sim.admin("POST", "scan", { repo: "acme/scanned", files: { "a.bin": "unsafe" } });
		const infos = await hub.pathsInfo({ repo: "acme/scanned", paths: ["a.bin", "b.bin"], expand: true, hubUrl });
		assert.deepEqual(infos.map((i) => [i.path, i.securityFileStatus.status]), [["a.bin", "unsafe"], ["b.bin", "unscanned"]]);
		const brief = await hub.pathsInfo({ repo: "acme/scanned", paths: ["a.bin"], hubUrl });
		assert.equal(brief[0].securityFileStatus, undefined);
	});

	test("@huggingface/gguf reads a file by ranges, and the hub's own summary agrees", async () => {
		await sim.commit("acme/tiny-gguf", { "tiny.gguf": { base64: tinyGguf().toString("base64") } });
		const read = await gguf(`${hubUrl}/acme/tiny-gguf/resolve/main/tiny.gguf`);
		assert.equal(read.metadata["general.architecture"], "llama");
		assert.equal(read.tensorInfos[0].name, "token_embd.weight");
		const info = await (await fetch(`${hubUrl}/api/models/acme/tiny-gguf`)).json();
		assert.deepEqual(info.gguf, { architecture: "llama", context_length: 2048, total: 128 });
	});

	test("datasets and spaces have the same calls under their own names", async () => {
		await sim.commit("acme/fish", { "data.csv": "a,b\n1,2\n" }, { kind: "dataset" });
		const dataset = { type: "dataset", name: "acme/fish" };
		assert.equal((await collect(hub.listDatasets({ search: { query: "fish" }, hubUrl })))[0].name, "acme/fish");
		assert.equal((await hub.datasetInfo({ name: "acme/fish", hubUrl })).name, "acme/fish");
		assert.equal(await (await hub.downloadFile({ repo: dataset, path: "data.csv", hubUrl })).text(), "a,b\n1,2\n");
		await sim.commit("acme/pond", { "README.md": "---\nsdk: static\n---\n" }, { kind: "space" });
		assert.equal((await collect(hub.listSpaces({ search: { owner: "acme" }, hubUrl })))[0].name, "acme/pond");
	});
});

describe("identity and access", () => {
	test("whoAmI names the user, the orgs and the token's role", async () => {
		const me = await hub.whoAmI({ accessToken: token, hubUrl });
		assert.equal(me.name, "mira");
		assert.deepEqual(me.orgs.map((o) => o.name), ["acme"]);
		assert.equal(me.auth.accessToken.role, "write");
		await assert.rejects(hub.whoAmI({ accessToken: "hf_wrong", hubUrl }), { statusCode: 401 });
	});

	test("checkRepoAccess tells private from missing by who asks", async () => {
		const repo = "mira/secret";
		await hub.createRepo({ repo, visibility: "private", accessToken: token, hubUrl });
		await hub.checkRepoAccess({ repo, accessToken: token, hubUrl });
		await assert.rejects(hub.checkRepoAccess({ repo, hubUrl }), { statusCode: 401 });
		await assert.rejects(hub.checkRepoAccess({ repo, accessToken: readerToken, hubUrl }), { statusCode: 404 });
		assert.equal(await hub.repoExists({ repo, accessToken: token, hubUrl }), true);
		assert.equal(await hub.repoExists({ repo, hubUrl }), false);
	});
});

describe("writing", () => {
	const write = { accessToken: token };
	let number = 0;
	let repo;
	beforeEach(async () => {
		repo = `acme/upload-${++number}`;
		const created = await hub.createRepo({ repo, hubUrl, ...write });
		assert.equal(created.repoUrl, `${hubUrl}/${repo}`);
	});
	const download = async (path, revision) => {
		const blob = await hub.downloadFile({ repo, path, revision, hubUrl });
		return blob && new Uint8Array(await blob.arrayBuffer());
	};

	test("createRepo refuses what exists and what is not ours", async () => {
		await assert.rejects(hub.createRepo({ repo, hubUrl, ...write }), { statusCode: 409 });
		await assert.rejects(hub.createRepo({ repo: "other/x", hubUrl, ...write }), { statusCode: 403 });
		await assert.rejects(hub.createRepo({ repo: "ravi/x", hubUrl, accessToken: readerToken }), { statusCode: 403 });
		assert.ok(await hub.fileExists({ repo, path: ".gitattributes", hubUrl }));
	});

	test("uploadFiles commits small files inline", async () => {
		const out = await hub.uploadFiles({
			repo,
			files: [
				{ path: "README.md", content: new Blob([card]) },
				{ path: "deep/er/notes.txt", content: new Blob(["hello"]) },
			],
			commitTitle: "Add notes",
			hubUrl,
			...write,
		});
		assert.match(out.commit.oid, /^[0-9a-f]{40}$/);
		assert.equal(Buffer.from(await download("deep/er/notes.txt")).toString(), "hello");
		const [last] = await collect(hub.listCommits({ repo, hubUrl }));
		assert.deepEqual([last.oid, last.title, last.authors[0].username], [out.commit.oid, "Add notes", "mira"]);
	});

	test("uploadFiles sends a large file by LFS, in one piece and in parts", async () => {
		const basic = noise(200_000);
		const parts = noise(1_000_001);
		await hub.uploadFiles({
			repo,
			files: [
				{ path: "small.bin", content: new Blob([basic]) },
				{ path: "big.safetensors", content: new Blob([parts]) },
			],
			hubUrl,
			...write,
		});
		assert.equal(sha256(await download("small.bin")), sha256(basic));
		assert.equal(sha256(await download("big.safetensors")), sha256(parts));
		const puts = (await sim.admin("GET", "requests")).filter((r) => r.method === "PUT" && r.listener === "cdn");
		assert.equal(puts.filter((r) => r.path.includes(sha256(parts))).length, 4);
		assert.equal(puts.filter((r) => r.path.includes(sha256(basic))).length, 1);
	});

	test("an object that is there already is not sent again", async () => {
		const bytes = noise(50_000);
		const files = (path) => [{ path, content: new Blob([bytes]) }];
		await hub.uploadFiles({ repo, files: files("a.bin"), hubUrl, ...write });
		await sim.admin("DELETE", "requests");
		await hub.uploadFiles({ repo, files: files("b.bin"), hubUrl, ...write });
		const log = await sim.admin("GET", "requests");
		assert.equal(log.filter((r) => r.listener === "cdn").length, 0);
		assert.equal(sha256(await download("b.bin")), sha256(bytes));
	});

	test("a path that no attribute covers is tracked by the hub itself", async () => {
		await hub.uploadFiles({ repo, files: [{ path: "blob.dat", content: new Blob([noise(3000)]) }], hubUrl, ...write });
		assert.match(Buffer.from(await download(".gitattributes")).toString(), /^blob\.dat filter=lfs/m);
	});

	test("commit adds and deletes in one step and respects the parent", async () => {
		const first = await hub.uploadFiles({ repo, files: [{ path: "a.txt", content: new Blob(["1"]) }], hubUrl, ...write });
		const operations = [
			{ operation: "delete", path: "a.txt" },
			{ operation: "addOrUpdate", path: "b.txt", content: new Blob(["2"]) },
		];
		const second = await hub.commit({ repo, title: "Swap", operations, parentCommit: first.commit.oid, hubUrl, ...write });
		assert.equal(await download("a.txt"), null);
		assert.equal(Buffer.from(await download("a.txt", first.commit.oid)).toString(), "1");
		assert.equal(Buffer.from(await download("b.txt", second.commit.oid)).toString(), "2");
		await assert.rejects(
			hub.uploadFiles({ repo, files: [{ path: "c.txt", content: new Blob(["3"]) }], parentCommit: first.commit.oid, hubUrl, ...write }),
			{ statusCode: 412 },
		);
	});

	test("a pull request leaves the branch alone", async () => {
		const out = await hub.uploadFiles({
			repo,
			files: [{ path: "proposal.txt", content: new Blob(["p"]) }],
			isPullRequest: true,
			hubUrl,
			...write,
		});
		assert.match(out.pullRequestUrl, /\/discussions\/1$/);
		assert.equal(await hub.fileExists({ repo, path: "proposal.txt", hubUrl }), false);
		assert.equal(await hub.fileExists({ repo, path: "proposal.txt", revision: "refs/pr/1", hubUrl }), true);
	});

	test("branches are made and deleted", async () => {
		await hub.createBranch({ repo, branch: "side", hubUrl, ...write });
		await hub.uploadFile({ repo, file: { path: "s.txt", content: new Blob(["s"]) }, branch: "side", hubUrl, ...write });
		assert.equal(await hub.fileExists({ repo, path: "s.txt", revision: "side", hubUrl }), true);
		assert.equal(await hub.fileExists({ repo, path: "s.txt", hubUrl }), false);
		await hub.deleteBranch({ repo, branch: "side", hubUrl, ...write });
		assert.equal(await hub.fileExists({ repo, path: "s.txt", revision: "side", hubUrl }), false);
	});

	test("deleteFile, deleteFiles and deleteRepo delete", async () => {
		const files = ["x.txt", "y.txt", "z.txt"].map((path) => ({ path, content: new Blob([path]) }));
		await hub.uploadFiles({ repo, files, hubUrl, ...write });
		await hub.deleteFile({ repo, path: "x.txt", hubUrl, ...write });
		await hub.deleteFiles({ repo, paths: ["y.txt", "z.txt"], hubUrl, ...write });
		const left = await collect(hub.listFiles({ repo, hubUrl }));
		assert.deepEqual(left.map((f) => f.path), [".gitattributes"]);
		await hub.deleteRepo({ repo, hubUrl, ...write });
		assert.equal(await hub.repoExists({ repo, hubUrl, ...write }), false);
	});
});

describe("quotas and faults", () => {
	test("the client sees a spent quota as 429, and the next window opens", async () => {
		const strict = await HubSimProcess.start("--window-ms", "86400000");
		try {
			await strict.commit("acme/otter", { "a.txt": "1" });
			let refused = 0;
			for (let i = 0; i < 520 && !refused; ++i) {
				await hub.modelInfo({ name: "acme/otter", hubUrl: strict.hubUrl }).catch((error) => {
					assert.equal(error.statusCode, 429);
					refused = i;
				});
			}
			assert.equal(refused, 500);
			await strict.admin("POST", "window");
			await hub.modelInfo({ name: "acme/otter", hubUrl: strict.hubUrl });
		} finally {
			await strict.stop();
		}
	});

	test("a connection cut in the middle reaches the client as an error", async () => {
		await sim.commit("acme/cut", { "a.bin": { size: 2_000_000, seed: 7 } });
		await sim.admin("POST", "faults", { kind: "cut", listener: "cdn", path: "a.bin", skip: 1, at_bytes: 100_000 });
		const blob = await hub.downloadFile({ repo: "acme/cut", path: "a.bin", hubUrl });
		await assert.rejects(blob.arrayBuffer());
		assert.equal((await blob.arrayBuffer()).byteLength, 2_000_000);
	});
});

test("no token ever reached the CDN", async () => {
	assert.equal((await sim.admin("GET", "stats")).leaked_tokens, 0);
});
