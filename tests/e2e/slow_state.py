"""A server of one state document, slow on purpose: what a plan reads with `terraform_remote_state`
while it holds its lock."""
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DOCUMENT = json.dumps({"version": 4, "terraform_version": "1.9.0", "serial": 1, "lineage": "slow",
                       "outputs": {"note": {"value": "slow", "type": "string"}}, "resources": [],
                       "check_results": None}).encode()
GIVE_UP_S = 90

# A plan that holds its lock for as long as the slow server takes.
CONFIG = """
terraform {
  backend "http" {
    address        = "%(url)s"
    lock_address   = "%(url)s"
    unlock_address = "%(url)s"
  }
}
data "terraform_remote_state" "slow" {
  backend = "http"
  config  = { address = "%(slow)s" }
}
output "note" { value = data.terraform_remote_state.slow.outputs.note }
"""


class SlowState:
    """`wait(server)` runs in each request before its answer."""

    def __init__(self, wait):
        self.inside, self.most = 0, 0  # requests that are under way, and the most at a time
        self.changed = threading.Condition()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                with outer.changed:
                    outer.inside += 1
                    outer.most = max(outer.most, outer.inside)
                    outer.changed.notify_all()
                wait(outer)
                with outer.changed:
                    outer.inside -= 1
                    outer.changed.notify_all()
                self.send_response(200)
                self.send_header("Content-Length", str(len(DOCUMENT)))
                self.end_headers()
                self.wfile.write(DOCUMENT)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def until(self, true):
        """Waits until `true(self)`; False: it gave up."""
        with self.changed:
            return self.changed.wait_for(lambda: true(self), GIVE_UP_S)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
