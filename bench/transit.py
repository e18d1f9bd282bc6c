#!/usr/bin/env python3
"""GET of a 1 MB state under Transit: sealed by Stateward, and as the original stored it (Transit
decrypts the whole text for each GET), from the same server and the same Vault, turn by turn."""
import hashlib
import json
import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests/e2e"))
from box import Box  # noqa: E402
from stateward import Stateward  # noqa: E402
from vault_server import Vault  # noqa: E402

ROUNDS = 100


class RoomyVault(Vault):
    """Its listener takes texts of any size, or it could not decrypt such a state at all."""

    def prepare(self):
        super().prepare()
        path = pathlib.Path(self.path("vault.hcl"))
        path.write_text(path.read_text().replace(
            "tls_disable = true", "tls_disable = true\n  max_json_string_value_length = 67108864"))


def document(size):
    head = {"version": 4, "serial": 1, "lineage": "6d0ba4f1-4c5e-2f4f-8c8b-0f8d3a1b9e55"}
    rows = [{"id": hashlib.sha256(str(i).encode()).hexdigest(), "type": "terraform_data"}
            for i in range(size // 110)]
    return json.dumps({**head, "resources": rows}).encode()


def legacy_id(project, name, secret="secret"):
    inner = hashlib.sha256(f"{project}-{name}".encode()).hexdigest()
    return hashlib.sha256(f"{secret}:{inner}".encode()).hexdigest()


def timed(server, path, expected):
    begin = time.perf_counter()
    status, _, body = server.ask("GET", path)
    took = time.perf_counter() - begin
    if status != 200 or body != expected:
        raise SystemExit(f"{path}: {status}")
    return took


def main():
    text = document(1_000_000)
    with Box() as box:
        vault = RoomyVault(box, dev=False)
        vault.make_transit_key()
        box.make_dir("states")
        box.write(f"states/{legacy_id('p', 'whole')}.tfstate", vault.encrypt_whole(text))
        server = Stateward(box, workers=1, **vault.transit_settings())
        if server.ask("POST", "/state/p/sealed", text)[0] != 200:
            raise SystemExit(server.log())
        server.restart()  # nothing is remembered
        first = timed(server, "/state/p/sealed", text)
        sealed, whole = [], []
        for _ in range(ROUNDS):
            sealed.append(timed(server, "/state/p/sealed", text))
            whole.append(timed(server, "/state/p/whole", text))
    a, b = statistics.median(sealed) * 1e3, statistics.median(whole) * 1e3
    print(f"GET of {len(text)} bytes, median of {ROUNDS}: data key remembered {a:.2f} ms "
          f"(first read {first * 1e3:.1f} ms), whole state by Transit {b:.2f} ms: {b / a:.1f} times")


if __name__ == "__main__":
    main()
