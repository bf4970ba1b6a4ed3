"""Calls on small images, whose time is mostly the call itself."""

import click

from . import text
from .groups import SMALL
from .timing import race

PASSES = {"forward": "forward", "forward_backward": "forward and backward"}


def measure(ours, peers, name, seconds):
    """Records of one case: microseconds of each library, all in turn."""
    case, problem = SMALL[name], SMALL[name].problem()
    jobs = {library.name: library.job(problem) for library in (ours, *peers) if library.supports(problem)}
    found = []
    for kind in PASSES:
        able = {library: getattr(job, kind) for library, job in jobs.items() if getattr(job, kind)}
        medians = race(list(able.values()), seconds, least=20, most=5000)
        for library, median in zip(able, medians):
            record = {"case": name, "label": case.label, "data": case.data, "pass": kind, "library": library}
            found.append({**record, "microseconds": 1e6 * median})
    return found


def show(records):
    """Print a table for each pass."""
    for kind, word in PASSES.items():
        found = {(each["label"], each["library"]): each["microseconds"] for each in records if each["pass"] == kind}
        libraries, labels = (list(dict.fromkeys(key[place] for key in found)) for place in (1, 0))
        click.secho(f"\nMicroseconds for one small call, {word}", bold=True)
        rows = [("images -> output", *libraries)]
        for label in labels:
            cells = (found.get((label, library)) for library in libraries)
            rows.append((label, *("-" if cell is None else f"{cell:.1f}" for cell in cells)))
        text.show(rows)
