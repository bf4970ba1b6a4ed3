"""Draw the figures and write the tables of ``speed.md`` from the numbers that ``bench`` left in ``docs/speed``.

``python -m spatial_op bench --json docs/speed/current.json`` and, on the stack that MXNet imports on,
``... --json docs/speed/mxnet.json`` measure, at once or in parts (``--only``, ``--threads``); ``python docs/speed.py`` draws. It
also writes the README's table where the README has the two comments of ``BORDERS``.
"""

import json
import pathlib
import statistics

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt

HERE = pathlib.Path(__file__).parent / "speed"
README = HERE.parents[1] / "README.md"
BORDERS = "<!-- begin: docs/speed.py -->\n", "<!-- end: docs/speed.py -->\n"
STACKS = {"current": "On the current stack", "mxnet": "On the stack that MXNet imports on"}
# Keeps two ratios on one line.
APART = "\N{NO-BREAK SPACE}"
PASSES = {"forward": "forward", "forward_backward": "forward and backward"}
# What takes so many times as long as on one thread was not at work: its threads waited for a core that another one had.
DISTURBED = 5
INK, PALE = "#222222", "#e5e5e5"
LIMITS = "PyTorch, plain convolution", "NumPy, bare products"  # do less than the operator: no marks in the figure
# Colours that differ as greys too, and a mark for each library.
STYLES = {
    "spatial_op": ("#222222", "o", "-"),
    "PyTorch": ("#D55E00", "s", "--"),
    "PyTorch, channels last": ("#A0522D", "p", "-."),
    "PyTorch, basis kept": ("#E69F00", "D", ":"),
    "MXNet": ("#56B4E9", "^", "-."),
    "OpenCV": ("#009E73", "v", ":"),
    "OpenVINO": ("#0072B2", "*", "-."),
    "ONNX Runtime": ("#CC79A7", "P", "--"),
    "Kornia": ("#999999", "X", "--"),
    "torchvision": ("#777777", "h", "--"),
}
SWEEPS = {
    "SpatialTransformer, affine, by size": ("height and width of 1x3 images", lambda case: case["data"][3]),
    "SpatialTransformer, affine, by channels": ("channels of 4 images of 128x128", lambda case: case["data"][1]),
}


def measured():
    """What ``bench`` wrote, by stack."""
    return {name: json.loads(path.read_text()) for name in STACKS if (path := HERE / f"{name}.json").exists()}


def groups(result):
    """The titles of the tables, each with its cases."""
    found = {}
    for case in result["cases"]:
        found.setdefault(case["group"], []).append(case)
    return found


def ratios(result, kind):
    """Ratios of one pass: case, peer -> one for each number of threads, in order; None where a measurement was disturbed."""
    found, alone = {}, {}
    for row in result["rows"]:
        if row["pass"] == kind and row["ratio"]:
            key = row["case"], row["peer"]
            first = alone.setdefault(key, row)
            disturbed = any(row[time] > DISTURBED * first[time] for time in ("ours_ms", "peer_ms"))
            found.setdefault(key, []).append(None if disturbed else row["ratio"])
    return found


def tables(results):
    """One table for each stack, pass and group, as Markdown."""
    lines = []
    for name, result in results.items():
        machine = result["machine"]
        versions = ", ".join(f"{library} {version}" for library, version in machine["versions"].items())
        threads = " / ".join(str(count) for count in sorted({row["threads"] for row in result["rows"]}))
        lines += [f"## {STACKS[name]}", "", f"{machine['processor']}, {machine['cores']} cores; {versions}."]
        lines += [f"Threads: {threads}.", ""]
        for group, cases in groups(result).items():
            lines += [*table(result, group, cases), ""]
        for part in (calls(result), first_calls(result), disagreements(result)):
            lines += [*part, ""] if part else []
    return "\n".join(lines).replace("->", "\N{RIGHTWARDS ARROW}")  # no line of a narrow column ends in the middle of it


def grid(title, head, rows, words=1):
    """One table under a title, whose first columns hold words."""
    return [
        f"### {title}",
        "",
        f"| {' | '.join(head)} |",
        f"{'|---' * words}{'|---:' * (len(head) - words)}|",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]


def calls(result):
    """What a small call takes, in microseconds."""
    found = {}
    for each in result["calls"]:
        found.setdefault(each["label"], {})[each["library"], each["pass"]] = f"{each['microseconds']:.3g}"
    columns = list(dict.fromkeys(column for taken in found.values() for column in taken))
    rows = [[label, *(taken.get(column, "") for column in columns)] for label, taken in found.items()]
    head = ["", *(f"{library}, {PASSES[kind]}" for library, kind in columns)]
    return grid("Small calls, in microseconds", head, rows) if rows else []


