"""60 clients at once, on each lock: on one state one gets it and the others are told who has it;
on 60 states each gets what it asks for."""
import json
import sys
import threading
import unittest

from box import Box
from client import Client
from pairs import Pair, make_cases
from webservers import Nginx

CLIENTS = 60


def lock_info(name):
    return json.dumps({"ID": name, "Operation": "OperationTypeApply", "Who": name}).encode()


class Crowd:
    PAIR = None

    def setUp(self):
        box = Box()
        self.addCleanup(box.close)
        # The web server's and libfcgi's part is the same for all; this one is as shipped.
        self.server = Pair(box, self.PAIR).stateward()
        self.nginx = Nginx(box, "unix:" + self.server.socket)

    def at_once(self, work):
        """work(client, number) of each, started at the same moment; the results."""
        start, results = threading.Barrier(CLIENTS), [None] * CLIENTS

        def run(number):
            client = Client(self.nginx.plain, keep=True)
            client.get("/health")
            start.wait()
            results[number] = work(client, number)
        threads = [threading.Thread(target=run, args=(n,)) for n in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results

    def test_on_one_state(self):
        answers = self.at_once(lambda client, n: client.lock("/state/p/one", lock_info(f"c{n}")))
        statuses = [a.status for a in answers]
        self.assertEqual([200] + [423] * (CLIENTS - 1), sorted(statuses), answers)
        holder = f"c{statuses.index(200)}"
        self.assertEqual({holder}, {json.loads(a.body)["ID"] for a in answers if a.status == 423})

    def test_on_as_many_states(self):
        def cycle(client, n):
            target, info = f"/state/p/n{n}", lock_info(f"c{n}")
            document = json.dumps({"version": 4, "serial": 1, "lineage": "l", "of": n}).encode()
            return [client.lock(target, info).status,
                    client.get(target).status,
                    client.post(f"{target}?ID=c{n}", document).status,
                    client.get(target).body == document,
                    client.unlock(target, info).status]
        for result in self.at_once(cycle):
            self.assertEqual([200, 404, 200, True, 200], result)


# Each lock, and each storage.
make_cases(sys.modules[__name__], Crowd, ("fs+local", "postgres+postgres", "fs+redis", "s3+s3"))


if __name__ == "__main__":
    unittest.main()
