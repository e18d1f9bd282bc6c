#!/usr/bin/env python3
"""Prints Wycheproof's signature vectors, one a line: verdict, algorithm, key (JWK), message and
signature in hex, name. Of each algorithm that tokens may have.

Wycheproof is a Go module; Go's own client fetches it (go.sum's digest is checked here).
"""
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MODULE = "github.com/c2sp/wycheproof@v0.0.0-20260902155932-3fa63dd0344a"
DIGEST = "h1:pNbL2nztRsWfW/ispAwsvcDFxs9Id38uIsR2/Up5G2c="
GO = "1.21"
FILES = {"ES256": ["ecdsa_secp256r1_sha256_p1363"], "ES384": ["ecdsa_secp384r1_sha384_p1363"],
         "ES512": ["ecdsa_secp521r1_sha512_p1363"], "EdDSA": ["ed25519"],
         "PS256": [f"rsa_pss_{bits}_sha256_mgf1_32" for bits in (2048, 3072, 4096)],
         **{f"RS{sha}": [f"rsa_signature_{bits}_sha{sha}" for bits in (2048, 3072, 4096, 8192)]
            for sha in (256, 384, 512)}}


def folder():
    go = subprocess.run([ROOT / "tests/tools/go.sh", GO], check=True, capture_output=True,
                        text=True).stdout.strip()
    cache = os.environ.get("STATEWARD_CACHE", os.path.expanduser("~/.cache/stateward"))
    os.makedirs(cache, exist_ok=True)
    run = subprocess.run([go, "mod", "download", "-json", MODULE], check=True, capture_output=True,
                         text=True, cwd=cache)
    told = json.loads(run.stdout)
    if told["Sum"] != DIGEST:
        sys.exit(f"wycheproof: digest {told['Sum']}, not {DIGEST}")
    return pathlib.Path(told["Dir"]) / "testvectors_v1"


def main():
    vectors = folder()
    for alg, names in FILES.items():
        for name in names:
            for group in json.loads((vectors / f"{name}_test.json").read_text())["testGroups"]:
                jwk = dict(group.get("publicKeyJwk") or group.get("keyJwk") or {})
                if not jwk:
                    continue
                jwk = {k: v for k, v in jwk.items() if k not in ("kid", "alg")}
                for test in group["tests"]:
                    print(test["result"], alg, json.dumps(jwk, separators=(",", ":")), test["msg"],
                          test["sig"], f"{name} {test['tcId']}", sep="\t")


if __name__ == "__main__":
    main()