def first_calls(result):
    """What the first calls of a process take, in seconds of processor time."""
    found = {}
    for each in result["first_calls"]:
        found.setdefault((each["case"].partition(": ")[2], each["step"]), {})[each["cache"]] = each["cpu_s"]
    rows = [
        [f"{call}: {step}", *(f"{taken[cache]:.2f}" for cache in ("empty", "full"))]
        for (call, step), taken in found.items()
    ]
    head = ["", "empty cache", "full cache"]
    return grid("First calls of a process, in seconds of processor time", head, rows) if rows else []


def disagreements(result):
    """What was not timed, because a library computed something else."""
    rows = [
        [
            each["peer"],
            each["case"],
            str(each["threads"]),
            each["what"],
            f"{each['difference']:.1e}",
            f"{each['allowed']:.1e}",
        ]
        for each in result["disagreements"]
    ]
    head = ["library", "case", "threads", "what differs", "by", "allowed"]
    return grid("Not timed, because results differ by more than rounding", head, rows, words=2) if rows else []


# The README's table: its columns, each from one stack.
COLUMNS = (
    ("current", "PyTorch", "forward"), ("current", "PyTorch", "forward_backward"), ("mxnet", "MXNet", "forward"),
    ("mxnet", "MXNet", "forward_backward"), ("current", "OpenCV", "forward"),
)  # fmt: skip
SUMMARISED = "SpatialTransformer, affine"
# Cases of which the README tells, and what it calls them: small and large, grey, colour and features, won and lost.
SHOWN = {
    "16x3x256x256 -> 256x256, scale 1.1": "16 colour images of 256x256",
    "1x3x1024x1024 -> 1024x1024, scale 1.1": "one colour image of 1024x1024",
    "32x64x56x56 -> 56x56, scale 1.1": "32 feature maps of 64x56x56",
    "1x1x1024x1024 -> 256x256, scale 1.1": "a grey image, 1024x1024 to 256x256",
}


def summary(results):
    """The README's table, with the line that says what was measured on."""
    machines = {result["machine"]["processor"] for result in results.values()}
    libraries = {}
    for name, peer, _ in COLUMNS:
        libraries[peer] = results[name]["machine"]["versions"].get(peer, "")
    words = [f"{library} {version}" for library, version in libraries.items()]
    threads = " / ".join(str(count) for count in sorted({row["threads"] for row in results["current"]["rows"]}))
    yield f"Measured on {' and '.join(sorted(machines))}, on {threads} threads; MXNet uses one. {', '.join(words)}."
    yield ""
    yield "| | " + " | ".join(f"{peer}, {'both' if '_' in kind else kind}" for _, peer, kind in COLUMNS) + " |"
    yield "|---" + "|---:" * len(COLUMNS) + "|"
    found = {column: ratios(results[column[0]], column[2]) for column in COLUMNS}
    cases = {case["label"]: case["case"] for case in groups(results["current"])[SUMMARISED]}
    for label, meant in SHOWN.items():
        yield f"| {meant} | " + " | ".join(times(found[c].get((cases[label], c[1]))) for c in COLUMNS) + " |"
    means = [mean([found[column].get((case, column[1])) for case in cases.values()]) for column in COLUMNS]
    yield (
        f"| **geometric mean of {len(cases)} cases** | " + " | ".join(f"**{times(values)}**" for values in means) + " |"
    )


def with_summary(text, results):
    """A README whose table is that of the numbers; one without the two comments stays as it is."""
    first, last = BORDERS
    before, begun, rest = text.partition(first)
    _, ended, after = rest.partition(last)
    if not (begun and ended):
        return text
    return "".join([before, first, *(f"{line}\n" for line in summary(results)), last, after])


def table(result, group, cases):
    """How many times longer each library takes, forward and both ways."""
    passes = {kind: ratios(result, kind) for kind in PASSES}
    numbers = {case["case"] for case in cases}
    columns = [
        (peer, kind)
        for peer in dict.fromkeys(peer for found in passes.values() for number, peer in found if number in numbers)
        for kind in PASSES
        if any((number, peer) in passes[kind] for number in numbers)
    ]
    if not columns:
        return
    yield f"### {group}"
    yield ""
    yield "| | " + " | ".join(f"{peer}, {PASSES[kind]}" for peer, kind in columns) + " |"
    yield "|---" + "|---:" * len(columns) + "|"
    for case in cases:
        yield f"| {case['label']} | " + " | ".join(times(passes[k].get((case["case"], p))) for p, k in columns) + " |"
    if len(cases) > 1:
        means = (mean([passes[kind].get((number, peer)) for number in sorted(numbers)]) for peer, kind in columns)
        yield "| **geometric mean** | " + " | ".join(f"**{times(values)}**" for values in means) + " |"


def mean(rows):
    """Geometric means over the cases, one for each number of threads."""
    columns = zip(*(row for row in rows if row))
    return [statistics.geometric_mean(filter(None, column)) for column in columns]


def times(values):
    """Ratios in words."""
    return f"{APART}/{APART}".join(
        "-" if value is None else f"{value:.2g}" if value < 10 else f"{value:.0f}" for value in values or ()
    )


