#!/usr/bin/env python3
"""The life of the packages in a fresh Debian that systemd has booted: installed by the README's three
commands, used by tofu, upgraded under load, removed, purged. Run by `make test-deb` and `make test-deb-13`, as root."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from machine import Machine

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# Which Debian; the packages are made for one of them.
SUITE = os.environ.get("STATEWARD_SUITE", "bookworm")
DEBS = sorted((ROOT / "build" / ("deb" if SUITE == "bookworm" else "deb-" + SUITE)).glob("*.deb"))
MAIN_TF = """
terraform {
  backend "http" {
    address                = "https://localhost/state/demo/network"
    lock_address           = "https://localhost/state/demo/network"
    unlock_address         = "https://localhost/state/demo/network"
    skip_cert_verification = true
  }
}
resource "terraform_data" "x" { input = "kept" }
"""
LOGIN = {"TF_HTTP_USERNAME": "basic", "TF_HTTP_PASSWORD": "secret"}


def server_deb():
    return next(deb for deb in DEBS if deb.name.startswith("stateward_"))


def three_commands(web):
    """Those of the README that install stateward-`web`."""
    for block in re.findall(r"```\n(.*?)```", (ROOT / "README.md").read_text(), re.S):
        if f"stateward-{web}_" in block:
            return [line.replace("sudo ", "") for line in block.strip().splitlines()]
    raise AssertionError(f"README.md does not say how to install stateward-{web}")


def tofu():
    found = subprocess.run([ROOT / "tests" / "tools" / "build.sh", "tofu"], check=True,
                           capture_output=True, text=True)
    return found.stdout.strip()


class Life(unittest.TestCase):
    WEB, OTHER = "nginx", "apache2"
    ENABLE = "; ln -sfn ../sites-available/stateward /etc/nginx/sites-enabled/; systemctl reload nginx"

    def boot(self):
        self.machine = Machine([*DEBS, ROOT / "tests/packages/load.py"], SUITE)
        self.addCleanup(self.machine.close)
        self.machine.run('echo \'APT::Get::Assume-Yes "true";\' >/etc/apt/apt.conf.d/90test')
        self.run_there(f"systemctl disable --now {self.OTHER}; systemctl restart {self.service()}")

    def service(self):
        return {"nginx": "nginx", "apache": "apache2"}[self.WEB]

    def run_there(self, command, **options):
        return self.machine.run(command, DEBIAN_FRONTEND="noninteractive", **options).stdout

    def install(self):
        said = ""
        for command in three_commands(self.WEB):
            said += self.run_there("cd /mnt; " + command)
        return said

    def get(self, path, options="-u basic:secret"):
        out = self.run_there(f"curl -sk {options} -w '\\n%{{http_code}}' https://localhost{path}")
        body, _, code = out.rpartition("\n")
        return int(code), body

    def apply(self):
        self.machine.put(tofu())
        program = "/mnt/" + os.path.basename(tofu())
        self.machine.run("mkdir -p /root/tf && cat >/root/tf/main.tf", stdin=MAIN_TF)
        self.machine.run(f"cd tf && {program} init -input=false -no-color && "
                         f"{program} apply -input=false -no-color -auto-approve", **LOGIN)
        self.assertIn("kept", self.get("/state/demo/network")[1])
        plan = self.machine.run(f"cd tf && {program} plan -detailed-exitcode -no-color", **LOGIN)
        self.assertIn("No changes", plan.stdout)

    def newer(self, version):
        """The package again, as another version."""
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["dpkg-deb", "-R", server_deb(), folder + "/x"], check=True)
            control = pathlib.Path(folder, "x/DEBIAN/control")
            control.write_text(re.sub(r"(?m)^Version: .*", f"Version: {version}",
                                      control.read_text()))
            out = f"{folder}/newer_{version}.deb"
            subprocess.run(["dpkg-deb", "-Zgzip", "-z1", "-b", folder + "/x", out], check=True,
                           capture_output=True)
            self.machine.put(out)
        return f"/mnt/newer_{version}.deb"

    def begin_load(self):
        self.machine.run("rm -f /tmp/stop; nohup python3 /mnt/load.py >/tmp/load.out 2>&1 &")
        self.machine.wait_for(lambda: self.get("/state/load/one")[0] == 200, "it writes")

    def end_load(self):
        """What its requests were answered. Nothing acknowledged is lost."""
        self.machine.run("touch /tmp/stop")
        self.machine.wait_for(lambda: self.machine.run("cat /tmp/load.out").stdout, "its end")
        load = json.loads(self.machine.run("cat /tmp/load.out").stdout)
        self.assertGreater(load["acknowledged"], 0)
        self.assertEqual(load["acknowledged"], json.loads(self.get("/state/load/one")[1])["serial"])
        return load["answers"]

    def upgrade_under_load(self):
        self.begin_load()
        before = self.run_there("systemctl show -p MainPID stateward")
        self.run_there("apt-get install " + self.newer("0.9.9"))
        self.assertNotEqual(before, self.run_there("systemctl show -p MainPID stateward"))
        answers = self.end_load()
        self.assertLessEqual(set(answers), {"200", "503"}, answers)

    def test_life(self):
        self.boot()
        said = self.install()
        self.assertIn("made the key /etc/stateward/kms.key. Back it up", said)
        self.assertEqual(1, self.run_there("journalctl -u stateward").count('msg="not ready'))
        self.apply()
        # The web server connects, and reads nothing.
        for file in ("/etc/stateward/stateward.env", "/etc/stateward/kms.key", "/var/lib/stateward"):
            reads = self.machine.run(f"runuser -u www-data -- ls {file}", check=False)
            self.assertNotEqual(0, reads.returncode, file)
        self.assertIn("active", self.run_there("systemctl reload stateward; "
                                               "systemctl is-active stateward"))
        self.key_from_another_setting()
        self.upgrade_under_load()
        key = self.run_there("cat /etc/stateward/kms.key")
        self.run_there("apt-get remove stateward")
        self.assertEqual(key, self.run_there("cat /etc/stateward/kms.key"))
        said = self.run_there("apt-get install /mnt/newer_0.9.9.deb "
                              f"/mnt/stateward-{self.WEB}_*.deb" + self.ENABLE)
        self.assertNotIn("made the key", said)
        self.assertIn("kept", self.get("/state/demo/network")[1])
        # Nobody is there to be asked: both stay.
        said = self.run_there("apt-get purge stateward")
        self.assertIn("kept: the states in /var/lib/stateward", said)
        self.assertEqual(key, self.run_there("cat /etc/stateward/kms.key"))
        self.run_there("apt-get install /mnt/newer_0.9.9.deb "
                       f"/mnt/stateward-{self.WEB}_*.deb" + self.ENABLE)
        self.assertIn("kept", self.get("/state/demo/network")[1])
        self.purge_and_say_yes()

    def key_from_another_setting(self):
        """As with a key in Vault: the unit asks for no /etc/stateward/kms.key."""
        self.run_there("cd /etc/stateward; cp -a stateward.env was; mv kms.key away; "
                       "echo KMS_KEY=$(cat away) >>stateward.env; systemctl restart stateward; "
                       "statewardctl keys")
        self.assertIn("kept", self.get("/state/demo/network")[1])
        self.run_there("cd /etc/stateward; mv was stateward.env")
        # Without any key it does not start, and says why.
        self.assertNotEqual(0, self.machine.run("systemctl restart stateward", check=False).returncode)
        self.assertIn("KMS_KEY: is not set", self.run_there("journalctl -u stateward"))
        self.run_there("cd /etc/stateward; mv away kms.key; systemctl reset-failed stateward; "
                       "systemctl restart stateward")

    def purge_and_say_yes(self):
        self.machine.run("(sleep 5; echo yes) | script -qec 'DEBIAN_FRONTEND=readline dpkg --purge "
                         f"stateward-{self.WEB} stateward' /tmp/typed")
        left = self.machine.run("ls -d /etc/stateward /var/lib/stateward; cat /tmp/typed",
                                check=False).stdout
        self.assertNotIn("\n/var/lib/stateward\n", "\n" + left)
        self.assertNotIn("\n/etc/stateward\n", "\n" + left)


class LifeWithApache(Life):
    WEB, OTHER = "apache", "nginx"
    ENABLE = "; a2ensite -q stateward; systemctl reload apache2"


class Rotation(Life):
    """docs/kms.md, "Rotating", under the socket unit and load: systemd hands the keys over as credentials."""

    def key_ids(self):
        """By id, whether the key seals. Nothing is left that none of them opens."""
        said = self.run_there("statewardctl keys")
        self.assertNotIn("UNKNOWN", said)
        return {key: "(seals)" in line for key, line in re.findall(r"(?m)^([0-9a-f]{32})(.*)$", said)}

    def let_it_take(self):
        self.run_there("systemctl restart stateward-fcgi")

    def test_life(self):
        self.boot()
        self.install()
        self.run_there("systemctl disable --now stateward; systemctl enable --now stateward-fcgi.socket")
        self.begin_load()
        old, = self.key_ids()
        # 1. All can read it.
        self.run_there("umask 077; statewardctl keygen >>/etc/stateward/kms.keyring")
        self.let_it_take()
        # 2. It seals. A rekey with servers that were not restarted would make every state 503.
        self.run_there("cd /etc/stateward; mv kms.key was; mv kms.keyring kms.key; mv was kms.keyring; "
                       "chmod 0600 kms.key kms.keyring")
        self.let_it_take()
        new, = set(self.key_ids()) - {old}
        self.assertEqual({old: False, new: True}, self.key_ids())
        self.assertNotEqual(0, self.machine.run(f"statewardctl keys --retired {old}", check=False).returncode)
        # 3.
        self.assertIn(" 0 failed", self.run_there("statewardctl rekey"))
        # 4.
        self.run_there(f"statewardctl keys --retired {old}")
        self.run_there("rm /etc/stateward/kms.keyring")
        self.let_it_take()
        self.assertEqual({new: True}, self.key_ids())
        self.assertEqual({"200"}, set(self.end_load()))


class AfterMakeInstall(Life):
    """The package over an earlier `make install` with another group, with a policy and states."""
    POLICY = ROOT / "conf" / "policy.example.toml"

    def test_life(self):
        self.boot()
        with tempfile.TemporaryDirectory() as folder:
            made = subprocess.run(["make", "-s", "-o", "build/release/statewardctl", "install-files",
                                   "DESTDIR=" + folder + "/tree", "PREFIX=/usr/local"], cwd=ROOT, check=False,
                                  capture_output=True, text=True)
            self.assertEqual(0, made.returncode, made.stderr)
            # The programs that were made for that Debian.
            subprocess.run(["dpkg-deb", "-x", server_deb(), folder + "/deb"], check=True)
            for program in ("stateward", "statewardctl"):
                shutil.copy(f"{folder}/deb/usr/bin/{program}", folder + "/tree/usr/local/bin")
            subprocess.run(["tar", "-C", folder + "/tree", "--owner=0", "--group=0", "-cf",
                            folder + "/tree.tar", "."], check=True)
            self.machine.put(folder + "/tree.tar")
        said = self.run_there("tar -C / -xf /mnt/tree.tar; ldconfig; "
                              "/usr/local/share/stateward/setup.sh /usr/local")
        for left in ("statewardctl init", "systemctl enable --now stateward", "adduser www-data stateward-web"):
            self.assertIn("left to do: " + left, said)
        self.run_there("systemctl enable --now stateward; statewardctl init")
        self.machine.run("statewardctl passwd anna >/etc/stateward/policy.toml", stdin="open sesame\n")
        self.machine.run("cat >>/etc/stateward/policy.toml", stdin="""
