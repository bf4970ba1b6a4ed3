"""Every vector operation against its twin in plain Python, and the operations against each other."""

import numba
import numpy as np
import pytest

from spatial_op.kernels import lanes
from spatial_op.kernels.jit import OPTIONS
from spatial_op.kernels.lanes import COUNT, twins

pytestmark = pytest.mark.skipif(
    bool(numba.config.DISABLE_JIT), reason="without the compiler the twins are all there is"
)

load, store, spread, widen, total = lanes.load, lanes.store, lanes.spread, lanes.widen, lanes.total
neighbours, deposit, mix, all_between, prefetch = (
    lanes.neighbours, lanes.deposit, lanes.mix, lanes.all_between, lanes.prefetch,
)  # fmt: skip
neighbours_four, deposit_four, load_each = lanes.neighbours_four, lanes.deposit_four, lanes.load_each
to_pixels, to_channels = lanes.to_pixels, lanes.to_channels
jit = numba.njit(**OPTIONS)


@jit
def arithmetic(a, b, out):
    x, y = load(a, np.uint64(1)), load(b, np.uint64(2))
    prefetch(a, np.uint64(10**9))
    store(out, np.uint64(0), (x + y) * 2 - y / 3.0)
    store(out, np.uint64(COUNT), np.fmin(x, y) + 1.0)
    store(out, np.uint64(2 * COUNT), np.fmax(x, 0.25))
    store(out, np.uint64(3 * COUNT), np.floor(5 * x) - 0.5)
    store(out, np.uint64(4 * COUNT), spread(3, a))


def plain_arithmetic(a, b, out):
    x, y = twins.load(a, 1), twins.load(b, 2)
    twins.store(out, 0, (x + y) * 2 - y / 3)
    twins.store(out, COUNT, np.fmin(x, y) + 1)
    twins.store(out, 2 * COUNT, np.fmax(x, 0.25))
    twins.store(out, 3 * COUNT, np.floor(5 * x) - 0.5)
    twins.store(out, 4 * COUNT, twins.spread(3, a))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_arithmetic(dtype):
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, COUNT + 2)).astype(dtype)
    fast, plain = np.zeros((2, 5 * COUNT), dtype)
    arithmetic(a, b, fast)
    plain_arithmetic(a, b, plain)
    np.testing.assert_allclose(fast, plain, rtol=4 * np.finfo(dtype).eps, atol=4 * np.finfo(dtype).eps)


@jit
def convert(a, whole, narrow):
    wide = widen(load(a, np.uint64(0)))
    store(whole, np.uint64(0), wide * 100)
    store(narrow, np.uint64(0), wide)
    return total(wide)


def test_conversions():
    a = np.random.default_rng(1).standard_normal(COUNT).astype("float32")
    whole, narrow = np.zeros(COUNT, "int32"), np.zeros(COUNT, "float32")
    assert abs(convert(a, whole, narrow) - twins.total(twins.widen(a))) < 1e-13
    np.testing.assert_array_equal(whole, (twins.widen(a) * 100).astype("int32"))
    np.testing.assert_array_equal(narrow, a)


@jit
def fmin_of_nan(a, out):
    store(out, np.uint64(0), np.fmin(np.fmax(load(a, np.uint64(0)), -1), 1))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_clamping_takes_nan_in(dtype):
    a = np.resize(np.array([np.nan, np.inf, -np.inf, 0.5], dtype), COUNT)
    out = np.zeros(COUNT, dtype)
    fmin_of_nan(a, out)
    np.testing.assert_array_equal(out, np.fmin(np.fmax(a, -1), 1))
    np.testing.assert_array_equal(out, np.resize([-1, 1, -1, 0.5], COUNT))


@jit
def gather_taps(array, first, places, like, out):
    taps = neighbours(array, np.uint64(first), places, np.uint64(1), like)
    for t in range(len(taps)):
        store(out, np.uint64(t * COUNT), taps[t])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_neighbours(dtype, count):
    rng = np.random.default_rng(2)
    array, places = rng.standard_normal(300).astype(dtype), rng.integers(0, 250, COUNT + 1).astype("uint32")
    like, out = (1.0,) * count, np.zeros(count * COUNT, dtype)
    gather_taps(array, 7, places, like, out)
    np.testing.assert_array_equal(out.reshape(count, COUNT), twins.neighbours(array, 7, places, 1, like))


@jit
def gather_four_taps(array, first, places, like, out):
    taps = neighbours_four(array, np.uint64(first), places, np.uint64(1), like)
    for t in range(len(taps)):
        store(out, np.uint64(t * COUNT), taps[t])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_neighbours_four(dtype, count):
    rng = np.random.default_rng(2)
    array, places = rng.standard_normal(300).astype(dtype), rng.integers(0, 50, COUNT + 1).astype("uint32")
    like, out = (1.0,) * count, np.zeros(count * COUNT, dtype)
    gather_four_taps(array, 7, places, like, out)
    np.testing.assert_array_equal(out.reshape(count, COUNT), twins.neighbours_four(array, 7, places, 1, like))