def save(figure, name):
    """Write one figure."""
    figure.savefig(HERE / f"{name}.png", dpi=160)
    plt.close(figure)


def draw_ratios(results):
    """Each case of each library as a mark, by group, on a line that says how many times longer it takes."""
    figure, axes = plt.subplots(2, 1, figsize=(7, 9.5), sharex=True, layout="constrained")
    titles = [
        title
        for title in dict.fromkeys(t for result in results.values() for t in groups(result))
        if title not in SWEEPS
    ]
    used = {}
    for axis, (kind, word) in zip(axes, PASSES.items()):
        for result in results.values():
            place = {case["case"]: titles.index(t) for t in titles for case in groups(result).get(t, ())}
            for (number, peer), values in ratios(result, kind).items():
                if number in place and peer not in LIMITS and values[-1]:
                    row = list(STYLES).index(peer)
                    colour, marker, _ = STYLES[peer]
                    height = place[number] + 0.075 * (row - (len(STYLES) - 1) / 2)
                    used[peer] = axis.plot(
                        values[-1], height, marker, color=colour, markersize=5, markeredgewidth=0.4,
                        markeredgecolor="white", linestyle="none",
                    )[0]  # fmt: skip
        axis.axvline(1, color=INK, linewidth=1)
        axis.set(xscale="log", title=word)
        axis.set_xticks([0.5, 1, 2, 5, 10, 20, 50], ["0.5", "1", "2", "5", "10", "20", "50"])
        axis.minorticks_off()
        axis.grid(axis="x", color=PALE)
        axis.set_axisbelow(True)
        for edge in range(1, len(titles)):
            axis.axhline(edge - 0.5, color=PALE, linewidth=0.8)
        axis.set_yticks(range(len(titles)), titles)
        axis.set_ylim(len(titles) - 0.5, -0.5)
    axes[1].set_xlabel("times as long as spatial_op")
    order = [peer for peer in STYLES if peer in used]
    figure.legend([used[p] for p in order], order, loc="outside lower center", ncols=4, frameon=False)
    save(figure, "ratios")


def draw_scaling(results):
    """Nanoseconds per output element against sizes and channels; thin on one thread, thick on all."""
    result = results["current"]
    counts = sorted({row["threads"] for row in result["rows"]})
    figure, axes = plt.subplots(2, 2, figsize=(7, 6.2), sharey="row", layout="constrained")
    shown = {}
    for column, (title, (label, across)) in enumerate(SWEEPS.items()):
        cases = {case["case"]: case for case in groups(result).get(title, ())}
        if column == 0:  # some sizes stand in the main table
            for case in result["cases"]:
                if case["data"][:2] == [1, 3] and case["label"].endswith("scale 1.1") and case["data"][2] >= 1024:
                    cases[case["case"]] = case
        for axis, (kind, word) in zip(axes[:, column], PASSES.items()):
            for (library, threads), points in curves(result, kind, cases, across).items():
                if library in ("spatial_op", "PyTorch", "OpenCV"):
                    colour, marker, line = STYLES[library]
                    alone = threads == counts[0]
                    shown[library, threads] = axis.plot(
                        *zip(*sorted(points)), line, marker=marker, color=colour, linewidth=1 if alone else 2,
                        markersize=4, markerfacecolor="white" if alone else colour,
                    )[0]  # fmt: skip
            axis.set(xscale="log", yscale="log", xlabel=label, title=word)
            axis.set_xscale("log", base=2)
            axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
            axis.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
            axis.grid(color=PALE)
    for axis in axes[:, 0]:
        axis.set_ylabel("ns per output element")
    names = {key: f"{key[0]}, {key[1]} thread{'s' * (key[1] > 1)}" for key in sorted(shown)}
    figure.legend([shown[key] for key in names], names.values(), loc="outside lower center", ncols=3, frameon=False)
    save(figure, "scaling")


def curves(result, kind, cases, across):
    """Points (place, ns per element) of each library and number of threads; ours is the median over its races."""
    found, ours = {}, {}
    for row in result["rows"]:
        if row["pass"] != kind or row["case"] not in cases:
            continue
        case = cases[row["case"]]
        elements = case["data"][0] * case["data"][1] * case["target"][0] * case["target"][1]
        ours.setdefault((row["threads"], across(case), elements), []).append(row["ours_ms"])
        if row["peer"]:
            point = across(case), 1e6 * row["peer_ms"] / elements
            found.setdefault((row["peer"], row["threads"]), []).append(point)
    for (threads, place, elements), values in ours.items():
        found.setdefault(("spatial_op", threads), []).append((place, 1e6 * statistics.median(values) / elements))
    return found


if __name__ == "__main__":
    numbers = measured()
    (HERE / "tables.md").write_text(tables(numbers))
    README.write_text(with_summary(README.read_text(), numbers))
    draw_ratios(numbers)
    draw_scaling(numbers)
