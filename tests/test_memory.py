"""Where inputs lie: strides of axes of size 1, expanded and sliced batches, sizes that cannot be counted, overlaps that are hard to find."""

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided
from programs import run

import spatial_op as so
from spatial_op.operators.table import OPERATORS

RNG = np.random.default_rng(0)
CONVOLUTION = {"kernel": (1, 1), "num_filter": 2}


def drawn(*shape):
    """Random numbers."""
    return RNG.standard_normal(shape)


# A call of each operator, once with axes of size 1 wherever they can be.
THIN = [
    ("SpatialTransformer", (drawn(1, 1, 5, 1), drawn(1, 6)), {"target_shape": (1, 4)}),
    ("SpatialTransformer", (drawn(3, 1, 5, 6), drawn(3, 6)), {"target_shape": (5, 6)}),
    ("SpatialTransformer", (drawn(1, 1, 4, 1, 5), drawn(1, 12)), {"target_shape": (2, 3, 1)}),
    ("SpatialTransformer", (drawn(1, 2, 4, 5), drawn(1, 8)), {"target_shape": (3, 3), "transform_type": "tps"}),
    ("GridSampler", (drawn(1, 3, 1, 5), drawn(1, 2, 1, 7)), {}),
    ("GridSampler", (drawn(1, 1, 1, 4, 5), drawn(1, 3, 2, 1, 7)), {}),
    ("BilinearSampler", (drawn(2, 1, 4, 1), drawn(2, 2, 1, 1)), {}),
    ("GridGenerator", (drawn(1, 6),), {"transform_type": "affine", "target_shape": (3, 1)}),
    ("GridGenerator", (drawn(1, 2, 1, 4),), {"transform_type": "warp"}),
    ("DeformableConvolution", (drawn(1, 1, 5, 1), drawn(1, 2, 5, 1), drawn(2, 1, 1, 1), drawn(2)), CONVOLUTION),
    (
        "ModulatedDeformableConvolution",
        (drawn(1, 1, 1, 6), drawn(1, 2, 1, 6), drawn(1, 1, 1, 6), drawn(2, 1, 1, 1), drawn(2)),
        CONVOLUTION,
    ),
]


def everything(name, inputs, params):
    """Result, gradients and tangent, as bytes."""
    op, rng = getattr(so, name), np.random.default_rng(1)
    out, pullback = so.vjp(op, *inputs, **params)
    grads = pullback(rng.standard_normal(out.shape))
    tangents = [rng.standard_normal(value.shape) for value in inputs]
    return [array.tobytes() for array in (out, *grads, so.jvp(op, inputs, tangents, **params)[1])]


def test_every_operator_is_called():
    assert {name for name, *_ in THIN} == set(OPERATORS)


@pytest.mark.parametrize("step", [0, 8, -8, 10**12, 3])
@pytest.mark.parametrize("case", THIN, ids=lambda case: case[0])
def test_a_stride_means_nothing_where_the_size_is_1(case, step):
    """Transposing and indexing leave any stride there."""
    name, inputs, params = case
    odd = []
    for value in inputs:
        strides = [step if size == 1 else stride for size, stride in zip(value.shape, value.strides)]
        odd.append(as_strided(value, value.shape, strides))
    assert everything(name, odd, params) == everything(name, inputs, params)


def test_a_row_of_parameters_far_from_the_next():
    """Strides as large as memory: ``loc`` is one row of many."""
    many = np.zeros((1, 2_000_000, 6), "float32")
    many[:, 7] = so.identity_loc("affine")
    data = np.ones((1, 1, 3, 3), "float32")
    np.testing.assert_array_equal(so.SpatialTransformer(data, many[:, 7], (3, 3)), data)


VIEWS = {
    "one image for all": lambda value: np.broadcast_to(value[:1], value.shape),
    "one channel for all": lambda value: np.broadcast_to(value[:, :1], value.shape),
    "every other sample": lambda value: np.repeat(value, 2, axis=0)[::2],
    "some channels of more": lambda value: np.concatenate([value, value], axis=1)[:, : value.shape[1]],
    "channels first in memory": lambda value: value.swapaxes(0, 1).copy().swapaxes(0, 1),
    "backwards": lambda value: value[::-1].copy()[::-1],
    "rows apart": lambda value: np.repeat(value, 2, axis=-2)[..., ::2, :],
}


