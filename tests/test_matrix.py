"""The vector operations on matrices against their twins in plain Python."""

import numba
import numpy as np
import pytest

from spatial_op.kernels import lanes, matrix
from spatial_op.kernels.jit import OPTIONS
from spatial_op.kernels.lanes import COUNT, twins

pytestmark = pytest.mark.skipif(
    bool(numba.config.DISABLE_JIT), reason="without the compiler the twins are all there is"
)

load, store, inside = lanes.load, lanes.store, lanes.inside
multiply, turn, totals = matrix.multiply, matrix.turn, matrix.totals
U = numba.uint64
jit = numba.njit(**OPTIONS)
either_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


@jit
def product(shape, a, first, row, step, b, depth, c, c_row, add):
    multiply(shape, a, U(first), U(row), U(step), b, U(3), U(depth), c, U(5), U(c_row), add)


@either_dtype
@pytest.mark.parametrize("rows, vectors", [(8, 2), (8, 1), (4, 1), (1, 1)])
@pytest.mark.parametrize("depth", [1, 7])
def test_product(dtype, rows, vectors, depth):
    rng = np.random.default_rng(depth)
    shape, width = ((0,) * rows, (0,) * vectors), vectors * COUNT
    a, b = rng.standard_normal((2, 400)).astype(dtype)
    for row, step in ((11, 1), (1, 9)):
        for add in (False, True):
            c = rng.standard_normal(rows * (width + 2) + 9).astype(dtype)
            expected = c.copy()
            product(shape, a, 2, row, step, b, depth, c, width + 2, add)
            twins.multiply(shape, a, 2, row, step, b, 3, depth, expected, 5, width + 2, add)
            np.testing.assert_allclose(c, expected, rtol=0, atol=20 * np.finfo(dtype).eps)


@jit
def turned(source, stride, rows, columns, target, apart, kept):
    turn(source, U(1), U(stride), U(rows), U(columns), target, U(2), U(apart), U(kept))


@either_dtype
@pytest.mark.parametrize(
    "rows, columns, kept", [(16, 16, 16), (3, 16, 16), (16, 5, 16), (7, 2, 7), (0, 4, 16), (4, 1, 2)]
)
def test_transposition_touches_nothing_else(dtype, rows, columns, kept):
    """The source ends with the last element that is to be read."""
    rng = np.random.default_rng(rows)
    source = rng.standard_normal(1 + max(0, rows - 1) * 19 + columns).astype(dtype)
    target = rng.standard_normal(2 + 15 * 21 + 17).astype(dtype)
    expected = target.copy()
    turned(source, 19, rows, columns, target, 21, kept)
    twins.turn(source, 1, 19, rows, columns, expected, 2, 21, kept)
    np.testing.assert_array_equal(target, expected)


@jit
def four_sums(a):
    vectors = (load(a, U(0)), load(a, U(COUNT)), load(a, U(2 * COUNT)), load(a, U(3 * COUNT)))
    return totals(vectors)


@either_dtype
def test_totals(dtype):
    a = np.random.default_rng(0).standard_normal(4 * COUNT).astype(dtype)
    np.testing.assert_allclose(four_sums(a), twins.totals(a.reshape(4, COUNT)), rtol=0, atol=30 * np.finfo(dtype).eps)


@jit
def held(a, low, high, out):
    store(out, U(0), inside(load(a, U(0)), low, high))


@either_dtype
def test_inside(dtype):
    a = np.resize(np.array([np.nan, np.inf, -np.inf, -1, 0, 2, 2.5], dtype), COUNT)
    out = np.empty(COUNT, dtype)
    held(a, -1.0, 2.0, out)
    np.testing.assert_array_equal(out, twins.inside(a, -1, 2))
    np.testing.assert_array_equal(out[:7], [0, 0, 0, 1, 1, 1, 0])
