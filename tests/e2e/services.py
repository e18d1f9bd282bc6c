"""The real services behind Stateward, each in the box's folder, on ports and with passwords of its
own, as an ordinary user: no service of the host is touched.

    with Box() as box:
        redis = Redis(box)              # started and ready
        redis.settings()                # the Stateward settings that reach it
        redis.pause(); redis.resume(); redis.kill(); redis.start(); redis.stop()
"""
import http.client
import pathlib
import secrets
import signal

from redis_services import Redis, Resp, Sentinel, Stunnel
from service import Service, program, tool

POSTGRES_PROGRAMS = pathlib.Path("/usr/lib/postgresql/15/bin")

__all__ = ["Minio", "PgBouncer", "Postgres", "Redis", "Resp", "Sentinel", "Stunnel", "Versitygw"]


class Postgres(Service):
    """Durable as shipped; the role `stateward` owns the database `stateward`, no more."""
    NAME = "postgres"
    STOP_SIGNAL = signal.SIGINT  # "fast": without waiting for the clients

    def __init__(self, box, conf="", max_connections=150, **options):
        self.conf, self.max_connections = conf, max_connections
        super().__init__(box, **options)
        self.sql(f"CREATE ROLE stateward LOGIN PASSWORD '{self.password}'", database="postgres")
        self.sql("CREATE DATABASE stateward OWNER stateward", database="postgres")

    def prepare(self):
        initdb = POSTGRES_PROGRAMS / "initdb"
        if not initdb.exists():
            raise RuntimeError("postgresql-15 is missing: tools/deps.sh test")
        self.root_password = secrets.token_hex(16)
        word = self.write("password", self.root_password)
        run = self.box.run([initdb, "-D", self.path("data"), "-U", "postgres", "-E", "UTF8",
                            "--locale=C", "--auth=scram-sha-256", f"--pwfile={word}", "--no-sync"],
                           seconds=300)
        if run.returncode != 0:
            raise RuntimeError("initdb: " + run.stdout + run.stderr)
        with open(self.path("data/postgresql.conf"), "a", encoding="utf-8") as file:
            file.write(f"""
listen_addresses = '{self.host}'
port = {self.port}
unix_socket_directories = '{self.folder}'
max_connections = {self.max_connections}
shared_buffers = 64MB
{self.conf}
""")

    def argv(self):
        return [POSTGRES_PROGRAMS / "postgres", "-D", self.path("data")]

    def answers(self):
        run = self.box.run([POSTGRES_PROGRAMS / "pg_isready", "-q", "-h", self.host, "-p",
                            self.port])
        return run.returncode == 0

    def sql(self, text, database="stateward", user="postgres", check=True):
        """Runs it as the superuser; the rows as text, columns parted by |."""
        run = self.box.run([POSTGRES_PROGRAMS / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h",
                            self.folder, "-p", self.port, "-U", user, "-d", database, "-c", text],
                           env={"PGPASSWORD": self.root_password})
        if check and run.returncode != 0:
            raise RuntimeError(f"{text}: {run.stderr}")
        return run.stdout.strip()

    def settings(self, address=None):
        return {"POSTGRES_CONNECTION": self.connection(*(address or self.address()))}

    def connection(self, host, port, user="stateward"):
        password = self.root_password if user == "postgres" else self.password
        return f"postgres://{user}:{password}@{host}:{port}/stateward?sslmode=disable"


class PgBouncer(Service):
    """In transaction mode, in front of a Postgres."""
    NAME = "pgbouncer"
    STOP_SIGNAL = signal.SIGINT

    def __init__(self, box, postgres, **options):
        self.postgres = postgres
        super().__init__(box, **options)

    def prepare(self):
        users = self.write("users.txt", f'"stateward" "{self.postgres.password}"\n')
        self.write("pgbouncer.ini", f"""
[databases]
stateward = host={self.postgres.host} port={self.postgres.port}
[pgbouncer]
listen_addr = {self.host}
listen_port = {self.port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = transaction
default_pool_size = 20
max_client_conn = 500
""")

    def argv(self):
        return [program("pgbouncer"), self.path("pgbouncer.ini")]

    def settings(self, address=None):
        host, port = address or self.address()
        return {"POSTGRES_CONNECTION": self.postgres.connection(host, port)}


class S3Server(Service):
    """Signatures are checked; one root account with random keys."""
    HEALTH = "/"  # what answers 200 without a signature

    def prepare(self):
        self.access_key = "ak" + secrets.token_hex(8)
        self.secret_key = secrets.token_hex(20)
        self.box.make_dir(self.path("data"))

    def status(self, target):
        link = http.client.HTTPConnection(*self.address(), timeout=5)
        try:
            link.request("GET", target)
            return link.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            link.close()

    def answers(self):
        return self.status(self.HEALTH) == 200

    def settings(self, address=None):
        host, port = address or self.address()
        return {"STORAGE_S3_ENDPOINT": f"{host}:{port}", "STORAGE_S3_USE_SSL": "false",
                "STORAGE_S3_BUCKET": "terraform-state", "STORAGE_S3_ACCESS_KEY": self.access_key,
                "STORAGE_S3_SECRET_KEY": self.secret_key}


class Minio(S3Server):
    NAME = "minio"
    PATIENCE_S = 120  # its start takes some seconds of one processor
    HEALTH = "/minio/health/ready"

    def answers(self):
        # 403: it knows already that this is not allowed; 503 while it is still reading its disk.
        return super().answers() and self.status("/no-such-bucket/key") == 403

    def argv(self):
        return [tool("minio"), "server", "--quiet", "--address", f"{self.host}:{self.port}",
                "--config-dir", self.path("config"), self.path("data")]

    def env(self):
        # No look for updates, no web pages: nothing leaves the host.
        return {"HOME": self.folder, "MINIO_ROOT_USER": self.access_key, "MINIO_UPDATE": "off",
                "MINIO_ROOT_PASSWORD": self.secret_key, "MINIO_BROWSER": "off"}


class Versitygw(S3Server):
    NAME = "versitygw"
    HEALTH = "/health"

    def argv(self):
        return [tool("versitygw"), "--port", f"{self.host}:{self.port}", "--health", self.HEALTH,
                "--quiet", "posix", self.path("data")]

    def env(self):
        return {"HOME": self.folder, "ROOT_ACCESS_KEY": self.access_key,
                "ROOT_SECRET_KEY": self.secret_key}
