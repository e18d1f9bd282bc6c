"""docs/openapi.json, and the routes in docs/api.md, from what a server says of itself: `make openapi`."""
import json

from box import ROOT, Box
from stateward import Stateward

OPENAPI, API = ROOT / "docs/openapi.json", ROOT / "docs/api.md"
BEGIN, END = "<!-- made from the table: make openapi -->\n", "\n<!-- end -->\n"


def served():
    box = Box()
    try:
        status, _, body = Stateward(box).ask("GET", "/api/v1/openapi.json")
        assert status == 200, body
        return json.loads(body)
    finally:
        box.close()


def texts(openapi):
    """What the two files should hold."""
    rows = ["", "| request | right | what it does |", "|---|---|---|"]
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            rows.append(f"| `{method.upper()} {path}` | {', '.join(operation['x-rights'])} | "
                        f"{operation['summary'].rstrip('.')} |")
    head, _, rest = API.read_text().partition(BEGIN)
    tail = rest.partition(END)[2]
    return (json.dumps(openapi, indent=1, ensure_ascii=False) + "\n",
            head + BEGIN + "\n".join(rows) + "\n" + END + tail)


if __name__ == "__main__":
    for file, text in zip((OPENAPI, API), texts(served())):
        file.write_text(text)
