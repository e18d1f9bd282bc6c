#!/usr/bin/env python3
"""The packages, built twice from the programs that are there: same bytes, lintian content, the right files
with the right modes. And the documents as they are installed."""
import hashlib
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAMS = os.environ.get("STATEWARD_BUILD", "build/release")


def build(folder, umask, **env):
    subprocess.run(["bash", "-c", f"umask {umask}; exec packaging/build_deb.sh {folder}"], cwd=ROOT,
                   check=True, capture_output=True, text=True,
                   env={**os.environ, "STATEWARD_PROGRAMS": PROGRAMS, **env})
    return {path.name: path for path in pathlib.Path(folder).glob("*.deb")}


def digests(debs):
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in debs.items()}


class Packages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.debs = build(ROOT / "build" / "deb", "022")

    def contents(self, package):
        deb = next(path for name, path in self.debs.items() if name.startswith(package + "_"))
        lines = subprocess.run(["dpkg-deb", "-c", deb], check=True, capture_output=True,
                               text=True).stdout.splitlines()
        return {line.split()[5].lstrip("."): line.split()[0] for line in lines}

    def test_it_compiles_with_debians_flags_and_the_makefiles(self):
        """What `make deb` runs where nothing is compiled yet; here it is only printed."""
        others = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "STATEWARD_PROGRAMS")
        env = {k: v for k, v in os.environ.items() if k not in others}
        # A variant of which nothing is there.
        env.update(VARIANT="nothing", CPPFLAGS="-Wdate-time", CXXFLAGS="-ffile-prefix-map=x=.")
        run = subprocess.run(["make", "-n", "-f", "packaging/debian/rules", "override_dh_auto_build"], cwd=ROOT,
                             env=env, capture_output=True, text=True, check=False)
        self.assertEqual(0, run.returncode, run.stderr)
        line = next(line for line in run.stdout.splitlines() if line.rstrip().endswith("src/main.cc"))
        for flag in ("-Wdate-time", "-ffile-prefix-map=x=.", "-Iinclude", "-Isrc", "-std=c++17"):
            self.assertIn(flag, line.split())

    def test_the_same_bytes_again(self):
        with tempfile.TemporaryDirectory() as folder:
            again = build(folder, "077", TZ="Asia/Kolkata", LC_ALL="C.UTF-8", HOME="/nonexistent")
            self.assertEqual(3, len(again))
            self.assertEqual(digests(self.debs), digests(again))

    def test_lintian(self):
        run = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning",
                              *self.debs.values()], capture_output=True, text=True, check=False)
        self.assertEqual((0, ""), (run.returncode, run.stdout), run.stderr)

    def test_the_version_is_that_of_the_programs(self):
        said = subprocess.run([ROOT / PROGRAMS / "stateward", "--version"], check=True, capture_output=True,
                              text=True).stdout
        for name in self.debs:
            self.assertEqual(said.split()[1], name.split("_")[1], name)

    def test_contents(self):
        files = self.contents("stateward")
        for path, mode in {
                "/usr/bin/stateward": "-rwxr-xr-x", "/usr/bin/statewardctl": "-rwxr-xr-x",
                "/lib/systemd/system/stateward.service": "-rw-r--r--",
                "/lib/systemd/system/stateward-fcgi.socket": "-rw-r--r--",
                "/usr/lib/sysusers.d/stateward.conf": "-rw-r--r--",
                "/usr/lib/tmpfiles.d/stateward.conf": "-rw-r--r--",
                "/etc/logrotate.d/stateward": "-rw-r--r--",
                "/etc/apparmor.d/usr.bin.stateward": "-rw-r--r--",
                "/usr/share/stateward/policy.example.toml": "-rw-r--r--",
                "/usr/share/stateward/stateward_reader.py": "-rw-r--r--",
                "/usr/share/man/man1/statewardctl.1.gz": "-rw-r--r--",
                "/usr/share/bash-completion/completions/statewardctl": "-rw-r--r--",
                "/usr/share/zsh/vendor-completions/_statewardctl": "-rw-r--r--",
                "/usr/share/man/man8/stateward.8.gz": "-rw-r--r--"}.items():
            self.assertEqual(mode, files.get(path), path)
        # Settings and keys are made by the host and belong to no package.
        self.assertFalse([f for f in files if f.startswith("/etc/stateward/") and f[-1] != "/"])
        self.assertIn("/etc/nginx/snippets/stateward.conf", self.contents("stateward-nginx"))
        self.assertIn("/etc/apache2/conf-available/stateward-apache.conf", self.contents("stateward-apache"))

    @unittest.skipUnless(os.path.exists("/usr/sbin/apparmor_parser"), "needs apparmor_parser")
    def test_the_profile_is_understood(self):
        run = subprocess.run(["/usr/sbin/apparmor_parser", "-QK", "conf/apparmor.profile"], cwd=ROOT,
                             capture_output=True, text=True, check=False)
        self.assertEqual(0, run.returncode, run.stderr)

    def test_links_of_the_documents_in_the_package(self):
        deb = next(path for name, path in self.debs.items() if name.startswith("stateward_"))
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["dpkg-deb", "-x", deb, folder], check=True)
            run = subprocess.run([sys.executable, "-B", "tests/links.py",
                                  folder + "/usr/share/doc/stateward"], cwd=ROOT, check=False,
                                 capture_output=True, text=True)
            self.assertEqual(0, run.returncode, run.stdout)

    def test_links_of_the_documents_as_installed(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["make", "-s", "install-files", "DESTDIR=" + folder, "PREFIX=/usr"],
                           cwd=ROOT, check=True, capture_output=True)
            run = subprocess.run([sys.executable, "-B", "tests/links.py",
                                  folder + "/usr/share/doc/stateward"], cwd=ROOT, check=False,
                                 capture_output=True, text=True)
            self.assertEqual(0, run.returncode, run.stdout)


if __name__ == "__main__":
    result = unittest.main(exit=False, verbosity=2).result
    failed = len(result.failures) + len(result.errors)
    skipped = len(result.skipped)
    print(f"{result.testsRun - failed - skipped} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed else 0)
