// Starts the simulated hub on an empty hub folder of its own and speaks to its admin endpoint.
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { once } from "node:events";

export const token = "hf_mira";
export const readerToken = "hf_ravi";

const users = [
	{ name: "mira", token, orgs: ["acme"], role: "write", fullname: "Mira K." },
	{ name: "ravi", token: readerToken, orgs: [], role: "read" },
];

export class HubSimProcess {
	static async start(...args) {
		const program = process.env.HUBSIM;
		if (!program) {
			throw new Error("set HUBSIM to the path of the hubsim program");
		}
		const folder = await mkdtemp(join(tmpdir(), "hubsim-npm-"));
		await writeFile(join(folder, "hub.json"), JSON.stringify({ users }));
		const child = spawn(program, ["--root", folder, "--exit-with-parent", ...args], {
			stdio: ["ignore", "pipe", "inherit"],
		});
		let text = "";
		child.stdout.setEncoding("utf8");
		for await (const piece of child.stdout) {
			text += piece;
			if (/^cdn .*\n/m.test(text)) {
				break;
			}
		}
		const hubUrl = /^hub (.*)$/m.exec(text)?.[1];
		if (!hubUrl) {
			throw new Error(`hubsim ended before it was ready; it said: ${text}`);
		}
		return new HubSimProcess(child, folder, hubUrl);
	}

	constructor(child, folder, hubUrl) {
		this.child = child;
		this.folder = folder;
		this.hubUrl = hubUrl;
	}

	async admin(method, what, body) {
		const res = await fetch(`${this.hubUrl}/__hubsim/${what}`, {
			method,
			...(body === undefined ? undefined : { body: JSON.stringify(body) }),
		});
		const json = await res.json();
		if (!res.ok) {
			throw new Error(`${method} ${what}: ${json.error}`);
		}
		return json;
	}

	// Adds files to a repo, which is created when missing; returns the commit's id.
	async commit(repo, files, more = {}) {
		return (await this.admin("POST", "commit", { repo, files, create: true, ...more })).commit;
	}

	async stop() {
		if (this.child.exitCode === null) {
			this.child.kill("SIGTERM");
			await once(this.child, "exit");
		}
		await rm(this.folder, { recursive: true, force: true });
	}
}
