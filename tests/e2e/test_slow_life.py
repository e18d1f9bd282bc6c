"""A reload, an end and a death of a worker while a crowd is slow, behind nginx, behind Apache and on the socket itself:
to others they are what they are without it."""
import contextlib
import os
import signal
import time
import unittest

from box import Box, wait_for
from client import Client
from service import signal_all, stands
from slow_crowd import (EACH, KINDS, AsNginx, Ordinary, document, over_fcgi, over_http, raise_descriptor_limit,
                        with_room)
from stateward import AUTH, Stateward
from webservers import Apache, Nginx


class Lifecycle(unittest.TestCase):
    """Reload, end and death of a worker while 1,000 of each kind are slow: as without them."""

    def setUp(self):
        raise_descriptor_limit()
        self.box = Box()
        self.addCleanup(self.box.close)
        self.server = Stateward(self.box, threads=8)
        self.assertEqual(200, self.server.ask("POST", "/state/p/small", document(1, 20000))[0])

    def way(self, web):
        """(the crowd, what makes an ordinary client). web=None: both speak FastCGI to the socket."""
        if not web:
            return over_fcgi(self.server.socket, KINDS, EACH), self.make_raw
        front = with_room(web, self.box, self.server)
        return over_http(front.plain, KINDS, EACH), lambda: Client(front.plain, auth=AUTH, keep=True)

    def disturbed(self, web, disturb, then=lambda make_client: None):
        """What ordinary clients were answered that they should not have been. then(): next to the same crowd."""
        crowd, make_client = self.way(web)
        with crowd:
            crowd.start()
            wait_for(lambda: crowd.rounds, "all are open", 60)
            bad = self.run_steps(make_client, disturb)
            then(make_client)
            return bad

    @staticmethod
    def run_steps(make_client, steps, pause_s=0.0):
        """Each after 20 more cycles of ordinary clients; what these were answered that they should not have been."""
        steps, at = iter(steps), [20]

        def enough(now):
            if now.cycles >= at[0]:
                at[0] += 20
                step = next(steps, None)
                if step is None:
                    return True
                step()
            return False
        return Ordinary(make_client, pause_s=pause_s).run(enough)

    def reload(self):
        self.server.process.send(signal.SIGHUP)

    def term(self):
        """The newest of the two, which ends for 35 s next to a crowd: told again it is the same one, and the other one
        serves."""
        os.kill(max(self.server.workers()), signal.SIGTERM)

    def kill(self):
        self.killed = self.server.workers()[0]
        os.kill(self.killed, signal.SIGKILL)

    def healed(self, make_client):
        def replaced():
            now = self.server.workers()
            return len(now) == 2 and self.killed not in now
        wait_for(replaced, "the worker is replaced")
        after = Ordinary(make_client, project="after")
        self.assertEqual([], after.run(lambda o: o.cycles >= 20 and o.healths >= 20))

    def only_an_outage(self, web):
        """What was on a worker that dies may fail, as an outage that clients wait out. Then another worker is there,
        and nobody notices any more."""
        bad = self.disturbed(web, [self.kill], self.healed)
        self.assertLess(len(bad), 20, bad)
        for _, answer in bad:
            self.assertEqual(503, getattr(answer, "status", None), bad)
            self.assertIsNotNone(answer.header("Retry-After"))

    def test_reloads_and_an_end_behind_nginx(self):
        self.assertEqual([], self.disturbed(Nginx, [self.reload, self.term] * 3))

    def test_reloads_and_an_end_behind_apache(self):
        self.assertEqual([], self.disturbed(Apache, [self.reload, self.term] * 3))

    def test_a_worker_that_dies_behind_nginx(self):
        self.only_an_outage(Nginx)

    def test_a_worker_that_dies_behind_apache(self):
        self.only_an_outage(Apache)

    def test_reloads_and_an_end_on_the_socket(self):
        self.assertEqual([], self.disturbed(None, [self.reload, self.term] * 3))

    def test_who_is_slow_on_the_socket_when_a_worker_is_told_to_end(self):
        """A reload cuts nobody off. A worker that is told to end closes its idle connections after 5 s; who is in a
        request has 30 s more. At the other worker nobody notices."""
        with self.two_crowds() as (workers, leaving, others):
            def reloaded():
                wait_for(lambda: self.server.log().count("settings were read again") >= 2, "both have reloaded")
                self.nobody_is_cut_off(leaving, KINDS)
                self.nobody_is_cut_off(others, KINDS)
                os.kill(workers[0], signal.SIGTERM)

            def drained():
                wait_for(lambda: leaving.ends["idle", 200] >= EACH // 2, "the idle ones are closed", 60)
                self.nobody_is_cut_off(leaving, ("lock",))
                self.nobody_is_cut_off(others, KINDS)
            # With a pause, or they would write thousands of states in these seconds.
            self.assertEqual([], self.run_steps(self.make_raw, [self.reload, reloaded, drained], 0.2))

    def test_who_is_slow_on_the_socket_when_a_worker_dies(self):
        """It takes its own connections along and no other. Who asks on one of them hears nothing: no web server is there
        to say 503."""
        with self.two_crowds() as (workers, doomed, others):
            def killed():
                self.killed = workers[0]
                os.kill(self.killed, signal.SIGKILL)
            bad = self.run_steps(self.make_raw, [killed])
            self.assertLess(len(bad), 20, bad)
            for _, answer in bad:
                self.assertIsNone(getattr(answer, "status", 0), bad)
            self.healed(self.make_raw)
            wait_for(lambda: all(self.ended(doomed, kind) >= EACH // 2 for kind in KINDS),
                     "its connections are cut off", 60)
            self.nobody_is_cut_off(others, KINDS)

    @contextlib.contextmanager
    def two_crowds(self):
        """(the two workers, half of a crowd at the first one, half of it at the other one)"""
        workers = wait_for(lambda: len(w := self.server.workers()) == 2 and w, "there are two workers")
        self.began = time.monotonic()
        with self.crowd_at(workers[0]) as one, self.crowd_at(workers[1]) as other:
            one.start()
            other.start()
            yield workers, one, other

    def nobody_is_cut_off(self, crowd, kinds):
        """None of these kinds was, but for heads that do not end: they are after some seconds, at any time."""
        rounds = crowd.rounds
        wait_for(lambda: crowd.rounds > rounds, "all were looked at", 60)
        # So are, after a minute, bodies of a byte a second, and then idle ones. A slower run proves less.
        if time.monotonic() - self.began < 50:
            self.assertEqual([], [kind for kind in kinds if kind != "head" and self.ended(crowd, kind)])

    def make_raw(self):
        return AsNginx(self.server.socket)

    def crowd_at(self, worker):
        """Half of a crowd, whose connections all are at this worker: the other one stands still meanwhile."""
        others = [pid for pid in self.server.workers() if pid != worker]
        signal_all(others, signal.SIGSTOP)
        try:
            wait_for(lambda: all(stands(pid) for pid in others), "the other one stands still")
            crowd = over_fcgi(self.server.socket, KINDS, EACH // 2)
            # It was behind them in the socket's backlog.
            self.assertEqual(200, self.server.ask("GET", "/health")[0])
            return crowd
        finally:
            signal_all(others, signal.SIGCONT)

    @staticmethod
    def ended(crowd, kind):
        return sum(times for (its, _), times in crowd.ends.items() if its == kind)


if __name__ == "__main__":
    unittest.main()
