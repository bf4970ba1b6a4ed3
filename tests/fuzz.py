"""Random calls of every operator, for as long as one likes: ``pytest tests/test_fuzz.py --fuzz-minutes 30``.

Each call gets arrays in a random memory layout, between pages that cannot be touched (``guarded``), and is compared: with
contiguous copies and with another number of threads, to the last bit; with ``reference`` and, by the adjoint identity,
gradients with tangents, to rounding. A call is drawn by Hypothesis, which makes a failing one small. If a call ends the
process, the parent says which it was.
"""

import collections
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numba
import numpy as np
from guarded import guarded
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from tables import COMBINATIONS, random_loc

import reference
import spatial_op as so
from spatial_op.kernels import threads
from spatial_op.samplers import SAMPLERS
from spatial_op.transforms import TABLES

SIDES = st.one_of(st.integers(0, 24), st.sampled_from([31, 32, 33, 63, 64, 65, 127, 128, 129, 131, 257]))
SPECIAL = [np.nan, np.inf, -np.inf, 1e30, -1e30, 3e38, 0.0, -0.0, 0.5, 1.0, -1.0]
MOST = 60_000  # numbers of an image or a result
RULES = [rules for transform, *rules in COMBINATIONS if transform == "affine"]
SMOOTH = [name for name in SAMPLERS if not name.startswith("nearest")]  # a little rounding changes the result a little
SAMPLED = "SpatialTransformer", "GridSampler", "BilinearSampler"
REFERENCES = {
    "SpatialTransformer": "spatial_transformer",
    "GridSampler": "grid_sampler",
    "BilinearSampler": "bilinear_sampler",
    "GridGenerator": "grid_generator",
    "DeformableConvolution": "deformable_convolution",
    "ModulatedDeformableConvolution": "modulated_deformable_convolution",
}

# The last call, for the parent.
CALL = os.environ.get("SPATIAL_OP_FUZZ_CALL")


def product(sizes):
    """Numbers of an array."""
    return int(np.prod(sizes, dtype=np.int64))


@st.composite
def layouts(draw, shape):
    """How an input lies in memory; steps other than 1 only where they do not make it large."""
    small = product(shape) < 4000
    order = draw(st.permutations(range(len(shape)))) if draw(st.booleans()) else list(range(len(shape)))
    steps = [draw(st.sampled_from([1, 1, 1, 2, -1, -2])) if small else draw(st.sampled_from([1, 1, -1])) for _ in shape]
    repeated = draw(st.sampled_from([(), (), (), (0,), (1,)])) if len(shape) > 2 else ()
    return order, steps, repeated, draw(st.booleans())


