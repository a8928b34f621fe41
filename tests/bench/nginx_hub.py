"""nginx as a hub for benchmarks: repos of made-up files, the read API from static JSON, and a CDN behind signed-looking links.

It answers as the real hub does (reference: daemon/hub): a tree in pages of 1,000 entries, large files by a redirect to another
origin, small ones directly, the names of blobs in the headers, rate-limit windows that never run out.
"""

import dataclasses
import hashlib
import json
import os
import pathlib
import random
import shutil
import socket
import struct
import subprocess
import time

COMMIT = "c0ffee" + "0" * 34
PAGE_ENTRIES = 1_000
BLOCK_BYTES = 1 << 20


@dataclasses.dataclass
class File:
    path: str
    size: int
    blob: str = ""  # sha256 of a large file, git-sha1 of a small one


@dataclasses.dataclass
class Repo:
    """A dataset `acme/NAME`."""

    name: str
    files: list
    is_large: bool  # by redirect to the CDN, as files in LFS are
    cap: int = 0    # bytes per second and connection; 0 = none

    @property
    def id(self):
        return f"acme/{self.name}"

    @property
    def total(self):
        return sum(file.size for file in self.files)


@dataclasses.dataclass
class Request:
    """One line of the server's log; times in seconds."""

    begin: float
    end: float
    is_cdn: bool


