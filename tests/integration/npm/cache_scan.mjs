// Prints what the hub client that others wrote makes of a cache folder, as JSON:
//   node cache_scan.mjs CACHE_DIR
//   {"size": N, "warnings": ["…"], "repos": [{"type", "name", "size", "filesCount",
//     "revisions": [{"commit", "refs": […], "size", "files": [{"path", "blob", "size"}]}]}]}
// "path" is relative to the snapshot and "blob" is the blob's name. The client lists files at the top of a snapshot only.
// Ends with 1 when the folder cannot be scanned; what a single repo has wrong stands in "warnings".
import { basename, relative } from "node:path";
import { scanCacheDir } from "@huggingface/hub";

const [folder] = process.argv.slice(2);
if (!folder) {
	console.error("cache_scan: name the cache folder");
	process.exit(2);
}

try {
	const cache = await scanCacheDir(folder);
	const repos = cache.repos.map((repo) => ({
		type: repo.id.type,
		name: repo.id.name,
		size: repo.size,
		filesCount: repo.filesCount,
		revisions: repo.revisions.map((revision) => ({
			commit: revision.commitOid,
			refs: revision.refs,
			size: revision.size,
			files: revision.files.map((file) => ({
				path: relative(revision.path, file.path),
				blob: basename(file.blob.path),
				size: file.blob.size,
			})),
		})),
	}));
	console.log(JSON.stringify({ size: cache.size, warnings: cache.warnings.map(String), repos }, null, 2));
} catch (error) {
	console.error(`cache_scan: ${folder}: ${error.message}`);
	process.exit(1);
}
