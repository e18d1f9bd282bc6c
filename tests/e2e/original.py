"""What nimbolus/terraform-backend wrote, in each of its three layouts, made here: an independent writer of
its format (tests/data/seed holds samples that it really wrote)."""
import base64
import hashlib
import os
import subprocess

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from box import environment
from stateward import KEY


def legacy_id(project, name, secret=None):
    """secret: of basic auth; None: the original's tokens, which have no namespaces."""
    plain = hashlib.sha256(f"{project}-{name}".encode()).hexdigest()
    if secret is None:
        return plain
    return hashlib.sha256(f"{secret}:{plain}".encode()).hexdigest()


def blob(document, key=KEY):
    nonce = os.urandom(12)
    return nonce + AESGCM(base64.b64decode(key)).encrypt(nonce, document, None)


class FsLayout:
    PAIR = "fs+local"

    @staticmethod
    def put(pair, blobs):
        folder = pair.box.make_dir("states")
        for name, data in blobs.items():
            pair.box.write(f"{folder}/{name}.tfstate", data)


class PostgresLayout:
    PAIR = "postgres+postgres"

    @staticmethod
    def put(pair, blobs):
        postgres = pair.services["postgres"]
        rows = ",".join(f"('{name}','\\x{data.hex()}')" for name, data in blobs.items())
        script = pair.box.write("blobs.sql", (
            "SET ROLE stateward; CREATE TABLE states (state_id varchar(255) PRIMARY KEY,"
            f" state_data bytea); INSERT INTO states VALUES {rows};"))
        run = pair.box.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", postgres.folder, "-p",
                            postgres.port, "-U", "postgres", "-d", "stateward", "-f", script],
                           env={"PGPASSWORD": postgres.root_password})
        assert run.returncode == 0, run.stderr


class S3Layout:
    PAIR = "s3+s3"

    @staticmethod
    def put(pair, blobs):
        """One curl for all: it signs, and keeps its connection."""
        settings = pair.services["s3"].settings()
        base = f"http://{settings['STORAGE_S3_ENDPOINT']}/{settings['STORAGE_S3_BUCKET']}"
        user = f"{settings['STORAGE_S3_ACCESS_KEY']}:{settings['STORAGE_S3_SECRET_KEY']}"
        sign = f'aws-sigv4 = "aws:amz:us-east-1:s3"\nuser = "{user}"\nfail\nsilent\n'
        folder = pair.box.make_dir("blobs")
        parts = [f'url = "{base}"\nrequest = "PUT"\n{sign}']
        for name, data in blobs.items():
            file = pair.box.write(f"blobs/{name}", data)
            parts.append(f'url = "{base}/{name}.tfstate"\nupload-file = "{file}"\n{sign}')
        config = pair.box.write("blobs.curl", "next\n".join(parts))
        run = subprocess.run(["curl", "-K", config], env=environment(None), capture_output=True,
                             text=True, timeout=120, cwd=folder, check=False)
        assert run.returncode == 0, run.stdout + run.stderr


LAYOUTS = (FsLayout, PostgresLayout, S3Layout)
