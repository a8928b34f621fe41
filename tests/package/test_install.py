"""What `cmake --install` puts where, component by component, and what others make of it: readers of the manual, shells, and C++
programs that find the client library through CMake and through pkg-config."""

import gzip
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests" / "e2e"), str(ROOT / "tests" / "structure")]

import cli_docs
from harness import EndToEndTest

BUILD = os.environ["BATUTA_BUILD"]
PREFIX = os.environ["BATUTA_PREFIX"].lstrip("/")
LIBDIR = os.environ["BATUTA_LIBDIR"]
CMAKE = os.environ["CMAKE"]
EXAMPLE = ROOT / "docs" / "examples" / "cpp"


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=500, check=False, **options)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout}")
    return done.stdout


def install(folder, component):
    """Installs one component below `folder`; the paths of its files there."""
    run(CMAKE, "--install", BUILD, "--component", component, env={**os.environ, "DESTDIR": str(folder)})
    return {str(path.relative_to(folder)) for path in pathlib.Path(folder).rglob("*") if not path.is_dir()}


class Installed(EndToEndTest):
    COMPONENTS = ()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = tempfile.mkdtemp(prefix="batuta-install-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.files = set()
        for component in cls.COMPONENTS:
            cls.files |= install(cls.folder, component)
        cls.prefix = pathlib.Path(cls.folder) / PREFIX

    def pages(self, section):
        """The text of each page of the manual, by its name."""
        folder = self.prefix / "share/man" / f"man{section}"
        return {path.name.removesuffix(".gz"): gzip.decompress(path.read_bytes()) for path in sorted(folder.iterdir())}

    def assert_readers_are_content(self, section):
        folder = self.box.folder / f"man{section}"
        folder.mkdir()
        for name, text in self.pages(section).items():
            (folder / name).write_bytes(text)
        self.assertEqual(run("mandoc", "-T", "lint", "-W", "warning", *sorted(folder.iterdir())), "")

    def holds(self, *paths):
        for path in paths:
            self.assertIn(str(pathlib.PurePath(PREFIX) / path), self.files)


class ClientTest(Installed):
    COMPONENTS = ("client",)

    def helps(self):
        return {"-".join(("batuta", *words)): text for words, text in cli_docs.walk(str(self.prefix / "bin" / "batuta"))}

    def page(self, name):
        return self.pages(1)[f"{name}.1"].decode()

    def test_program_manual_and_completions_are_all_there_is(self):
        pages = [f"share/man/man1/{name}.1.gz" for name in self.helps()]
        zsh = "vendor-completions" if PREFIX == "usr" else "site-functions"
        others = ["bin/batuta", "share/bash-completion/completions/batuta", f"share/zsh/{zsh}/_batuta",
                  "share/fish/vendor_completions.d/batuta.fish"]
        self.holds(*pages, *others)
        self.assertGreater(len(pages), 30)
        self.assertEqual(len({path for path in self.files if "share/doc" not in path}), len(pages) + len(others))

    def test_each_page_says_what_help_says(self):
        for name, text in self.helps().items():
            page = self.page(name).replace("\\-", "-")
            flags = set(cli_docs.FLAG.findall(text))
            # Groups point to the help of their commands, which the manual has pages for.
            self.assertEqual(set(cli_docs.FLAG.findall(page)) | {"--help"}, flags | {"--help"}, name)
            for command in cli_docs.commands_in(text):
                self.assertIn(f'.B "{name}-{command}(1)"', page)
            self.assertIn(f'"batuta {os.environ["BATUTA_VERSION"]}"', page)
        self.assertLessEqual(cli_docs.exit_section(self.helps()["batuta"]),
                             {int(code) for code in re.findall(r'^\.B "(\d+)"$', self.page("batuta"), re.MULTILINE)})

    def test_no_page_has_anything_that_a_reader_stumbles_over(self):
        self.assert_readers_are_content(1)

    def test_shells_accept_the_completions(self):
        run("bash", "-n", self.prefix / "share/bash-completion/completions/batuta")
        self.assertIn("complete -c batuta", (self.prefix / "share/fish/vendor_completions.d/batuta.fish").read_text())
        script = '. "$1"; COMP_WORDS=("$2" hf pul); COMP_CWORD=2; _batuta; echo "${COMPREPLY[*]}"'
        found = run("bash", "-c", script, "bash", self.prefix / "share/bash-completion/completions/batuta",
                    self.prefix / "bin/batuta")
        self.assertEqual(found.split(), ["pull"])


class DaemonTest(Installed):
    COMPONENTS = ("client", "daemon")

    def test_daemon_inspector_units_account_and_manual_are_there(self):
        self.holds("bin/batutad", "libexec/batuta/batuta-inspect", "share/man/man8/batutad.8.gz")
        for name in ("system/batutad.service", "system/batutad.socket", "user/batutad.service", "user/batutad.socket",
                     "sysusers.d/batuta.conf", "tmpfiles.d/batuta.conf"):
            self.assertTrue([path for path in self.files if path.endswith(f"/{name}")], name)
        for path in self.files:
            if path.endswith("batutad.service"):
                self.assertIn(f"ExecStart=/{PREFIX}/bin/batutad ", (pathlib.Path(self.folder) / path).read_text())

    def test_manual_of_the_daemon_names_each_flag_and_setting(self):
        self.assert_readers_are_content(8)
        text = self.pages(8)["batutad.8"].decode().replace("\\-", "-")
        for flag in set(cli_docs.FLAG.findall(run(self.prefix / "bin/batutad", "--help"))):
            self.assertRegex(text, rf'\n\.B ".*{flag}', flag)
        keys = [line.split(" = ")[0] for line in run(self.prefix / "bin/batutad", "--print-config", env=self.box.env).splitlines()]
        self.assertGreater(len(keys), 20)
        for key in keys:
            self.assertIn(f'\n.B "{key}"\n', text)
        self.assertNotIn(str(ROOT), text)

    def test_configuration_is_commented_and_each_line_may_be_taken(self):
        found = [path for path in self.files if path.endswith("/config.toml")]
        self.assertEqual(len(found), 1)
        text = (pathlib.Path(self.folder) / found[0]).read_text()
        self.assertEqual(tomllib.loads(text), {})
        taken = self.box.folder / "config.toml"
        taken.write_text(re.sub(r"^#(\S+ = )", r"\1", text, flags=re.MULTILINE))
        bare = {"HOME": "/nonexistent"}
        effective = run(self.prefix / "bin/batutad", "--system", "--print-config", "--config", taken, env=bare)
        nothing = self.box.folder / "nothing.toml"
        nothing.write_text("")
        defaults = run(self.prefix / "bin/batutad", "--system", "--print-config", "--config", nothing, env=bare)
        self.assertEqual(re.sub(r"  # .*", "", effective), re.sub(r"  # .*", "", defaults))
        self.assertNotIn("# default", effective)

    def test_installed_client_finds_daemon_and_inspector(self):
        self.box.env["PATH"] = os.defpath
        self.box.env["BATUTA_NO_SPAWN"] = "0"
        batuta = self.prefix / "bin/batuta"
        started = run(batuta, "daemon", "start", "--format", "json", env=self.box.env)
        self.addCleanup(run, batuta, "daemon", "stop", env=self.box.env)
        self.assertIn(os.environ["BATUTA_VERSION"], started)
        (self.box.folder / "ok.txt").write_text("nothing\n")
        run(batuta, "hf", "scan", self.box.folder / "ok.txt", env=self.box.env)


class ClientLibraryTest(Installed):
    COMPONENTS = ("development",)

    def setUp(self):
        super().setUp()
        hub = self.box.hub()
        hub.commit("acme/otter", {"config.json": "{}"})
        self.box.daemon()
        self.box.pull("model", "acme/otter")
        # As a package lies: in a place of its own, and moved there.
        self.expected = f"batutad {os.environ['BATUTA_VERSION']} for {hub.endpoint}\nacme/otter\n"

    def test_example_built_by_cmake_talks_to_the_daemon(self):
        build = self.box.folder / "build"
        run(CMAKE, "-S", EXAMPLE, "-B", build, f"-DCMAKE_PREFIX_PATH={self.prefix}", f"-DCMAKE_CXX_COMPILER={os.environ['CXX']}")
        run(CMAKE, "--build", build)
        self.assertEqual(run(build / "cached", self.box.socket), self.expected)

    def test_example_built_by_pkg_config_talks_to_the_daemon(self):
        env = {**os.environ, "PKG_CONFIG_PATH": str(self.prefix / LIBDIR / "pkgconfig")}
        flags = run("pkg-config", "--cflags", "--libs", "batuta-client", env=env).split()
        self.assertEqual(run("pkg-config", "--modversion", "batuta-client", env=env).strip(), os.environ["BATUTA_VERSION"])
        program = self.box.folder / "cached"
        # A library with a sanitizer in it is linked as it was built.
        run(os.environ["CXX"], "-std=c++17", *os.environ["CXXFLAGS"].split(), EXAMPLE / "cached.cc", "-o", program, *flags)
        self.assertEqual(run(program, self.box.socket), self.expected)

    def test_protos_compile_for_other_languages_and_nothing_internal_is_installed(self):
        protos = self.prefix / "share/batuta/proto"
        run("protoc", f"-I{protos}", f"--python_out={self.box.folder}", *sorted(protos.rglob("*.proto")))
        self.assertTrue((self.box.folder / "batuta/v1/job_service_pb2.py").exists())
        self.assertEqual([path for path in self.files if "inspection" in path], [])


if __name__ == "__main__":
    unittest.main()
