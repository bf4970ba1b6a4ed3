"""``bench``: the speed of this package relative to other libraries."""

import json
import pathlib
import statistics

import click

from . import machine, text
from .agreement import disagreement
from .cases import CASES, GROUPS, SMALL
from .peers import Ours, available
from .progress import progress
from .timing import race

PASSES = {"forward": "forward", "forward_backward": "forward and backward"}
FOOTER = {"geometric mean": statistics.geometric_mean, "smallest": min}
REST = 0.15  # seconds before each turn where libraries multiply matrices
WIDTH = max(len(case.label) for case in CASES)


def run(path, threads, quick, numbers):
    """Print the tables; write the numbers to ``path`` if it is given; the exit code."""
    peers, missing = available()
    ours, cores = Ours(), machine.cores()
    threads = threads or ((1, cores) if cores > 1 else (1,))
    if max(threads) > cores:
        raise click.UsageError(f"--threads {max(threads)}: this machine has {cores} for one process.")
    numbers = sorted(set(numbers)) or range(len(CASES))
    result = {"machine": machine.describe(peers), "quick": quick, "cases": [], "rows": [], "calls": [], "errors": []}
    result["cases"] = [{"case": number, **describe(CASES[number])} for number in numbers]
    click.echo(machine.sentence(result["machine"]))
    for sentence in missing:
        click.echo(sentence)
    click.echo("2x means: takes twice as long as spatial_op, which runs in turn with it in this process")
    if any(peer.limit for peer in peers):
        click.echo("* marks a limit: less work than the operator's, so that its result is not compared")
    for count in threads:
        for library in (ours, *peers):
            library.set_threads(count)
        with progress(numbers, f"{count} thread{'s' * (count > 1)}") as shown:
            for number in shown:
                measure(ours, peers, number, count, 0.2 if quick else 1.0, 3 if quick else 5, result)
        for name in PASSES:
            show(result, peers, name, count)
    for library in (ours, *peers):
        library.set_threads(cores)
    calls(ours, peers, 0.1 if quick else 1.0, result)
    for error in result["errors"]:
        click.secho(f"Error: {error}", fg="red")
    if path:
        write(path, result)
    return 1 if result["errors"] else 0


def describe(case):
    """A case as words and numbers."""
    group = next(title for title, cases in GROUPS.items() if case in cases)
    return {"group": group, "label": case.label, "data": case.data, "target": case.target}


def measure(ours, peers, number, threads, seconds, least, result):
    """Compare and time one case with every peer."""
    problem = CASES[number].problem()
    rest = REST if problem.convolves else 0.0
    before = len(result["rows"])
    for peer in peers:
        if not peer.supports(problem):
            continue
        shared = peer.own(problem)
        mine, job = ours.job(shared), peer.job(shared)
        wrong = None if peer.limit else disagreement(shared, mine, job)
        if wrong:
            result["errors"].append(f"{peer.name}, case {number}: {wrong}; not timed")
            continue
        for name in PASSES:
            if getattr(job, name):
                times = race([getattr(mine, name), getattr(job, name)], seconds, least, rest=rest)
                result["rows"].append(row(threads, number, name, peer.name, *times))
    if len(result["rows"]) == before:  # nobody to compare with
        mine = ours.job(problem)
        for name in PASSES:
            times = race([getattr(mine, name)], seconds, least, rest=rest)
            result["rows"].append(row(threads, number, name, None, *times, None))


def row(threads, number, name, peer, ours, theirs):
    """One measurement, in milliseconds."""
    return {
        "threads": threads,
        "case": number,
        "pass": name,
        "peer": peer,
        "ours_ms": 1e3 * ours,
        "peer_ms": theirs and 1e3 * theirs,
        "ratio": theirs and theirs / ours,
    }


def show(result, peers, name, threads):
    """Print the tables of one pass and thread count, one for each group of cases."""
    rows = [entry for entry in result["rows"] if (entry["threads"], entry["pass"]) == (threads, name)]
    click.secho(f"\n{PASSES[name].capitalize()}, {threads} thread{'s' * (threads > 1)}", bold=True)
    for group in GROUPS:
        numbers = [case["case"] for case in result["cases"] if case["group"] == group]
        found = [entry for entry in rows if entry["case"] in numbers]
        if found:
            click.echo()
            text.show(lines(group, found, peers), left=2, least=(0, WIDTH, 10))


def lines(group, rows, peers):
    """The lines of one table."""
    timed = {entry["peer"] for entry in rows}
    titles = {peer.name: peer.name + " *" * peer.limit for peer in peers if peer.name in timed}
    cells = {(entry["case"], entry["peer"]): entry["ratio"] for entry in rows}
    numbers = list(dict.fromkeys(entry["case"] for entry in rows))
    yield "case", group, "spatial_op", *titles.values()
    for number in numbers:
        ours = statistics.median(entry["ours_ms"] for entry in rows if entry["case"] == number)
        yield number, CASES[number].label, f"{ours:.3f} ms", *(times(cells.get((number, peer))) for peer in titles)
    for word, reduce in FOOTER.items() if titles and len(numbers) > 1 else ():
        ratios = ([cells[key] for key in cells if key[1] == peer] for peer in titles)
        yield "", word, "", *(times(reduce(values)) for values in ratios)


def times(ratio):
    """How many times longer."""
    return "-" if ratio is None else f"{ratio:.2f}x"


def calls(ours, peers, seconds, result):
    """Time and print what a call on small images takes."""
    problems = [case.problem() for case in SMALL]
    libraries = [ours, *(peer for peer in peers if any(map(peer.supports, problems)))]
    lines = [("images -> output", *(library.name for library in libraries))]
    for case, problem in zip(SMALL, problems):
        able = [library for library in libraries if library.supports(problem)]
        medians = race([library.job(problem).forward for library in able], seconds, least=20, most=5000)
        found = {library.name: 1e6 * median for library, median in zip(able, medians)}
        result["calls"] += [{"data": case.data, "library": name, "microseconds": us} for name, us in found.items()]
        lines.append((case.label, *(f"{found[each.name]:.1f}" if each in able else "-" for each in libraries)))
    click.secho("\nMicroseconds for one small call, forward", bold=True)
    text.show(lines)


def write(path, result):
    """Write the numbers as JSON."""
    try:
        pathlib.Path(path).write_text(json.dumps(result, indent=1) + "\n")
    except OSError as error:
        raise click.ClickException(f"cannot write {path}: {error.strerror}.") from error
    click.echo(f"\nNumbers: {path}")
