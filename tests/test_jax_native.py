"""Small calls that XLA makes itself: the same bits as NumPy's, for all rows of the tables."""

import concurrent.futures
import subprocess
import sys

import numpy as np
import pytest
from tables import COMBINATIONS, PAIRS, compiled, in_turn, options, random_loc

import spatial_op as so
from spatial_op.kernels import threads
from spatial_op.paddings import PADDINGS
from spatial_op.transforms import TRANSFORMS

jax = pytest.importorskip("jax")
from jax import numpy as jnp  # noqa: E402

SHAPES = {2: ((2, 3, 9, 7), (6, 70)), 3: ((2, 3, 5, 9, 7), (3, 6, 10))}


DTYPES = ["float32", "float64"]
# Also the corner rule.
RULES = [(True, "float32"), (False, "float64"), (True, "float64"), (False, "float32")]
TRANSFORMERS = [(rows, *rule) for rows, rules in in_turn(COMBINATIONS, RULES, compiled) for rule in rules]
OF_BOTH = [(axes, *pair) for axes in SHAPES for pair in PAIRS[axes]]
SAMPLERS = [(*rows, dtype) for rows, dtypes in in_turn(OF_BOTH, DTYPES, compiled) for dtype in dtypes]


@pytest.fixture(params=DTYPES)
def dtype(request):
    with jax.enable_x64(request.param == "float64"):
        yield request.param


def agree(op, inputs, params, native=True):
    """Result, gradients and tangents, of all inputs and of each alone, have the bits of NumPy's."""
    rng = np.random.default_rng(1)
    moves = [rng.standard_normal(value.shape).astype(value.dtype) for value in inputs]
    expected, pullback = so.vjp(op, *inputs, **params)
    out_grad = rng.standard_normal(expected.shape).astype(expected.dtype)
    grads = pullback(out_grad)
    tangents = [so.jvp(op, inputs, along, **params)[1] for along in (moves, (moves[0], None), (None, moves[1]))]

    def everything(data, given, moves, out_grad):
        first, second = (lambda data: op(data, given, **params)), (lambda given: op(data, given, **params))
        out, pull = jax.vjp(lambda *inputs: op(*inputs, **params), data, given)
        yield out
        yield from pull(out_grad)
        yield from (*jax.vjp(first, data)[1](out_grad), *jax.vjp(second, given)[1](out_grad))
        yield jax.jvp(lambda *inputs: op(*inputs, **params), (data, given), tuple(moves))[1]
        yield jax.jvp(first, (data,), (moves[0],))[1]
        yield jax.jvp(second, (given,), (moves[1],))[1]

    compiled = jax.jit(lambda *values: list(everything(*values)))
    values = jax.tree_util.tree_map(jnp.asarray, (*inputs, moves, out_grad))
    for found, known in zip(compiled(*values), (expected, *grads, *grads, *tangents), strict=True):
        np.testing.assert_array_equal(found, known)
    text = compiled.lower(*values).as_text()
    assert [f"@spatial_op_{kind}_" in text for kind in ("kernel", "python")] == [native, not native]


@pytest.mark.parametrize(("combination", "align_corners", "dtype"), TRANSFORMERS, indirect=["dtype"], ids=str)
def test_transforms(combination, align_corners, dtype):
    rng = np.random.default_rng(0)
    shape, target = SHAPES[2]
    data, loc = rng.standard_normal(shape).astype(dtype), random_loc(rng, combination[0], 2, dtype)
    row = TRANSFORMS[combination[0]]
    plain = row.solve is row.basis is row.term is None
    agree(
        so.SpatialTransformer,
        (data, loc),
        options(combination, target_shape=target, align_corners=align_corners),
        plain,
    )


@pytest.mark.parametrize(("axes", "sampler_type", "padding_mode", "dtype"), SAMPLERS, indirect=["dtype"])
def test_grids(axes, sampler_type, padding_mode, dtype):
    """One is smooth, so that windows are used, and one scattered, so that they are not."""
    rng = np.random.default_rng(0)
    shape, target = SHAPES[axes]
    data = rng.standard_normal(shape).astype(dtype)
    smooth = np.stack(np.meshgrid(*(np.linspace(-1.1, 1.1, size) for size in target), indexing="ij")[::-1])
    grid = np.stack([smooth + 0.01 * rng.standard_normal(smooth.shape), rng.uniform(-2, 2, smooth.shape)])
    agree(so.GridSampler, (data, grid.astype(dtype)), {"sampler_type": sampler_type, "padding_mode": padding_mode})


