// Uses a cache folder as programs with the hub client that others wrote do, at random, until the time given (milliseconds since 1970):
//   node cache_writer.mjs CACHE_DIR HUB_URL UNTIL SEED REPO…
// A line of JSON for each act: {"act": "snapshot"|"scan", "repo", "path", "error", "warnings"}.
import { setTimeout as sleep } from "node:timers/promises";
import { scanCacheDir, snapshotDownload } from "@huggingface/hub";

const [cacheDir, hubUrl, until, seed, ...repos] = process.argv.slice(2);
console.debug = () => {};
console.info = () => {};

let state = Number(seed) >>> 0;
function below(limit) {
	state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
	return Math.floor((state / 2 ** 32) * limit);
}

function tell(line) {
	process.stdout.write(JSON.stringify(line) + "\n");
}

while (Date.now() < Number(until)) {
	if (below(4) === 0) {
		try {
			const cache = await scanCacheDir(cacheDir);
			tell({ act: "scan", warnings: cache.warnings.map(String) });
		} catch (error) {
			tell({ act: "scan", error: String(error) });
		}
	} else {
		const repo = repos[below(repos.length)];
		try {
			const path = await snapshotDownload({ repo: { type: "model", name: repo }, hubUrl, cacheDir });
			tell({ act: "snapshot", repo, path });
		} catch (error) {
			tell({ act: "snapshot", repo, error: String(error?.stack ?? error) });
		}
	}
	await sleep(below(60));
}