[[rules]]
name = "all"
user = "anna"
states = ["*/*"]
role = "admin"
""")
        self.machine.run("echo AUTH_POLICY_FILE=/etc/stateward/policy.toml "
                         ">>/etc/stateward/stateward.env; cat >/etc/nginx/sites-enabled/old; "
                         "adduser --quiet www-data stateward-web || "
                         "usermod -aG stateward-web www-data; chmod 0600 /etc/stateward/policy.toml; "
                         "chown stateward:www-data /etc/stateward/policy.toml "
                         "/etc/stateward/stateward.env; chgrp -R www-data /var/lib/stateward; "
                         "systemctl restart stateward", stdin="")
        key = self.run_there("cat /etc/stateward/kms.key")
        said = self.install_without_init()
        self.assertIn("before-package", said)
        self.assertNotIn("made the key", said)
        self.assertEqual(key, self.run_there("cat /etc/stateward/kms.key"))
        self.assertIn("/usr/bin/stateward", self.run_there("systemctl show -p ExecStart stateward"))
        self.assertEqual(404, self.get("/state/demo/x", "-u 'anna:open sesame'")[0])
        self.assertEqual(401, self.get("/state/demo/x", "-u anna:wrong")[0])

    def install_without_init(self):
        return "".join(self.run_there("cd /mnt; " + command)
                       for command in three_commands(self.WEB) if "init" not in command)


class ProductionPage(Life):
    """docs/production.md is followed, step by step, with the commands that stand there."""
    test_life = None

    def steps(self):
        """{a section's number: its commands for nginx}"""
        page = (ROOT / "docs/production.md").read_text()
        for number, section in re.findall(r"(?ms)^## (\d)\. [^\n]*\n(.*?)(?=^## |\Z)", page):
            yield number, "\n".join(re.findall(r"(?ms)^```\n(.*?)^```$", section))

    def test_the_hour(self):
        steps = dict(self.steps())
        self.boot()
        self.run_there("cd /mnt; " + steps["1"])
        self.assertIn("the store is ready", self.run_there(steps["2"]))
        self.assertIn('"status":"ready"', self.run_there(steps["3"]))
        said = self.machine.run(steps["5"], stdin="open sesame\nopen sesame\n").stdout
        self.assertIn("nothing is wrong; rules: 1, issuers: 0, users: 1", said)
        self.assertEqual(404, self.get("/state/demo/network", "-u 'alice:open sesame'")[0])
        self.assertEqual(401, self.get("/state/demo/network", "-u alice:wrong")[0])
        self.assertEqual(401, self.get("/state/demo/network", "-u basic:secret")[0])
        # A mistyped http address is no state that is not there.
        self.assertIn("400", self.run_there("curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1/state/demo/network"))
        self.the_host_is_gone()

    def the_host_is_gone(self):
        """docs/operating.md, "Restore from a backup", on a host that has a key of its own."""
        state = '{"version":4,"serial":1,"lineage":"l"}'
        self.assertEqual(200, self.get("/state/demo/network", f"-u 'alice:open sesame' --data-binary '{state}'")[0])
        # rsync as another user keeps no owners.
        self.run_there("mkdir /root/backup; cp -a /etc/stateward /root/backup/etc-stateward; "
                       "mv /root/backup/etc-stateward/kms.key /root; "
                       "cp -R --no-preserve=all /var/lib/stateward /root/backup/stateward; systemctl stop stateward; "
                       "rm -r /etc/stateward /var/lib/stateward; /usr/share/stateward/setup.sh /usr; "
                       "cat /root/kms.key > /etc/stateward/kms.key")
        page = (ROOT / "docs/operating.md").read_text()
        section = re.search(r"(?ms)^## Restore from a backup\n(.*?)(?=^## )", page)[1].replace("/mnt/backup", "/root/backup")
        blocks = dict(re.findall(r"(?ms)^```(\w*)\n(.*?)^```$", section))
        restore = re.findall(r"(?m)^\$ (.*)", blocks["console"])
        restore = restore[restore.index("mv /var/lib/stateward /var/lib/stateward.before"):]
        self.run_there("\n".join(["set -e", blocks[""], *restore]))
        self.assertEqual((200, state), self.get("/state/demo/network", "-u 'alice:open sesame'")[:2])


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=2)
    result = program.result
    failed = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
