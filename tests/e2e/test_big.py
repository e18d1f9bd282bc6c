"""The largest state that the default settings allow passes both ways, and one byte more does not."""
import unittest

from box import Box
from client import Client, basic, md5_header
from stateward import Stateward
from webservers import Apache, Nginx

LIMIT = 256 << 20


def document(size):
    head, tail = b'{"version":4,"serial":1,"lineage":"l","x":"', b'"}'
    return head + b"0123456789abcdef" * (size // 16 + 1), tail


class Big(unittest.TestCase):
    def test_256_mib(self):
        text, tail = document(LIMIT)
        whole = text[:LIMIT - len(tail)] + tail
        for server in (Nginx, Apache):
            with self.subTest(server.NAME), Box() as box:
                app = Stateward(box)
                client = Client(server(box, "unix:" + app.socket).plain,
                                auth=basic("basic", "big"), timeout=120)
                self.assertEqual(200, client.post("/state/p/n", whole, md5=False).status)
                answer = client.get("/state/p/n")
                self.assertEqual((200, len(whole)), (answer.status, len(answer.body)))
                self.assertTrue(answer.body == whole)
                more = text[:LIMIT + 1 - len(tail)] + tail
                self.assertEqual(413, client.post("/state/p/n", more, md5=False).status)

    def test_passes_shared_by_two_threads(self):
        """Of a document this large Content-MD5 is taken while the rest is found out about it."""
        text, tail = document(9 << 20)
        whole, cut, other = text + tail, text, text + b"other" + tail
        wrong = [("Content-MD5", md5_header(other))]
        with Box() as box:
            app = Stateward(box)
            client = Client(Nginx(box, "unix:" + app.socket).plain, auth=basic("basic", "big"))

            def post(body, **more):
                return client.post("/state/p/n", body, **more).status
            self.assertEqual(503, post(whole, headers=wrong, md5=False))
            self.assertEqual(400, post(cut))
            self.assertEqual(404, client.get("/state/p/n").status)
            self.assertEqual([200, 200], [post(whole), post(whole)])
            # The same serial: refused by the digest.
            self.assertEqual(409, post(other))
            self.assertEqual(503, post(other, headers=[("Content-MD5", md5_header(whole))],
                                       md5=False))
            self.assertTrue(client.get("/state/p/n").body == whole)


if __name__ == "__main__":
    unittest.main()
