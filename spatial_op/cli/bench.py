"""``bench``: the speed of this package relative to other libraries."""

import re
import statistics

import click

from . import first_call, machine, results, small, text
from .agreement import disagreement
from .groups import CASES, GROUPS, NAMES, SMALL
from .peers import Ours, available
from .progress import progress
from .timing import race

PASSES = {"forward": "forward", "forward_backward": "forward and backward"}
FOOTER = {"geometric mean": statistics.geometric_mean, "smallest": min}
REST = 0.15  # seconds before each turn where libraries multiply matrices
WIDTH = max(len(case.label) for case in CASES)


def run(path, threads, quick, numbers, patterns):
    """Print the tables; add the numbers to the file ``path`` if it is given; the exit code."""
    cases, calls, first = chosen(numbers, patterns)
    ours, cores = Ours(), machine.cores()
    if cases or calls:
        # Before the others are imported: Numba's threads are then what they are without OpenVINO, whose TBB they would be instead.
        ours.set_threads(1)
    peers, missing = available() if cases or calls else ([], [])
    threads = threads or ((1, cores) if cores > 1 else (1,))
    if max(threads) > cores:
        raise click.UsageError(f"--threads {max(threads)}: this machine has {cores} for one process.")
    result = results.empty(machine.describe(peers), quick)
    before = results.read(path, result["machine"]) if path else None
    result["cases"] = [describe(number) for number in cases]

    def save():
        """Write what there is, so that a run that ends early loses little, and one that cannot write does not begin."""
        if path:
            results.write(path, results.merged(before, result))

    save()
    click.echo(machine.sentence(result["machine"]))
    for sentence in missing:
        click.echo(sentence)
    click.echo("2x means: takes twice as long as spatial_op, which runs in turn with it in this process")
    if any(peer.limit for peer in peers):
        click.echo("* marks a limit: less work than the operator's, so that its result is not compared")
    for count in threads if cases else ():
        for library in (ours, *peers):
            library.set_threads(count)
        with progress(cases, f"{count} thread{'s' * (count > 1)}", lambda number: CASES[number].label) as shown:
            for number in shown:
                measure(ours, peers, number, count, 0.2 if quick else 1.0, 3 if quick else 5, result)
        for name in PASSES:
            show(result, peers, name, count)
        save()
    if calls:
        for library in (ours, *peers):
            library.set_threads(cores)
        with progress(calls, "Small calls") as shown:
            for name in shown:
                result["calls"] += small.measure(ours, peers, name, 0.1 if quick else 1.0)
        small.show(result["calls"])
        save()
    if first:
        with progress(first, "First calls") as shown:
            for name in shown:
                result["first_calls"] += first_call.measure(name)
        first_call.show(result["first_calls"])
        save()
    differing(result["disagreements"])
    if path:
        click.echo(f"\nNumbers: {path}")
    return 0


def chosen(numbers, patterns):
    """Numbers of cases, names of small calls, and names of first calls: all if nothing is asked for."""
    if not numbers and not patterns:
        return list(range(len(CASES))), list(SMALL), list(first_call.names())
    texts = [re.compile(re.escape(pattern).replace(r"\*", ".*"), re.IGNORECASE) for pattern in patterns]

    def asked(name):
        return any(each.search(name) for each in texts)

    cases = sorted({*numbers, *(number for number, name in enumerate(NAMES) if asked(name))})
    calls, first = ([name for name in names if asked(name)] for names in (SMALL, first_call.names()))
    if not (cases or calls or first):
        raise click.UsageError(f"--only {' '.join(patterns)}: no case has such a name; see bench --help.")
    return cases, calls, first


def describe(number):
    """A case as words and numbers; its name stays the same when cases are added."""
    case, name = CASES[number], NAMES[number]
    return {
        "case": name,
        "group": name.partition(": ")[0],
        "label": case.label,
        "data": case.data,
        "target": case.target,
    }


def measure(ours, peers, number, threads, seconds, least, result):
    """Compare and time one case with every peer."""
    case, name = CASES[number], NAMES[number]
    problem = case.problem()
    rest = REST if problem.convolves else 0.0
    before = len(result["rows"])
    for peer in peers:
        if (case.only and peer.name not in case.only) or not peer.supports(problem):
            continue
        shared = peer.own(problem)
        mine, job = ours.job(shared), peer.job(shared)
        wrong = None if peer.limit else disagreement(shared, mine, job)
        if wrong:
            result["disagreements"].append({"threads": threads, "case": name, "peer": peer.name, **wrong})
            continue
        for kind in PASSES:
            if getattr(job, kind):
                times = race([getattr(mine, kind), getattr(job, kind)], seconds, least, rest=rest)
                result["rows"].append(row(threads, name, kind, peer.name, *times))
    if len(result["rows"]) == before:  # nobody to compare with
        mine = ours.job(problem)
        for kind in PASSES:
            times = race([getattr(mine, kind)], seconds, least, rest=rest)
            result["rows"].append(row(threads, name, kind, None, *times, None))


def row(threads, case, name, peer, ours, theirs):
    """One measurement, in milliseconds."""
    return {
        "threads": threads,
        "case": case,
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
        names = [case["case"] for case in result["cases"] if case["group"] == group]
        found = [entry for entry in rows if entry["case"] in names]
        if found:
            click.echo()
            text.show(lines(group, found, peers), left=2, least=(0, WIDTH, 10))


def lines(group, rows, peers):
    """The lines of one table."""
    timed = {entry["peer"] for entry in rows}
    titles = {peer.name: peer.name + " *" * peer.limit for peer in peers if peer.name in timed}
    cells = {(entry["case"], entry["peer"]): entry["ratio"] for entry in rows}
    names = list(dict.fromkeys(entry["case"] for entry in rows))
    yield "case", group, "spatial_op", *titles.values()
    for name in names:
        number = NAMES.index(name)
        ours = statistics.median(entry["ours_ms"] for entry in rows if entry["case"] == name)
        yield number, CASES[number].label, f"{ours:.3f} ms", *(times(cells.get((name, peer))) for peer in titles)
    for word, reduce in FOOTER.items() if titles and len(names) > 1 else ():
        ratios = ([cells[key] for key in cells if key[1] == peer] for peer in titles)
        yield "", word, "", *(times(reduce(values)) for values in ratios)


def times(ratio):
    """How many times longer."""
    return "-" if ratio is None else f"{ratio:.2f}x"


def differing(records):
    """Print what libraries computed in another way, if any did; these were not timed."""
    if records:
        click.secho("\nNot timed, because results differ by more than rounding", bold=True)
        rows = [("library", "case", "threads", "what differs", "by", "allowed")]
        for each in records:
            bounds = (text.small(each[key]) for key in ("difference", "allowed"))
            rows.append((each["peer"], each["case"], each["threads"], each["what"], *bounds))
        text.show(rows, left=2)