def peak_overlap(requests):
    """How many of the requests were under way at once. What follows another on its connection within the log's precision is not
    beside it."""
    slack = 0.005
    events = sorted([(min(r.begin + slack, r.end), 1) for r in requests] + [(r.end, -1) for r in requests])
    peak = now = 0
    for _, step in events:
        now += step
        peak = max(peak, now)
    return peak


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def find_nginx():
    path = shutil.which("nginx", path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/usr/local/sbin")
    if path is None:
        raise SystemExit("nginx is missing: apt-get install nginx")
    return path


def safetensors_head(size):
    """Of a file of `size` bytes that is one tensor of bytes."""
    left = size - 88
    return struct.pack("<Q", 80) + json.dumps({"w": {"dtype": "U8", "shape": [left], "data_offsets": [0, left]}}).ljust(80).encode()


class NginxHub:
    """Writes the files of the repos below `folder` and serves them until close()."""

    def __init__(self, folder, repos):
        self.folder = pathlib.Path(folder)
        self.repos = repos
        self._log_read = 0
        for name in ("files", "api", "temp"):
            (self.folder / name).mkdir()
        for repo in repos:
            self._write_files(repo)
            self._write_api(repo)
        self._write_etags()
        self._start()

    def url(self, repo, file):
        """Where a client without knowledge of the hub gets the bytes, without a redirect."""
        if repo.is_large:
            return f"http://127.0.0.1:{self.cdn_port}/{repo.name}/{file.path}"
        return f"{self.endpoint}/datasets/{repo.id}/resolve/{COMMIT}/{file.path}"

    def take_requests(self):
        """What was logged since the last time, once no more comes."""
        path = self.folder / "access.log"
        size = -1
        while size != path.stat().st_size:
            size = path.stat().st_size
            time.sleep(0.1)
        with open(path, encoding="ascii") as log:
            log.seek(self._log_read)
            lines = log.read().splitlines()
            self._log_read = log.tell()
        requests = []
        for line in lines:
            port, end, seconds = line.split(" ")[:3]
            requests.append(Request(float(end) - float(seconds), float(end), int(port) == self.cdn_port))
        return requests

    def cpu_seconds(self):
        """Of the workers, so far."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return sum(cpu_seconds(f"/proc/{pid}/stat") for pid in children)

    def close(self):
        self.process.terminate()
        self.process.wait()

    def _write_files(self, repo):
        # Blocks that differ in their first bytes: no two alike, and made faster than random ones. Small files are text, large ones safetensors.
        block = random.Random(repo.name).randbytes(BLOCK_BYTES - 16)
        if not repo.is_large:
            block = block.hex().encode()[:BLOCK_BYTES - 16]
        number = 0
        for file in repo.files:
            target = self.folder / "files" / repo.name / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            digest = hashlib.sha256() if repo.is_large else hashlib.sha1(b"blob %d\0" % file.size)
            head = safetensors_head(file.size) if repo.is_large else b""
            left = file.size - len(head)
            digest.update(head)
            with open(target, "wb") as out:
                out.write(head)
                while left > 0:
                    piece = (b"%016d" % number + block)[:left]
                    number += 1
                    left -= len(piece)
                    digest.update(piece)
                    out.write(piece)
            file.blob = digest.hexdigest()

    def _write_api(self, repo):
        about = {"_id": "6" * 24, "id": repo.id, "author": "acme", "sha": COMMIT, "private": False, "gated": False,
                 "disabled": False, "downloads": 1, "likes": 1, "tags": [], "createdAt": "2024-01-01T00:00:00.000Z",
                 "lastModified": "2024-01-01T00:00:00.000Z", "siblings": []}
        (self.folder / "api" / f"{repo.name}.json").write_text(json.dumps(about))
        entries = []
        for file in repo.files:
            entry = {"type": "file", "oid": file.blob[:40], "size": file.size, "path": file.path}
            if repo.is_large:
                entry["lfs"] = {"oid": file.blob, "size": file.size, "pointerSize": 134}
            entries.append(entry)
        for page in range(self._pages(repo)):
            part = entries[page * PAGE_ENTRIES:(page + 1) * PAGE_ENTRIES]
            (self.folder / "api" / f"{repo.name}-tree-{page}.json").write_text(json.dumps(part))

    @staticmethod
    def _pages(repo):
        return (len(repo.files) + PAGE_ENTRIES - 1) // PAGE_ENTRIES

    def _write_etags(self):
        with open(self.folder / "blobs.map", "w", encoding="ascii") as blobs, \
             open(self.folder / "sizes.map", "w", encoding="ascii") as sizes:
            for repo in self.repos:
                for file in repo.files:
                    blobs.write(f'"{repo.name}/{file.path}" {file.blob};\n')
                    sizes.write(f'"{repo.name}/{file.path}" {file.size};\n')

    def _start(self):
        for _ in range(5):  # somebody else may take a port between choosing and listening
            hub_port, self.cdn_port = free_ports(2)
            self.endpoint = f"http://127.0.0.1:{hub_port}"
            (self.folder / "nginx.conf").write_text(self._config(hub_port))
            log = open(self.folder / "error.log", "wb")
            self.process = subprocess.Popen([find_nginx(), "-p", str(self.folder), "-c", "nginx.conf", "-e", "error.log"],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            log.close()
            if self._is_up(hub_port):
                return
        raise SystemExit("nginx does not start:\n" + (self.folder / "error.log").read_text())

    def _is_up(self, port):
        while self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return True
            except OSError:
                time.sleep(0.02)
        return False

    def _config(self, hub_port):
        next_links = "".join(
            f'    "{repo.name}:{page}" "<{self.endpoint}/api/datasets/{repo.id}/tree/{COMMIT}?recursive=true&cursor={page + 1}>;'
            f' rel=\\"next\\"";\n'
            for repo in self.repos for page in range(self._pages(repo) - 1))
        large = "|".join(repo.name for repo in self.repos if repo.is_large) or "none"
        small = "|".join(repo.name for repo in self.repos if not repo.is_large) or "none"
        # A chunk as small as this: nginx pays for each after it was sent, so that the last one of an answer costs nothing.
        capped = "".join(f"""
    location /{repo.name}/ {{ root {self.folder}/files; limit_rate {repo.cap}; sendfile_max_chunk 256k; }}"""
                         for repo in self.repos if repo.cap)
        return f"""
{"user root;" if os.geteuid() == 0 else ""}
daemon off;
worker_processes auto;
pid nginx.pid;
error_log error.log warn;
events {{ worker_connections 1024; }}
http {{
  log_format bench '$server_port $msec $request_time $status $request_method $request_uri';
  access_log access.log bench;
  client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp; uwsgi_temp_path temp; scgi_temp_path temp;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 100000;
  default_type application/octet-stream;
  map_hash_max_size 65536;
  map_hash_bucket_size 256;
  map $arg_cursor $page {{ default $arg_cursor; "" 0; }}
  map "$repo:$page" $next_link {{
    default "";
{next_links}  }}
  map "$repo/$path" $blob {{ default ""; include blobs.map; }}
  map "$repo/$path" $size {{ default ""; include sizes.map; }}

  server {{
    listen 127.0.0.1:{hub_port};
    location ~ ^/api/datasets/acme/(?<repo>[a-z]+)(/revision/main)?$ {{
      default_type application/json;
      add_header RateLimit '"api";r=90000;t=290';
      add_header RateLimit-Policy '"fixed window";"api";q=100000;w=300';
      alias {self.folder}/api/$repo.json;
    }}
    location ~ ^/api/datasets/acme/(?<repo>[a-z]+)/tree/{COMMIT}$ {{
      default_type application/json;
      add_header RateLimit '"api";r=90000;t=290';
      add_header RateLimit-Policy '"fixed window";"api";q=100000;w=300';
      add_header Link $next_link;
      alias {self.folder}/api/$repo-tree-$page.json;
    }}
    location ~ ^/datasets/acme/(?<repo>{large})/resolve/{COMMIT}/(?<path>.+)$ {{
      add_header RateLimit '"resolvers";r=90000;t=290';
      add_header RateLimit-Policy '"fixed window";"resolvers";q=100000;w=300';
      add_header X-Repo-Commit {COMMIT};
      add_header X-Linked-Etag '"$blob"';
      add_header X-Linked-Size $size;
      return 302 http://127.0.0.1:{self.cdn_port}/$repo/$path?X-Amz-Signature=0123456789abcdef;
    }}
    location ~ ^/datasets/acme/(?<repo>{small})/resolve/{COMMIT}/(?<path>.+)$ {{
      etag off;
      add_header RateLimit '"resolvers";r=90000;t=290';
      add_header RateLimit-Policy '"fixed window";"resolvers";q=100000;w=300';
      add_header X-Repo-Commit {COMMIT};
      add_header ETag '"$blob"';
      alias {self.folder}/files/$repo/$path;
    }}
  }}

  server {{
    listen 127.0.0.1:{self.cdn_port};
    location / {{ root {self.folder}/files; }}{capped}
  }}
}}
"""


def cpu_seconds(stat_path):
    """User and system time from a stat file of /proc; 0 when the process or thread is gone."""
    try:
        fields = pathlib.Path(stat_path).read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
