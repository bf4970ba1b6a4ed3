"""What the experiments share: their options, runs side by side with a progress bar, the table, and the files they leave."""

import concurrent.futures
import functools
import json
import multiprocessing
import os
import pathlib
import time

import click
import numpy as np

RESULTS = pathlib.Path(__file__).parent / "results"

# Between a mean and its spread, which narrow tables keep on one line.
APART = "\N{NO-BREAK SPACE}"


def options(function):
    """The options that every experiment has."""
    for option in (
        click.option("--quick", is_flag=True, help="One seed, few steps: about a minute. Best with an --out of its own."),
        click.option("--seeds", default=3, show_default=True, type=click.IntRange(min=1), help="Runs of each network."),
        click.option(
            "--jobs", default=os.cpu_count(), type=click.IntRange(min=1), show_default="one for each processor",
            help="Runs at a time, one thread each.",
        ),
        click.option(
            "--out", default=RESULTS, type=click.Path(file_okay=False, path_type=pathlib.Path), show_default=True,
            help="Folder for the numbers and the figure.",
        ),
    ):  # fmt: skip
        function = option(function)
    return function


def alone(counter):
    """Make this process one of several: a thread of its own, and a counter of steps that all share."""
    import numba
    import torch

    numba.set_num_threads(1)
    torch.set_num_threads(1)
    alone.counter = counter


def tick():
    """One step of training is done."""
    with alone.counter.get_lock():
        alone.counter.value += 1


def timed(one_run, run):
    """What a run gives, with the seconds that it took."""
    start = time.perf_counter()
    result, picture = one_run(*run)
    return {**result, "seconds": round(time.perf_counter() - start, 1)}, picture


def side_by_side(one_run, runs, steps, jobs, keep):
    """Results and pictures of ``one_run(*run)`` for each run, in order; all take ``steps`` steps together.

    Whenever a run ends ``keep`` is given the results so far, so that an interruption costs no more than what is running.
    """
    context = multiprocessing.get_context("spawn")
    counter = context.Value("q", 0)
    with concurrent.futures.ProcessPoolExecutor(min(jobs, len(runs)), context, alone, (counter,)) as pool:
        waiting = [pool.submit(functools.partial(timed, one_run), run) for run in runs]
        kept, running = 0, True
        with click.progressbar(length=steps, label="training") as bar:
            while running:
                time.sleep(0.2)
                done = [future for future in waiting if future.done()]
                running = len(done) < len(waiting)
                bar.update(counter.value - bar.pos)
                ended = [future.result()[0] for future in done if not future.exception()]
                if len(ended) > kept:
                    kept = len(ended)
                    keep(ended)
                if len(ended) < len(done):
                    pool.shutdown(cancel_futures=True)
                    break
        return zip(*[future.result() for future in waiting])


def table(results):
    """Rows of the mean and spread (standard deviation over seeds) of each network's error, for each task."""
    names = list(dict.fromkeys(result["network"] for result in results))
    tasks = list(dict.fromkeys(result["task"] for result in results))
    lines = ["| | " + " | ".join(tasks) + " | parameters |", "|---" * (len(tasks) + 2) + "|"]
    for name in names:
        cells = []
        for task in tasks:
            errors = [r["error"] for r in results if (r["network"], r["task"]) == (name, task)]
            spread = f"{APART}±{APART}{np.std(errors, ddof=1):.2f}" if len(errors) > 1 else ""
            cells.append(f"{np.mean(errors):.2f}{spread}" if errors else "")
        size = next(result["parameters"] for result in results if result["network"] == name)
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {size} |")
    return "\n".join(lines)


def report(name, settings, out, results):
    """Leave the table and the numbers behind it, with those of other runs that were made with the same settings."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{name}.json"
    before = json.loads(path.read_text()) if path.exists() else {}
    if before.get("settings") == settings:
        again = set(map(which, results))
        results = [*(result for result in before["runs"] if which(result) not in again), *results]
    path.write_text(json.dumps({"settings": settings, "runs": results}, indent=1) + "\n")
    (out / f"{name}.md").write_text(table(results) + "\n")


def which(result):
    """What tells a run from others."""
    return result["network"], result["task"], result["seed"]


def carry_out(name, settings, one_run, runs, steps, jobs, out):
    """Train side by side, print the table, and give the pictures of the runs (whose last value is their seed) with seed 0."""
    keep = functools.partial(report, name, settings, out)
    _, pictures = side_by_side(functools.partial(one_run, settings), runs, steps, jobs, keep)
    click.echo((out / f"{name}.md").read_text(), nl=False)
    return {tuple(kept): picture for (*kept, seed), picture in zip(runs, pictures) if seed == 0 and picture}
