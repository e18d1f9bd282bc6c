"""A TCP proxy between Stateward and a service, which does to the bytes what networks do.

    proxy = Proxy(redis.address())        # passes; Stateward gets proxy.address
    proxy.pause()                         # nothing goes through, connections stay open
    proxy.slow(0.2)                       # each piece waits so many seconds
    proxy.cut(100)                        # a connection ends after 100 more bytes of answers
    proxy.refuse()                        # no connections; those that are open are reset
    proxy.hold(rb"PUT .*states")          # the next request that matches is kept in mid-flight
    proxy.hold(nth=3)                     # or the third piece that is sent from now on
    proxy.wait_held()                     # … it is on its way now
    proxy.release()                       # … and arrives, even if its sender gave up meanwhile
    proxy.drop()                          # … or never arrives
    proxy.pass_on()                       # as at the beginning
"""
import re
import select
import socket
import struct
import threading
import time

from box import free_port, wait_for

PIECE = 65536
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close() sends a reset
# For so long a connection whose sender is gone stays open towards the service, so that the held
# request is worked on, not dropped with its connection.
LINGER_S = 3


class Link:
    """One connection through the proxy: a thread for each direction."""

    def __init__(self, proxy, client):
        self.proxy, self.client = proxy, client
        self.server = socket.create_connection(proxy.target, timeout=10)
        self.server.settimeout(None)
        for end in (self.client, self.server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.answered = 0  # bytes since the mode is "cut"

    def start(self):
        for pump in (self.requests, self.answers):
            threading.Thread(target=self.run, args=(pump,), daemon=True).start()

    def run(self, pump):
        try:
            pump()
        except OSError:
            self.reset()

    def requests(self):
        while data := self.client.recv(PIECE):
            self.proxy.wait_turn()
            hold = self.proxy.wants(data)
            if hold:
                self.keep(hold, data)
            else:
                self.server.sendall(data)
        self.server.shutdown(socket.SHUT_WR)

    def keep(self, hold, data):
        """Collects what the sender has to say until the hold is released."""
        ended = False
        while not hold.released.is_set():
            if ended or not select.select([self.client], [], [], 0.05)[0]:
                hold.released.wait(0.05)
                continue
            try:
                more = self.client.recv(PIECE)
            except OSError:
                more = b""
            data, ended = data + more, not more
        try:
            if hold.dropped:
                raise OSError("dropped")
            self.server.sendall(data)
        finally:
            hold.sent.set()  # or the service has closed the connection meanwhile
        if ended:
            time.sleep(LINGER_S)
            self.reset()

    def answers(self):
        while data := self.server.recv(PIECE):
            self.proxy.wait_turn()
            left = self.proxy.left_of(self)
            if left is not None and len(data) >= left:
                self.client.sendall(data[:left])
                raise OSError("cut")
            self.answered += len(data)
            self.client.sendall(data)
        self.client.shutdown(socket.SHUT_WR)
        self.proxy.links.discard(self)

    def reset(self):
        self.proxy.links.discard(self)
        for end in (self.client, self.server):
            try:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                end.shutdown(socket.SHUT_RDWR)  # wakes the other thread
            except OSError:
                pass
            end.close()


class Hold:
    def __init__(self, pattern, nth):
        self.pattern, self.left = re.compile(pattern, re.DOTALL), nth
        self.held, self.released, self.sent = (threading.Event() for _ in range(3))
        self.dropped = False


class Proxy:
    def __init__(self, target):
        self.target = target
        self.address = ("127.0.0.1", free_port())
        self.changed = threading.Condition()
        self.mode, self.value = "pass", 0
        self.current = None  # the Hold
        self.links = set()
        self.listener = None
        self.pass_on()

    def close(self):
        self.set("closed")
        self.stop_listening()

    # What the test says.
    def pass_on(self):
        self.set("pass")
        if not self.listener:
            self.listen()

    def pause(self):
        self.set("pause")

    def slow(self, seconds):
        self.set("slow", seconds)

    def cut(self, answer_bytes):
        self.set("cut", answer_bytes)

    def refuse(self):
        self.set("refuse")
        self.stop_listening()

    def hold(self, pattern=rb"", nth=1):
        """Of the pieces that are sent to the service and match: the nth one, and what follows it on
        its connection."""
        self.current = Hold(pattern, nth)

    def share(self, hold):
        """One hold of several proxies: it counts the pieces of all."""
        self.current = hold

    def wait_held(self):
        wait_for(self.current.held.is_set, "a request is held in mid-flight")

    def release(self):
        hold, self.current = self.current, None
        hold.released.set()
        if hold.held.is_set():
            wait_for(hold.sent.is_set, "the held request is sent")

    def drop(self):
        self.current.dropped = True
        self.release()

    # What the links ask.
    def wait_turn(self):
        if self.mode == "slow":
            time.sleep(self.value)
        with self.changed:
            self.changed.wait_for(lambda: self.mode != "pause")

    def wants(self, data):
        hold = self.current
        if not hold or not hold.pattern.search(data):
            return None
        with self.changed:
            hold.left -= 1
            if hold.left != 0:
                return None
        hold.held.set()
        return hold

    def left_of(self, link):
        """How many bytes of answers it may still carry; None: any."""
        if self.mode != "cut":
            link.answered = 0
            return None
        return max(self.value - link.answered, 0)

    def set(self, mode, value=0):
        with self.changed:
            self.mode, self.value = mode, value
            self.changed.notify_all()

    def listen(self):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(self.address)
        self.listener.listen(256)
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def stop_listening(self):
        listener, self.listener = self.listener, None
        if listener:
            listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
            listener.close()
        for link in list(self.links):
            link.reset()

    def accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                link = Link(self, client)
            except OSError:  # the service is not there
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                client.close()
                continue
            self.links.add(link)
            link.start()