@jit
def scatter_four_taps(array, first, places, w, v, g):
    taps = ((load_each(w, np.uint64(0)), 1.0), (load_each(v, np.uint64(0)), -1.0))
    deposit_four(array, np.uint64(first), places, np.uint64(1), taps, load(g, np.uint64(0)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_deposit_four(dtype):
    """Pixels share their elements; a weight of zero gives nothing even of NaN."""
    rng = np.random.default_rng(3)
    w, v, g = rng.standard_normal((3, COUNT)).astype(dtype)
    places = rng.integers(0, 3, COUNT + 1).astype("uint32")
    w[3] = v[3] = 0
    g[12:16] = np.nan
    fast, plain = np.ones((2, 24), dtype)
    scatter_four_taps(fast, 2, places, w, v, g)
    with np.errstate(invalid="ignore"):
        taps = ((twins.load_each(w, 0), 1.0), (twins.load_each(v, 0), -1.0))
        twins.deposit_four(plain, 2, places, 1, taps, g)
    np.testing.assert_allclose(fast, plain, rtol=20 * np.finfo(dtype).eps, atol=20 * np.finfo(dtype).eps)
    assert np.isfinite(fast).all() and (fast[:2] == 1).all() and (fast[2:] != 1).any()


@jit
def there_and_back(array, out, back):
    vectors = (
        load(array, np.uint64(0)), load(array, np.uint64(COUNT)), load(array, np.uint64(2 * COUNT)), load(array, np.uint64(3 * COUNT)),
    )  # fmt: skip
    pixels = to_pixels(vectors)
    channels = to_channels(pixels)
    for i in range(4):
        store(out, np.uint64(i * COUNT), pixels[i])
        store(back, np.uint64(i * COUNT), channels[i])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_channels_to_pixels_and_back(dtype):
    array = np.arange(4 * COUNT).astype(dtype)
    out, back = np.zeros((2, 4 * COUNT), dtype)
    there_and_back(array, out, back)
    np.testing.assert_array_equal(out.reshape(COUNT, 4), array.reshape(4, COUNT).T)  # pixel by pixel, its four channels
    np.testing.assert_array_equal(back, array)
    rows = tuple(array.reshape(4, COUNT))
    np.testing.assert_array_equal(np.concatenate(twins.to_pixels(rows)), out)
    np.testing.assert_array_equal(np.stack(twins.to_channels(twins.to_pixels(rows))), np.stack(rows))


@jit
def scatter_two(array, first, places, w, v, g):
    taps = ((load(w, np.uint64(0)), 1.0), (load(v, np.uint64(0)), -1.0))
    deposit(array, np.uint64(first), places, np.uint64(1), taps, load(g, np.uint64(0)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_deposit(dtype):
    """Many lanes share their elements; a weight of zero gives nothing even of NaN."""
    rng = np.random.default_rng(3)
    w, v, g = rng.standard_normal((3, COUNT)).astype(dtype)
    places = rng.integers(0, 4, COUNT + 1).astype("uint32")
    w[3] = v[3] = 0
    g[3] = np.nan
    fast, plain = np.ones((2, 12), dtype)
    scatter_two(fast, 2, places, w, v, g)
    with np.errstate(invalid="ignore"):
        twins.deposit(plain, 2, places, 1, ((w, 1.0), (v, -1.0)), g)
    np.testing.assert_allclose(fast, plain, rtol=20 * np.finfo(dtype).eps, atol=20 * np.finfo(dtype).eps)
    assert np.isfinite(fast).all() and (fast[:2] == 1).all()


@jit
def mix_lanes(t, w, v, out):
    store(out, np.uint64(0), mix(load(t, np.uint64(0)), load(w, np.uint64(0)), load(v, np.uint64(0))))


def test_mix_does_not_look_where_the_weight_is_zero():
    t, w, v = np.zeros((3, COUNT), "float32")
    t[:], w[1:4], v[:6] = -0.0, [1, np.nan, 2], [np.nan, -0.0, 1, 3, np.inf, -np.inf]
    fast = np.zeros(COUNT, "float32")
    mix_lanes(t, w, v, fast)
    assert fast.tobytes() == twins.mix(t, w, v).tobytes()
    assert np.signbit(fast[[0, 1, 4]]).all() and np.isnan(fast[2]) and fast[3] == 6


@jit
def between(array, first, low, high):
    return all_between(array, np.uint64(first), low, high)


@pytest.mark.parametrize("dtype", ["int32", "float32", "float64"])
def test_all_between(dtype):
    array = np.arange(COUNT + 3).astype(dtype)
    for first, low, high in ((0, 0, COUNT - 1), (0, 1, COUNT), (1, 0, COUNT - 1), (3, -5, 10**6), (2, 3, 10**6)):
        assert between(array, first, low, high) == twins.all_between(array, first, low, high)
    if dtype != "int32":
        array[5] = np.nan
        assert not between(array, 0, -100, 100) and not twins.all_between(array, 0, -100, 100)
