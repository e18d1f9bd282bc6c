#!/usr/bin/env python3
"""Draws the figures of bench/scale.py (stdin) as SVG (stdout): a panel for each way in which a store grows,
count and microseconds both in decades, so that what is flat is level and what is linear is steep. Bars show least and most of the rounds."""
import csv
import math
import sys
from html import escape

AXES = {"states": "states in the store", "versions": "versions of the state",
        "no-ops": "no-op records on top of the state"}
COLOURS = {"first GET": "#7fb2e5", "first LOCK": "#e5a07f", "LOCK": "#b5482a", "GET": "#2a6fb5", "POST": "#2a8a4a",
           "UNLOCK": "#8a5ab5"}
LABELS = {"first GET": "GET, first for a minute", "first LOCK": "LOCK, first for a minute"}
WIDTH, HEIGHT, LEFT, TOP, GAP = 250, 240, 52, 34, 48
FONT = 'font-family="Helvetica,sans-serif" font-size="11" fill="#334455"'


def text(x, y, words, anchor="middle", more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {FONT} {more}>{escape(words)}</text>'


def line(x1, y1, x2, y2, colour, more=""):
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
            f'{more}/>')


def decade(count):
    """0 has the place of 1, which is not among the counts that begin with 0."""
    return math.log10(max(count, 1))


class Panel:
    def __init__(self, left, rows, ticks):
        self.left, self.rows, self.ticks = left, rows, ticks
        self.counts = sorted({int(row["count"]) for row in rows})

    def x(self, count):
        first, last = decade(self.counts[0]), decade(self.counts[-1])
        return self.left + 12 + (WIDTH - 24) * (decade(count) - first) / max(last - first, 1)

    def y(self, us):
        lowest, highest = math.log(self.ticks[0]), math.log(self.ticks[-1])
        return TOP + HEIGHT * (highest - math.log(us)) / (highest - lowest)

    def draw(self):
        out = [f'<rect x="{self.left}" y="{TOP}" width="{WIDTH}" height="{HEIGHT}" fill="none" '
               'stroke="#aab2bb"/>',
               text(self.left + WIDTH / 2, TOP + HEIGHT + 36, AXES[self.rows[0]["axis"]])]
        for us in self.ticks:
            out.append(line(self.left, self.y(us), self.left + WIDTH, self.y(us), "#e4e8ec"))
            out.append(text(self.left - 6, self.y(us) + 4, f"{us:,}", "end"))
        out += [text(self.x(n), TOP + HEIGHT + 17, f"{n:,}") for n in self.counts]
        for verb, colour in COLOURS.items():
            out += self.curve([row for row in self.rows if row["verb"] == verb], colour)
        return out

    def curve(self, rows, colour):
        rows = sorted(rows, key=lambda row: int(row["count"]))
        points = [(self.x(int(row["count"])), self.y(float(row["us"]))) for row in rows]
        out = ['<polyline fill="none" stroke-width="2" stroke="%s" points="%s"/>' %
               (colour, " ".join(f"{x:.1f},{y:.1f}" for x, y in points))]
        for (x, y), row in zip(points, rows):
            least, most = self.y(float(row["least"])), self.y(float(row["most"]))
            out.append(line(x, least, x, most, colour, 'stroke-opacity="0.35" stroke-width="3"'))
            out.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>')
        return out


def legend(left):
    out = []
    for i, (verb, colour) in enumerate(COLOURS.items()):
        y = TOP + 14 + 20 * i
        out.append(line(left, y, left + 22, y, colour, 'stroke-width="2"'))
        out.append(text(left + 28, y + 4, LABELS.get(verb, verb), "start"))
    return out


def main():
    lines = sys.stdin.read().splitlines()
    rows = list(csv.DictReader([each for each in lines if not each.startswith("#")], delimiter="\t"))
    steps = [digit * 10 ** decades for decades in range(7) for digit in (1, 2, 5)]
    least, most = (pick(float(row[column]) for row in rows)
                   for pick, column in ((min, "least"), (max, "most")))
    ticks = [us for i, us in enumerate(steps)
             if steps[min(i + 1, len(steps) - 1)] > least and steps[max(i - 1, 0)] < most]
    body, left = [], LEFT
    for axis in AXES:
        body += Panel(left, [row for row in rows if row["axis"] == axis], ticks).draw()
        left += WIDTH + GAP
    body += legend(left - GAP + 20) + [text(LEFT, 18, "CPU of the worker for one request, us", "start")]
    width, height = left - GAP + 210, TOP + HEIGHT + 50
    print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
          f'viewBox="0 0 {width} {height}">\n<rect width="{width}" height="{height}" fill="white"/>')
    print("\n".join(body))
    print("</svg>")


if __name__ == "__main__":
    main()