@pytest.mark.parametrize("view", VIEWS)
def test_views_give_the_numbers_of_copies(view):
    data, grid, loc = drawn(4, 3, 11, 9), 0.8 * drawn(4, 2, 7, 8), drawn(4, 6)
    volume, points = drawn(4, 2, 4, 5, 6), drawn(4, 3, 3, 4, 5)
    offset, mask, weight, bias = drawn(4, 18, 11, 9), drawn(4, 9, 11, 9), drawn(2, 3, 3, 3), drawn(2)
    convolution = {"kernel": (3, 3), "pad": (1, 1), "num_filter": 2}
    change = VIEWS[view]
    for name, inputs, others, params in (
        ("SpatialTransformer", (data,), (loc,), {"target_shape": (5, 6)}),
        ("GridSampler", (data, grid), (), {}),
        ("GridSampler", (volume, points), (), {}),
        ("DeformableConvolution", (data, offset), (weight, bias), convolution),
        ("ModulatedDeformableConvolution", (data, offset, mask), (weight, bias), convolution),
    ):
        views = [change(value) for value in inputs]
        copies = [np.ascontiguousarray(value) for value in views]
        assert everything(name, [*views, *others], params) == everything(name, [*copies, *others], params)


# Prints how many MB more than before a call takes.
MEASURED = """
import resource
def most():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
def call(op, *inputs, wanted, **params):
    out, pullback = so.vjp(op, *inputs, grad_req=wanted, **params)
    pullback(np.ones_like(out))
"""


@pytest.mark.parametrize(
    "program, megabytes",
    [
        # One map of 4 MB for 200 crops: it would be 838 MB. The results take 10, their gradients as much again.
        (
            """
            data, params = np.ones((1, 64, 128, 128), "float32"), {"target_shape": (8, 25)}
            call(so.SpatialTransformer, data, so.identity_loc("affine"), wanted=("null", "write"), **params)
            before, many = most(), np.broadcast_to(data, (200, 64, 128, 128))
            call(so.SpatialTransformer, many, so.identity_loc("affine", 200), wanted=("null", "write"), **params)
            """,
            64,
        ),
        # The same for the grid and for a convolution, whose batch is cut into parts.
        (
            """
            data, grid = np.ones((1, 1, 8, 8), "float32"), np.zeros((1, 2, 512, 512), "float32")
            call(so.GridSampler, data, grid, wanted="null")
            before = most()
            so.GridSampler(np.broadcast_to(data, (100, 1, 8, 8)), np.broadcast_to(grid, (100, 2, 512, 512)))
            """,
            150,
        ),
        (
            """
            weight, params = np.ones((1, 64, 1, 1), "float32"), {"kernel": (1, 1), "num_filter": 1, "no_bias": True, "stride": (64, 64)}
            data, offset, wanted = np.ones((1, 64, 128, 128), "float32"), np.zeros((1, 2, 2, 2), "float32"), ("null", "write", "write")
            call(so.DeformableConvolution, data, offset, weight, wanted=wanted, **params)
            before, many = most(), (np.broadcast_to(value, (200, *value.shape[1:])) for value in (data, offset))
            call(so.DeformableConvolution, *many, weight, wanted=wanted, **params)
            """,
            100,
        ),
        # A grey image of 64 MB, copied once, and once more for its gradient, which is as large.
        (
            """
            weight, params = np.ones((1, 1, 1, 1), "float32"), {"kernel": (1, 1), "num_filter": 1, "no_bias": True, "stride": (64, 64)}
            data, offset = np.ones((1, 1, 64, 64), "float32"), np.zeros((1, 2, 1, 1), "float32")
            call(so.DeformableConvolution, data, offset, weight, wanted="write", **params)
            data, offset = np.ones((1, 1, 4096, 4096), "float32"), np.zeros((1, 2, 64, 64), "float32")
            before = most()
            call(so.DeformableConvolution, data, offset, weight, wanted="write", **params)
            """,
            4 * 64,
        ),
        # An image of 200 MB whose channels lie side by side.
        (
            """
            params, wanted = {"target_shape": (64, 64)}, ("null", "write")
            loc = so.identity_loc("affine") * np.float32(0.02)
            call(so.SpatialTransformer, np.moveaxis(np.ones((1, 64, 64, 3), "float32"), -1, 1), loc, wanted=wanted, **params)
            data = np.moveaxis(np.ones((1, 4096, 4096, 3), "float32"), -1, 1)
            before = most()
            call(so.SpatialTransformer, data, loc, wanted=wanted, **params)
            """,
            20,
        ),
    ],
    ids=["one map", "one grid", "one map, convolved", "a grey image, convolved", "channels side by side"],
)
def test_inputs_are_not_copied_whole(program, megabytes):
    pytest.importorskip("resource")
    text = MEASURED + "\n".join(line.strip() for line in program.splitlines()) + "\nprint(most() - before)"
    assert float(run(text, None, size=2)) < megabytes


