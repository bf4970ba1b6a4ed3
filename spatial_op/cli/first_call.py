"""The first calls of a process, with an empty cache and with a full one, each in processes of their own."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import click

import spatial_op

from . import text
from .child import CALLS, FOLLOWING

DTYPES = ("float32", "float64")
CACHES = ("empty", "full")


def names():
    """What is measured: a name for each call and dtype -> these."""
    found = {f"First call: {call}, {dtype}": (call, dtype) for call in CALLS for dtype in DTYPES if call != FOLLOWING}
    return {**found, f"First call: {FOLLOWING}": (FOLLOWING, DTYPES[0])}


def measure(name):
    """Records of each step of one call, by two processes that share a folder: the second finds what the first compiled."""
    call, dtype = names()[name]
    with tempfile.TemporaryDirectory() as folder:
        return [
            {
                "case": name,
                "call": call,
                "dtype": dtype,
                "cache": cache,
                "step": step,
                "cpu_s": processor,
                "wall_s": wall,
            }
            for cache in CACHES
            for step, processor, wall in child(folder, call, dtype)
        ]


def child(folder, call, dtype):
    """What a fresh process says."""
    root = str(pathlib.Path(spatial_op.__file__).parents[1])
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    command = [sys.executable, "-m", "spatial_op.cli.child", folder, call, dtype]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True)
    if done.returncode:
        raise click.ClickException(f"the process of {call}, {dtype} failed: {done.stderr.strip().splitlines()[-1]}.")
    return json.loads(done.stdout)


def show(records):
    """Print the tables: forward and gradients of each operator, and calls that follow each other."""
    found = {(each["call"], each["dtype"], each["step"], each["cache"]): each["cpu_s"] for each in records}
    calls = dict.fromkeys((call, dtype) for call, dtype, *_ in found if call != FOLLOWING)
    steps = dict.fromkeys((call, dtype, step) for call, dtype, step, _ in found if call == FOLLOWING)
    click.secho("\nFirst calls of a process, in seconds of processor time, with an empty and a full cache", bold=True)
    if calls:
        rows = [("", "dtype", *(f"{step}, {cache}" for cache in CACHES for step in ("forward", "gradients")))]
        for call, dtype in calls:
            cells = (found[call, dtype, step, cache] for cache in CACHES for step in ("forward", "gradients"))
            rows.append((call, dtype, *(f"{seconds:.2f}" for seconds in cells)))
        text.show(rows, left=2)
    if steps:
        rows = [(FOLLOWING, *CACHES)]
        rows += [(step, *(f"{found[call, dtype, step, cache]:.2f}" for cache in CACHES)) for call, dtype, step in steps]
        click.echo()
        text.show(rows)
