"""The pages of docs/ that show commands are run, and what they print is compared (pages.py).

    python3 -B tests/e2e/test_pages.py --write     # writes down what the commands print now
"""
import os
import pathlib
import subprocess
import sys
import unittest

from box import ROOT, Box
from pages import Page, World, document

TOFU = subprocess.run([str(ROOT / "tests/tools/build.sh"), "tofu"], capture_output=True, text=True,
                      check=True).stdout.strip()
MAIN = """variable "environment" { default = "prod" }
resource "terraform_data" "x" { input = var.environment }
"""


# What happened before a section begins.
def left_a_lock(world):
    world.lock("net/prod")


def broke_it(world):
    world.post("net/prod", document(4, cidr="10.9.0.0/16", subnets=0))


def deleted_it(world):
    assert world.alice.request("DELETE", "/state/app/web").status == 200


def was_refused(world):
    world.lock("net/prod", "0b5e9f62-7a40-4f6e-9a39-2f5c0ad21e77", who="ci@runner-17")
    world.shell("statewardctl unlock net/prod --yes")
    world.post("net/prod", document(7, subnets=3), "0b5e9f62-7a40-4f6e-9a39-2f5c0ad21e77", 409)


def was_damaged(world):
    world.post("app/web", document(2))
    world.shell("cp -a /var/lib/stateward /mnt/backup/stateward")
    files = pathlib.Path(world.box.path("lib/states/states")).glob("??/*/*")
    newest = max(files, key=lambda f: f.stat().st_mtime_ns)
    data = bytearray(newest.read_bytes())
    data[-1] ^= 1
    os.chmod(newest, 0o600)
    newest.write_bytes(data)


def was_backed_up(world):
    world.shell("rm -r /mnt/backup/stateward; cp -a /var/lib/stateward /mnt/backup/stateward")


def is_local(world):
    """Two writes, so that the serial is not 1."""
    world.write("main.tf", MAIN)
    world.shell("tofu init && tofu apply -auto-approve && tofu apply -auto-approve -replace=terraform_data.x")


def uses_http(world):
    is_local(world)
    world.post("net/prod", pathlib.Path(world.box.path("work/terraform.tfstate")).read_bytes())
    for name in ("terraform.tfstate", "terraform.tfstate.backup"):
        os.unlink(world.box.path("work/" + name))
    address = "https://state.example.org/state/net/prod"
    world.write("backend.tf", 'terraform {\n  backend "http" {\n' + "".join(
        f'    {name} = "{address}"\n' for name in ("address", "lock_address", "unlock_address")) + "  }\n}\n")
    world.shell("tofu init -reconfigure")


# Before a section, by its title.
OPERATING = {"Who holds the lock": left_a_lock, "Roll back a broken apply": broke_it,
          "Undelete": deleted_it, "A refused write": was_refused, "A damaged state": was_damaged,
          "Restore from a backup": was_backed_up}
LOCAL = {"From local files and workspaces": is_local}
OUT = {"One state, to a local file": uses_http}
PAGES = {"docs/operating.md": OPERATING, "docs/moving/local.md": LOCAL, "docs/moving/out.md": OUT}


def run(name, write=False):
    """The page, run in a world of its own."""
    with Box() as box:
        world = World(box)
        world.tool("tofu", [TOFU])
        if PAGES[name] is OPERATING:
            world.fill()
        page = Page(world, PAGES[name], write)
        text = page.run((ROOT / name).read_text())
        if write:
            (ROOT / name).write_text(text)
        return page


class Pages(unittest.TestCase):
    def check(self, name, commands):
        page = run(name)
        self.assertEqual([], page.faults, "\n".join(page.faults))
        self.assertGreaterEqual(page.commands, commands)

    def test_the_runbook(self):
        self.check("docs/operating.md", 30)

    def test_from_local_files(self):
        self.check("docs/moving/local.md", 8)

    def test_out_again(self):
        self.check("docs/moving/out.md", 4)


def main():
    for name in PAGES:
        page = run(name, write=True)
        print(f"{name}: {page.commands} commands, {len(page.faults)} differed")
        print("\n".join(page.faults))


if __name__ == "__main__":
    main() if sys.argv[1:] == ["--write"] else unittest.main()
