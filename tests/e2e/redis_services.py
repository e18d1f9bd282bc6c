"""Redis, its Sentinel, and TLS in front of it by stunnel."""
import socket

from box import PATIENCE_S, wait_for
from service import Service, program
from webservers import certificates


class Resp:
    """A connection to Redis: just enough of its protocol for the tests."""

    def __init__(self, address, password=""):
        self.socket = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(address)
        self.file = self.socket.makefile("rb")
        if password:
            self.command("AUTH", password)

    def command(self, *words):
        """str words; the answer as int, str, None, list. An error answer raises."""
        raw = [w if isinstance(w, bytes) else str(w).encode() for w in words]
        self.socket.sendall(b"*%d\r\n" % len(raw) +
                            b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in raw))
        return self.answer()

    def answer(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("redis closed the connection")
        kind, text = line[:1], line[1:-2].decode()
        if kind == b"-":
            raise RuntimeError(text)
        if kind == b"+":
            return text
        if kind == b":":
            return int(text)
        if int(text) < 0:
            return None
        if kind == b"*":
            return [self.answer() for _ in range(int(text))]
        return self.file.read(int(text) + 2)[:-2].decode(errors="surrogateescape")

    def close(self):
        self.file.close()
        self.socket.close()


class Redis(Service):
    """Each command on disk before its answer."""
    NAME = "redis"
    PROGRAM = "redis-server"

    def __init__(self, box, conf="", replica_of=None, **options):
        self.conf, self.replica_of = conf, replica_of
        super().__init__(box, **options)

    def prepare(self):
        if self.replica_of:
            self.password = self.replica_of.password
        follow = f"replicaof {self.host} {self.replica_of.port}" if self.replica_of else ""
        self.write("redis.conf", f"""
bind {self.host}
port {self.port}
unixsocket {self.path("redis.sock")}
unixsocketperm 770
dir {self.folder}
requirepass {self.password}
masterauth {self.password}
appendonly yes
appendfsync always
save ""
{follow}
{self.conf}
""")

    def argv(self):
        return [program("redis-server"), self.path("redis.conf")]

    def answers(self):
        try:
            return self.command("PING") == "PONG"
        except (OSError, RuntimeError):
            return False  # it may be reading its file still

    def command(self, *words):
        return self.command_as(self.password, *words)

    def command_as(self, password, *words):
        link = Resp(self.address(), password)
        try:
            return link.command(*words)
        finally:
            link.close()

    def settings(self, address=None):
        host, port = address or self.address()
        return {"REDIS_ADDR": f"{host}:{port}", "REDIS_PASSWORD": self.password}


class SentinelNode(Service):
    NAME = "sentinel"
    GROUP = "stateward"

    def __init__(self, box, master, **options):
        self.master = master
        super().__init__(box, **options)

    def prepare(self):
        self.write("sentinel.conf", f"""
bind {self.host}
port {self.port}
dir {self.folder}
sentinel monitor {self.GROUP} {self.master.host} {self.master.port} 2
sentinel auth-pass {self.GROUP} {self.master.password}
sentinel down-after-milliseconds {self.GROUP} 3000
sentinel failover-timeout {self.GROUP} 5000
""")

    def argv(self):
        return [program("redis-sentinel"), self.path("sentinel.conf")]

    def command(self, *words):
        link = Resp(self.address())
        try:
            return link.command(*words)
        finally:
            link.close()


class Sentinel:
    """A master, a replica and three sentinels that exchange them."""
    GROUP = SentinelNode.GROUP

    def __init__(self, box, conf=""):
        self.master = Redis(box, conf=conf)
        self.replica = Redis(box, conf=conf, replica_of=self.master)
        self.sentinels = [SentinelNode(box, self.master) for _ in range(3)]
        self.wait_ready()

    def wait_ready(self):
        def all_known():
            for node in self.sentinels:
                fields = node.command("SENTINEL", "MASTER", self.GROUP)
                known = dict(zip(fields[::2], fields[1::2]))
                if known["num-slaves"] != "1" or known["num-other-sentinels"] != "2":
                    return False
            return "master_link_status:up" in self.replica.command("INFO", "replication")
        wait_for(all_known, "the sentinels know each other and the replica follows", 60)

    def current(self):
        """The port that the first sentinel that answers calls the master's."""
        for node in self.sentinels:
            try:
                return int(node.command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.GROUP)[1])
            except (OSError, RuntimeError):
                continue
        raise RuntimeError("no sentinel answers")

    def addresses(self):
        return ",".join(f"{node.host}:{node.port}" for node in self.sentinels)


class Stunnel(Service):
    """TLS in front of a Redis, and the stunnel beside Stateward that speaks it: two processes, as
    on two hosts."""
    NAME = "stunnel"

    def __init__(self, box, target, far=True, **options):
        # far: the end that is beside the target; the near one connects to it.
        self.target = Stunnel(box, target, far=False, **options) if far else target
        self.near = far
        super().__init__(box, **options)

    def prepare(self):
        certs = certificates()
        host, port = self.target.address()
        tls = (f"client = yes\nCAfile = {certs.path('ca.pem')}\nverifyChain = yes\n"
               "checkHost = localhost" if self.near else
               f"cert = {certs.path('server.pem')}\nkey = {certs.path('server.key')}")
        self.write("stunnel.conf", f"""
foreground = yes
pid =
[redis]
accept = {self.host}:{self.port}
connect = {host}:{port}
{tls}
""")

    def argv(self):
        return [program("stunnel4"), self.path("stunnel.conf")]

    def stop(self):
        super().stop()
        if self.near:
            self.target.stop()