@st.composite
def sampler_calls(draw):
    """A call of a sampler, a transform or a grid."""
    axes = draw(st.sampled_from([1, 2, 2, 3]))
    n, c = draw(st.integers(0, 3)), draw(st.sampled_from([0, 1, 1, 2, 3, 4, 5, 33]))
    sides = tuple(max(1, draw(SIDES)) for _ in range(axes))
    target = tuple(draw(SIDES) for _ in range(axes))
    if target == (0, 0):  # MXNet's way to leave it out
        target = (0, 1)
    dtype = draw(st.sampled_from(["float32", "float64", "float16"]))
    while c and max(product(sides), product(target)) * max(n, 1) * c > MOST:
        sides, target = tuple(max(1, s // 2) for s in sides), tuple(-(-t // 2) for t in target)
    op = draw(st.sampled_from([*SAMPLED, "SpatialTransformer", "GridGenerator"]))
    transform, (sampler, padding) = "affine", draw(st.sampled_from(RULES))
    if axes == 2 and draw(st.booleans()):
        transform, sampler, padding = draw(st.sampled_from(COMBINATIONS))
    elif axes != 2:
        transform = draw(st.sampled_from(list(TABLES[axes])))
    corners, rules = draw(st.booleans()), {"sampler_type": sampler, "padding_mode": padding}
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    spread = draw(st.sampled_from([0.0, 0.1, 0.4, 3.0]))
    data = rng.standard_normal((n, c, *sides)).astype(dtype)
    loc = random_loc(rng, transform, n, dtype, spread, axes)
    if op == "SpatialTransformer":
        inputs, params = (data, loc), {"target_shape": target, "transform_type": transform, **rules}
    elif op in SAMPLED:
        grid = rng.uniform(-1 - spread, 1 + spread, (n, axes, *target)).astype(dtype)
        inputs, params = (data, grid), rules if op == "GridSampler" else {"padding_mode": "zeros"}
    elif draw(st.booleans()):
        inputs, params = (loc,), {"target_shape": target, "transform_type": transform}
    else:
        inputs, params = (rng.standard_normal((n, axes, *target)).astype(dtype),), {"transform_type": "warp"}
    return (
        op,
        inputs,
        {**params, "align_corners": corners},
        draw(st.tuples(*(layouts(value.shape) for value in inputs))),
    )


@st.composite
def convolution_calls(draw):
    """A call of a deformable convolution."""
    op = draw(st.sampled_from(["DeformableConvolution", "ModulatedDeformableConvolution"]))
    n, groups, deformables = draw(st.integers(0, 3)), draw(st.sampled_from([1, 1, 2])), draw(st.sampled_from([1, 1, 2]))
    c = draw(st.sampled_from([1, 2, 3, 8, 17])) * groups * deformables
    filters = draw(st.sampled_from([1, 2, 5, 17])) * groups
    axes = draw(st.sampled_from([1, 2, 2, 2, 3]))
    kernel, dilate, stride = (draw(st.tuples(*[st.integers(1, 3)] * axes)) for _ in range(3))
    pad = draw(st.tuples(*[st.integers(0, 2)] * axes))
    longest = 6 if axes == 3 else 30
    extents = [gap * (taps - 1) + 1 for gap, taps in zip(dilate, kernel)]
    source = [max(1, extent - 2 * more, draw(st.integers(1, longest))) for extent, more in zip(extents, pad)]
    out = [(size + 2 * more - extent) // step + 1 for size, more, extent, step in zip(source, pad, extents, stride)]
    dtype = draw(st.sampled_from(["float32", "float64"]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count, spread = deformables * math.prod(kernel), draw(st.sampled_from([0.0, 0.6, 4.0]))
    data = rng.standard_normal((n, c, *source))
    offset, mask = spread * rng.standard_normal((n, axes * count, *out)), rng.random((n, count, *out))
    weight, bias = rng.standard_normal((filters, c // groups, *kernel)), rng.standard_normal(filters)
    inputs = [data, offset, mask, weight, bias]
    if op == "DeformableConvolution":
        del inputs[2]
    params = {
        "kernel": kernel, "stride": stride, "dilate": dilate, "pad": pad, "num_filter": filters, "num_group": groups,
        "num_deformable_group": deformables,
    }  # fmt: skip
    if op == "DeformableConvolution":
        params["border"] = draw(st.sampled_from(["mxnet", "zeros"]))
    inputs = tuple(value.astype(dtype) for value in inputs)
    return op, inputs, params, draw(st.tuples(*(layouts(value.shape) for value in inputs)))


@st.composite
def calls(draw):
    """A call, with special numbers in it now and then."""
    op, inputs, params, memory = draw(st.one_of(sampler_calls(), sampler_calls(), convolution_calls()))
    inputs = [once(value, how) for value, how in zip(inputs, memory)]
    special = draw(st.integers(0, 5)) == 0
    if special:
        which = draw(st.integers(0, len(inputs) - 1))
        if inputs[which].size:
            value = draw(st.sampled_from(SPECIAL))
            changed = inputs[which].copy()  # what ``once`` gives may be read-only, or no view when it is flattened
            with np.errstate(over="ignore"):
                changed.reshape(-1)[draw(st.integers(0, changed.size - 1))] = value
            inputs[which] = once(changed, memory[which])
    return op, tuple(inputs), params, memory, special, draw(st.integers(0, 2**32 - 1))


def once(value, how):
    """The same value along repeated axes."""
    for axis in how[2]:
        value = np.ascontiguousarray(np.broadcast_to(value[(slice(None),) * axis + (slice(0, 1),)], value.shape))
    return value


def everything(op, inputs, params, out_grad, tangents, places=None):
    """Result, gradients, written and added, and tangent."""
    out, pullback = so.vjp(op, *inputs, **params)
    _, adding = so.vjp(op, *inputs, grad_req="add", **params)
    grads, sums = pullback(out_grad, out=places), adding(out_grad, out=[np.ones_like(value) for value in inputs])
    return [out, *grads, *sums, so.jvp(op, inputs, tangents, **params)[1]]


def same(found, expected, what):
    """Equal to the last bit; what is no number counts as equal, whatever its bits."""
    for one, other in zip(found, expected):
        assert one.shape == other.shape and one.dtype == other.dtype, what
        nothing = np.isnan(other)
        assert np.array_equal(np.isnan(one), nothing), what
        bits = f"u{one.itemsize}"
        equal = np.ascontiguousarray(one).view(bits) == np.ascontiguousarray(other).view(bits)
        assert (equal | nothing).all(), what


def check(call, counts):
    """Make one call in every way."""
    name, inputs, params, memory, special, number = call
    op, rng = getattr(so, name), np.random.default_rng(number)
    if CALL:
        pathlib.Path(CALL).write_text(
            repr((name, [(v.shape, v.dtype) for v in inputs], params, memory, special, number))
        )
    numba.set_num_threads(1)
    out = op(*inputs, **params)
    out_grad = rng.standard_normal(out.shape).astype(out.dtype)
    tangents = [rng.standard_normal(value.shape).astype(value.dtype) for value in inputs]
    with np.errstate(all="ignore"):
        plain = everything(op, inputs, params, out_grad, tangents)
        kept = [guarded(value, *how) for value, how in zip(inputs, memory)]
        places = [
            guarded(np.zeros_like(value), how[0], how[1], (), how[3], locked=False)
            for value, how in zip(inputs, memory)
        ]
        upper = guarded(out_grad, range(out.ndim), [1] * out.ndim)
        arrays = [array for array, _ in kept]
        there = everything(op, arrays, params, upper[0], tangents, [array for array, _ in places])
        same(there, plain, "another memory layout gives other numbers")
        if numba.config.NUMBA_NUM_THREADS > 1:
            numba.set_num_threads(2)
            again = everything(op, arrays, params, upper[0], tangents)
            same(again, plain, "another number of threads gives other numbers")
    counts[name, str(out.dtype)] += 1
    counts["calls"] += 6
    if not special:
        compare(name, inputs, params, out_grad, tangents, plain, counts)


def compare(name, inputs, params, out_grad, tangents, plain, counts):
    """With the reference, and gradients with tangents."""
    eps = np.finfo(plain[0].dtype).eps
    out, *grads, tangent = (value.astype("float64") for value in plain)
    grads = grads[: len(inputs)]
    if all(np.isfinite(value).all() for value in (out, tangent, *grads)):
        left = (out_grad.astype("float64") * tangent).sum()
        right = sum((grad * along).sum() for grad, along in zip(grads, tangents))
        scale = sum((np.abs(grad) * np.abs(along)).sum() for grad, along in zip(grads, tangents)) + 1
        scale += (np.abs(out_grad).astype("float64") * np.abs(tangent)).sum()
        reach = max(max(value.shape, default=1) for value in inputs)
        assert abs(left - right) <= 300 * eps * reach * scale, ("gradients and tangents disagree", left, right)
        counts["adjoint"] += 1
    if product(out.shape) > 3000 or not all(value.size for value in (*inputs, out)):
        return
    function = getattr(reference, REFERENCES[name])
    wide = [value.astype("float64") for value in inputs]
    expected = function(*wide, **params)
    scale = max(np.abs(value).max(initial=1) for value in wide) ** 2 * product(params.get("kernel", (1,)))
    scale = scale * (inputs[0].shape[1] if "kernel" in params else 1) + np.abs(expected).max(initial=0)
    reach = max(inputs[0].shape[2:], default=1) * (1 + np.abs(wide[-1 if name in SAMPLED else 0]).max())
    close = np.isclose(out, expected, rtol=0, atol=200 * eps * reach * scale, equal_nan=True)
    if params.get("sampler_type", "bilinear") not in SMOOTH:  # where rounding decides, either pixel will do
        close |= undecided(name, wide, params, 200 * eps * reach)
    assert close.all(), ("other numbers than the reference", np.abs(out - expected).max())
    counts["reference"] += 1


def undecided(name, inputs, params, within):
    """The samples whose point lies nearly halfway between two pixels on any axis."""
    data, grid = inputs
    corners = params["align_corners"]
    if name == "SpatialTransformer":
        grid = reference.grid_generator(grid, params["transform_type"], params["target_shape"], align_corners=corners)
    sizes = np.array(data.shape[:1:-1], float).reshape(1, -1, *[1] * (data.ndim - 2))
    pixels = (grid + 1) * (sizes - 1) / 2 if corners else ((grid + 1) * sizes - 1) / 2
    return (np.abs(np.abs(pixels - np.floor(pixels)) - 0.5) < within).any(axis=1)[:, None]


def child(minutes, first):
    """Make calls until the time is over; print the counts."""
    threads.GRAIN = 64
    counts, end, number = collections.Counter(), time.monotonic() + 60 * minutes, first
    while time.monotonic() < end:

        @seed(number)
        @settings(
            max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink), print_blob=False,
        )  # fmt: skip
        @given(call=calls())
        def run(call):
            if time.monotonic() < end:
                check(call, counts)

        run()
        number += 1
    print(
        json.dumps(
            {" ".join(key) if isinstance(key, tuple) else key: count for key, count in sorted(counts.items(), key=str)}
        )
    )


def fuzz(minutes, first=0):
    """Run a child for so long; its counts, or an AssertionError that says what happened."""
    with tempfile.TemporaryDirectory() as folder:
        call = os.path.join(folder, "call")
        root = str(pathlib.Path(__file__).parents[1])
        environment = {**os.environ, "SPATIAL_OP_FUZZ_CALL": call, "PYTHONPATH": root, "PYTHONWARNINGS": "error"}
        command = [sys.executable, __file__, str(minutes), str(first)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        last = pathlib.Path(call).read_text() if os.path.exists(call) else "no call"
        assert done.returncode == 0, f"exit code {done.returncode} after {last}\n{done.stderr}"
        return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    child(float(sys.argv[1]), int(sys.argv[2]))
