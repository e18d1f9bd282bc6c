"""docs/observability: the rules, their tests and the dashboard, with Debian's Prometheus and a loaded server."""
import contextlib
import json
import re
import signal
import subprocess
import unittest
import urllib.parse
import urllib.request

from box import ROOT, Box, free_port, wait_for
from stateward import Stateward

FOLDER = ROOT / "docs" / "observability"
METRIC = re.compile(r"\bstateward_[a-z0-9_]+")
LOCK = b'{"ID":"a","Operation":"OperationTypeApply"}'


def document(serial):
    return json.dumps({"version": 4, "serial": serial, "lineage": "l"}).encode()


def queries():
    panels = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", ())]


class Rules(unittest.TestCase):
    def promtool(self, *argv):
        run = subprocess.run(["promtool", *argv], capture_output=True, text=True, cwd=FOLDER, check=False)
        self.assertEqual(0, run.returncode, run.stdout + run.stderr)

    def test_rules(self):
        self.promtool("check", "rules", "alerts.yml")
        self.promtool("test", "rules", "alerts_test.yml")

    def test_each_alert_is_tested_and_has_its_paragraph(self):
        rules = (FOLDER / "alerts.yml").read_text(encoding="utf-8")
        tests = (FOLDER / "alerts_test.yml").read_text(encoding="utf-8")
        alerts = re.findall(r"- alert: (\w+)", rules)
        self.assertGreater(len(alerts), 10)
        self.assertEqual([f"{a} {how}" for a in alerts for how in ("fires", "stays silent")],
                         re.findall(r"- name: (.+)", tests))
        for alert in alerts:
            fires, silent = (tests.split(f"name: {alert} {how}\n")[1].split("- name:")[0]
                             for how in ("fires", "stays silent"))
            self.assertIn("exp_labels", fires)
            self.assertIn("exp_alerts: []", silent)
        paragraphs = re.findall(r"^### (\w+)\n(?=\w)", (FOLDER / "README.md").read_text(encoding="utf-8"), re.M)
        self.assertEqual(alerts, paragraphs)

    def test_each_metric_is_a_documented_one(self):
        known = set(METRIC.findall((ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")))
        used = set(METRIC.findall((FOLDER / "alerts.yml").read_text(encoding="utf-8") + "\n".join(queries())))
        used = {re.sub(r"_(bucket|sum|count)$", "", name) if "_duration_seconds" in name else name for name in used}
        self.assertEqual(set(), used - known)


class Dashboard(unittest.TestCase):
    def start_prometheus(self, box, server_port):
        self.port = free_port("127.0.0.1")
        config = box.write("prometheus.yml", json.dumps({
            "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"},
            "scrape_configs": [{"job_name": "stateward",
                                "static_configs": [{"targets": [f"127.0.0.1:{server_port}"]}]}]}))
        return box.start(["prometheus", f"--config.file={config}", f"--web.listen-address=127.0.0.1:{self.port}",
                          f"--storage.tsdb.path={box.make_dir('tsdb')}", "--log.level=warn"],
                         log="prometheus.log")

    def series(self, expr):
        """How many series this query gives; None: Prometheus does not answer yet."""
        expr = expr.replace("$__rate_interval", "30s")
        with contextlib.suppress(OSError):
            query = urllib.parse.urlencode({"query": expr})
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/query?{query}", timeout=10) as answer:
                return len(json.load(answer)["data"]["result"])
        return None

    def test_each_query_gives_series(self):
        with Box() as box:
            port = free_port("127.0.0.1")
            server = Stateward(box, METRICS_LISTEN_ADDR=f"127.0.0.1:{port}", AUDIT_FILE=box.path("audit.log"))
            self.start_prometheus(box, port)
            self.assertEqual(200, server.ask("LOCK", "/state/p/held", LOCK)[0])
            serial = 0
            left = queries()
            self.assertGreater(len(left), 20)

            def all_give():
                nonlocal serial, left
                serial += 1
                self.assertEqual(200, server.ask("POST", "/state/p/n", document(serial))[0])
                self.assertEqual(409, server.ask("POST", "/state/p/n", document(serial - 1))[0])
                self.assertEqual(200, server.ask("GET", "/state/p/n")[0])
                if serial == 3:
                    server.process.send(signal.SIGHUP)  # the jobs count what is there now
                left = [expr for expr in left if not self.series(expr)]
                return not left
            try:
                wait_for(all_give, "each query gives series", 60)
            except AssertionError as error:
                self.fail(f"{error}: {left}")


if __name__ == "__main__":
    unittest.main()