def test_some_tiles_by_windows_and_some_in_place():
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(np.linspace(-0.2, 0.2, 128), np.linspace(-0.2, 0.2, 64)))[None]
    grid[..., 64:] = rng.uniform(-1, 1, (2, 64, 64))
    data = rng.standard_normal((1, 2, 256, 256)).astype("float32")
    agree(so.GridSampler, (data, grid.astype("float32")), {})


@pytest.mark.parametrize("count", [2, 3, 64])
def test_parts_on_threads_of_xla(count, monkeypatch):
    """More than XLA has, too."""
    monkeypatch.setattr(threads, "threads_for", lambda units, elements: min(units, count))
    rng = np.random.default_rng(0)
    data, grid = (
        rng.standard_normal((1, 3, 200, 150)).astype("float32"),
        rng.uniform(-1, 1, (1, 2, 150, 200)).astype("float32"),
    )
    agree(so.GridSampler, (data, grid), {})
    agree(so.SpatialTransformer, (data, random_loc(rng, "affine", 1, "float32")), {"target_shape": (150, 200)})


def test_many_calls_at_once(monkeypatch):
    """Calls that wait for parts of theirs do not wait for each other."""
    monkeypatch.setattr(threads, "threads_for", lambda units, elements: min(units, 5))
    rng = np.random.default_rng(0)
    data, locs = (
        rng.standard_normal((1, 3, 130, 130)).astype("float32"),
        random_loc(rng, "affine", 12, "float32")[:, None],
    )
    expected = [so.SpatialTransformer(data, loc, (130, 130)) for loc in locs]
    images = jnp.asarray(data)
    warp = jax.jit(lambda locs: [so.SpatialTransformer(images, loc, (130, 130)) for loc in locs])
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for results in pool.map(warp, [list(locs)] * 40):
            np.testing.assert_array_equal(np.stack(results), np.stack(expected))


def test_many_channels():
    rng = np.random.default_rng(0)
    data, grid = rng.standard_normal((2, 70, 5, 6)), rng.uniform(-1, 1, (2, 2, 3, 4))
    agree(so.GridSampler, (data.astype("float32"), grid.astype("float32")), {})
    agree(
        so.SpatialTransformer,
        (data.astype("float32"), random_loc(rng, "affine", 2, "float32")),
        {"target_shape": (3, 4)},
    )


def test_matrices():
    rng = np.random.default_rng(0)
    data, loc = rng.standard_normal((2, 3, 9, 7)).astype("float32"), random_loc(rng, "affine", 2, "float32")
    agree(so.SpatialTransformer, (data, loc.reshape(2, 2, 3)), {"target_shape": (4, 5)})


@pytest.mark.parametrize("padding_mode", PADDINGS)
def test_points_that_are_moved_inside(padding_mode):
    rng = np.random.default_rng(0)
    data, grid = rng.standard_normal((2, 3, 9, 7)).astype("float32"), rng.uniform(-2, 2, (2, 2, 6, 8)).astype("float32")
    agree(so.GridSampler, (data, grid), {"padding_mode": padding_mode, "points_inside": True})


def test_what_xla_cannot_call():
    rng = np.random.default_rng(0)
    data, loc = rng.standard_normal((2, 3, 9, 7)), random_loc(rng, "affine", 2, "float32")
    agree(so.SpatialTransformer, (data.astype("float16"), loc), {"target_shape": (4, 5)}, native=False)
    agree(
        so.SpatialTransformer, (data.astype("float16"), loc.astype("float16")), {"target_shape": (4, 5)}, native=False
    )


PROGRAM = """
import sys
import jax, logging
from jax import numpy as jnp
import spatial_op as so
jax.config.update("jax_compilation_cache_dir", sys.argv[1])
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)
events = []
jax.monitoring.register_event_listener(lambda event, **_: events.append(event))
flip = jnp.asarray([[-1.0, 0, 0, 0, 1, 0]])
out = jax.jit(lambda data: so.SpatialTransformer(data, flip, (1, 4)))(jnp.arange(4.0).reshape(1, 1, 1, 4))
print(out.ravel().tolist(), "/jax/compilation_cache/cache_hits" in events)
"""


def test_what_jax_keeps_on_disk_serves_other_processes(tmp_path):
    for found in ("False", "True"):
        run = subprocess.run([sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True)
        assert run.stdout.strip().endswith(f"[3.0, 2.0, 1.0, 0.0] {found}"), run.stdout + run.stderr
