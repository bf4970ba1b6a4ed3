"""``check``: whether this machine computes what MXNet computes."""

import functools
import importlib.resources
import json
from collections.abc import Callable
from typing import NamedTuple

import click
import numpy as np

import spatial_op

from . import machine, text
from .cases import Problem, affine_problem, convolved
from .peers import MXNet, Ours, PyTorch, available
from .progress import progress

SIZES = (((2, 3, 9, 7), (5, 12)), ((3, 1, 6, 17), (11, 4)), ((1, 2, 33, 40), (28, 37)))
SAMPLERS = ("bilinear", "nearest_even", "bicubic")
PADDINGS = ("zeros", "border", "reflection")


class Comparison(NamedTuple):
    """A problem, how to get its result and gradients from elsewhere, and a bound for the relative difference.

    There may be no gradients to compare with.
    """

    group: str
    problem: Problem
    expected: Callable
    bound: float


def run():
    """Print one line per group; the exit code."""
    peers, missing = available((MXNet, PyTorch))
    click.echo(machine.sentence(machine.describe(peers)) + "\n")
    comparisons = list(golden())
    for peer in peers:
        comparisons += LIVE[type(peer)](peer)
    groups, count = {}, 0
    with progress(comparisons, "Comparing") as shown:
        for comparison in shown:
            results = Ours().job(comparison.problem).forward_backward()
            for what, result, expected in zip(names(comparison.problem), results, comparison.expected()):
                found = (difference(result, expected), comparison.bound, what)
                groups.setdefault(comparison.group, []).append(found)
                count += 1
    failed = report(groups)
    for sentence in missing:
        click.echo(f"  {sentence}")
    click.echo()
    if failed:
        click.secho(f"{failed} of {count} checks failed", fg="red", bold=True)
        return 1
    click.secho(f"all {count} checks passed", fg="green", bold=True)
    return 0


def report(groups):
    """Print the table; how many comparisons failed."""
    rows, failed = [("compared with", "checks", "difference", "allowed", "")], []
    for group, found in groups.items():
        worst = max(found, key=lambda entry: entry[0] / entry[1])
        bad = [(group, *entry) for entry in found if not entry[0] <= entry[1]]
        rows.append((group, len(found), text.small(worst[0]), f"{worst[1]:.1e}", "FAILED" if bad else "ok"))
        failed += bad
    text.show(rows)
    for group, found, bound, what in failed:
        click.echo(f"  FAILED: {what} differs by {found:.1e} from {group}, allowed {bound:.1e}")
    return len(failed)


def names(problem):
    """What the arrays of a problem are called."""
    return "result", *(f"gradient of {name}" for name in getattr(spatial_op, problem.operator).operator.inputs)


def difference(result, expected):
    """Largest difference relative to the largest entry; NaN agrees with NaN only."""
    result, expected = np.asarray(result, np.float64), np.asarray(expected, np.float64)
    if result.shape != expected.shape or (np.isnan(result) != np.isnan(expected)).any():
        return np.inf
    scale = np.nanmax(np.abs(expected), initial=0.0)
    return np.nanmax(np.abs(result - expected), initial=0.0) / (scale or 1.0)


def bound_for(problem):
    """How much two right evaluations may differ: rounding errors of coordinates grow with the image in float32."""
    data = problem.inputs[0]
    return 1e-12 if data.dtype == np.float64 else 1e-6 * max(data.shape[2:] + problem.out_grad.shape[2:])


def load_golden():
    """The recorded arrays: "<case>/<array>" -> array, and "calls" -> what was called, in JSON."""
    file = importlib.resources.files(__package__) / "golden.npz"
    with file.open("rb") as opened, np.load(opened) as arrays:
        return dict(arrays)


def golden():
    """What MXNet 1.9.1 answered when it was recorded."""
    arrays = load_golden()
    for case, call in json.loads(arrays["calls"].item()).items():
        inputs = tuple(arrays[f"{case}/{name}"] for name in call["inputs"])
        results = (f"{case}/{key}" for key in ("out", *(f"grad_{name}" for name in call["inputs"])))
        expected = [arrays[result] for result in results if result in arrays]
        problem = Problem(call["operator"], inputs, call["params"], arrays[f"{case}/out_grad"])
        yield Comparison(
            f"MXNet 1.9.1 as recorded, {inputs[0].dtype}",
            problem,
            functools.partial(tuple, expected),
            bound_for(problem),
        )


def random_problem(rng, data, target, dtype, **params):
    """Smooth images under random affine transforms near the identity."""
    n, c, h, w = data
    phase, down, across = rng.uniform(1, 3, (3, n, c, 1, 1))
    images = np.sin(phase + down * np.linspace(-1, 1, h)[:, None] + across * np.linspace(-1, 1, w))
    loc = np.array([1, 0, 0, 0, 1, 0]) + 0.3 * rng.standard_normal((n, 6))
    return affine_problem(images.astype(dtype), loc.astype(dtype), target, **params)


def answers(peer, problem):
    """The peer's result and, where it has them, gradients as NumPy arrays."""
    job = peer.job(problem)
    results = job.forward_backward() if job.forward_backward else (job.forward(),)
    return tuple(job.to_numpy(value) for value in results)


def live_mxnet(peer):
    """MXNet itself, in both precisions."""
    rng = np.random.default_rng(1)
    for dtype in ("float32", "float64"):
        for data, target in SIZES:
            for problem in mxnet_problems(rng, data, target, dtype):
                group = f"{peer.name} {peer.version} running here, {dtype}"
                yield Comparison(group, problem, functools.partial(answers, peer, problem), bound_for(problem))


def mxnet_problems(rng, data, target, dtype):
    """One problem of each operator that MXNet has; its grid generator has float32 only."""
    warped = random_problem(rng, data, target, dtype)
    images, loc = warped.inputs
    params = {"transform_type": "affine", "target_shape": target}
    grid = spatial_op.GridGenerator(loc, **params)
    yield warped
    yield Problem("BilinearSampler", (images, grid), {}, warped.out_grad)
    if dtype == "float32":
        yield Problem("GridGenerator", (loc,), params, rng.standard_normal(grid.shape, dtype))
    for operator in ("DeformableConvolution", "ModulatedDeformableConvolution"):
        yield convolved(data, (4, *data[2:]), dtype, operator, border="mxnet")


def live_pytorch(peer):
    """PyTorch itself, in float64, with every sampler, padding and corner rule.

    Samplers that MXNet has not get one channel: kernels for more would be compiled for nothing but this, for seconds.
    """
    rng = np.random.default_rng(2)
    for sampler in SAMPLERS:
        for padding in PADDINGS:
            for corners in (True, False):
                for data, target in SIZES:
                    if sampler != "bilinear":
                        data = data[:1] + (1,) + data[2:]
                    options = {"sampler_type": sampler, "padding_mode": padding, "align_corners": corners}
                    problem = random_problem(rng, data, target, "float64", **options)
                    group = f"{peer.name} {peer.version}, {sampler}, {padding}"
                    yield Comparison(group, problem, functools.partial(answers, peer, problem), 1e-11)


LIVE = {MXNet: live_mxnet, PyTorch: live_pytorch}