@pytest.mark.parametrize(
    "sides", [(2**31 + 1000, 1), (1, 2**31 - 10), (1, 2**40), (1, 2**31, 1), (2**33, 1, 1)], ids=str
)
def test_sides_that_cannot_be_counted_are_refused(sides):
    data, axes = np.broadcast_to(np.float32(0), (1, 1, *sides)), len(sides)
    grid, loc = np.zeros((1, axes, *[2] * axes), "float32"), so.identity_loc("affine", axes=axes)
    for name, call in (
        ("GridSampler", lambda: so.GridSampler(data, grid)),
        ("SpatialTransformer", lambda: so.SpatialTransformer(data, loc, (2,) * axes)),
    ):
        with pytest.raises(ValueError, match=f"{name}: the .* of data is {max(sides)}, expected at most 2147483584; "):
            call()


def test_images_whose_pixels_cannot_be_counted_are_refused_by_convolutions():
    data = np.broadcast_to(np.float32(0), (1, 1, 2**16, 2**16))
    offset = np.broadcast_to(np.float32(0), (1, 2, 2**16, 2**16))
    weight = np.ones((1, 1, 1, 1), "float32")
    with pytest.raises(ValueError, match="the number of pixels of an image of data is 4294967296, expected at most"):
        so.DeformableConvolution(data, offset, weight, kernel=(1, 1), num_filter=1, no_bias=True)


def test_overlaps_that_are_hard_to_find_are_refused_at_once():
    """Strides for which whether two arrays share memory is an equation that takes ages: NumPy's own example."""
    program = """
    from numpy.lib.stride_tricks import as_strided
    memory = np.zeros(192163377, "float16")
    out = as_strided(memory, (1, 1049, 1049, 1049), (0, 2 * 36674, 2 * 61119, 2 * 85569))
    data = as_strided(memory[64023025:], (1, 1049, 1049, 1), (0, 2 * 12223, 2 * 12224, 2))
    try:
        so.SpatialTransformer(data, so.identity_loc("affine", dtype="float16"), (1049, 1049), out=out)
    except ValueError as error:
        print(error)
    """
    assert "SpatialTransformer: out overlaps data in memory" in run(program, None, size=2)


def test_the_sign_of_a_zero_does_not_depend_on_where_a_gradient_is_written():
    """Negative zeros stay, whether a gradient is written at once or by way of another array."""
    data, grid = np.full((1, 1, 1, 3), -1.0), np.zeros((1, 2, 2, 5))
    _, pullback = so.vjp(so.GridSampler, data, grid)
    out_grad = np.array([[[[1.0] * 5, [-1.0] * 5]]])
    there = np.empty((1, 2, 2, 10))[..., ::2]
    at_once, elsewhere = pullback(out_grad)[1], pullback(out_grad, out=(None, there))[1]
    assert (np.signbit(at_once) & (at_once == 0)).any(), "a size of 1 has no slope, of either sign"
    assert at_once.tobytes() == elsewhere.tobytes()
