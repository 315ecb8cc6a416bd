"""Draws what tests.bench.scale found: `picture.py FIGURES SVG`. Runs beside the peers, where matplotlib is."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Final

import matplotlib as mpl

mpl.use("svg")
mpl.rcParams["svg.hashsalt"] = "ispctl"  # the same figures give the same file
mpl.rcParams["svg.fonttype"] = "none"
from matplotlib import pyplot as plt  # noqa: E402  # not before the way to draw is chosen

LINES: Final = {
    "plan, one renewal": ("ispctl plan", "#0b6e4f", "-"),
    "plan, a rate of a tariff": ("ispctl plan, a tariff", "#0b6e4f", ":"),
    "apply to PostgreSQL, one renewal": ("ispctl apply", "#1d4e89", "-"),
    "first plan, nothing remembered": ("ispctl plan, nothing remembered", "#0b6e4f", "--"),
    "apply to PostgreSQL, everything": ("ispctl apply, everything", "#1d4e89", "--"),
    "script, YAML 1.2, one renewal": ("script, YAML 1.2", "#b3541e", "-"),
    "script, one renewal": ("script", "#b3541e", ":"),
    "Ansible, one renewal": ("Ansible", "#8c2f6b", "-"),
    "octoDNS plan, one renewal": ("octoDNS plan", "#7a7a7a", "-"),
}
"""What is drawn, by the name of the operation: its words, colour and stroke."""


def draw(figures: Path, to: Path) -> None:
    points: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for row in json.loads(figures.read_text("utf-8")):
        if "cpu" in row:
            points[row["name"]].append((row["count"], row["cpu"]))
    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    for name, (label, colour, stroke) in LINES.items():
        if found := sorted(points[name]):
            axes.loglog(*zip(*found, strict=True), stroke, color=colour, label=label, marker="o", markersize=4)
    axes.set(xlabel="subscribers", ylabel="CPU seconds", title="One renewal, unless it says otherwise")
    axes.grid(visible=True, which="major", color="#dddddd")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right upper", frameon=False)
    figure.savefig(to, metadata={"Date": None, "Creator": None})


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(sys.argv[2]))
