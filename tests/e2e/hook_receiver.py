"""A receiver of webhooks that verifies with the package standardwebhooks: run by the Python of its folder.

    hook_receiver.py PORT SECRET LOG MODE

LOG gets a line of JSON for each request; MODE is a file with "ok", "error", "hold" (no answer until it says
otherwise) or "redirect URL".
"""
import http.server
import json
import pathlib
import sys
import time

from standardwebhooks.webhooks import Webhook

PORT, SECRET, LOG, MODE = int(sys.argv[1]), sys.argv[2], sys.argv[3], pathlib.Path(sys.argv[4])


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        while MODE.read_text(encoding="ascii") == "hold":
            time.sleep(0.02)
        mode = MODE.read_text(encoding="ascii").split()
        entry = {"mode": mode[0], "id": self.headers["webhook-id"], "body": body.decode()}
        try:
            entry["event"] = Webhook(SECRET).verify(body, dict(self.headers))
        except Exception as error:  # pylint: disable=broad-except
            entry["bad"] = repr(error)
        with open(LOG, "a", encoding="utf-8") as log:
            log.write(json.dumps(entry) + "\n")
        self.send_response({"ok": 204, "error": 500, "redirect": 302}[mode[0]])
        if mode[0] == "redirect":
            self.send_header("Location", mode[1])
        self.end_headers()

    do_GET = do_POST

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Receiver).serve_forever()
