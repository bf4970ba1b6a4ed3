"""Each row of each table keeps the promises of its table, uncompiled."""

import numpy as np
import pytest

from spatial_op.dtypes import DTYPES
from spatial_op.paddings import PADDINGS
from spatial_op.samplers import SAMPLERS
from spatial_op.transforms import TRANSFORMS


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("x", [0.0, 0.1, 0.37, 0.5, 0.93])
def test_sampler(name, x):
    sampler = SAMPLERS[name]
    f = x - np.floor(x + sampler.shift)
    weights, slopes = np.array(sampler.taps(f)).T
    assert abs(weights.sum() - 1) < 1e-15 and abs(slopes.sum()) < 1e-15
    step = np.array(sampler.taps(f + 1e-30j))[:, 0]
    np.testing.assert_allclose(step.imag / 1e-30, slopes, rtol=1e-14, atol=1e-15)
    assert np.isnan(np.array(sampler.taps(np.nan))[:, 0]).all()
    if x == 0:  # on a pixel, that pixel alone
        assert [i for i, weight in enumerate(weights, sampler.first) if weight] == [0]


@pytest.mark.parametrize("name", PADDINGS)
@pytest.mark.parametrize("edge", [0, 1])
@pytest.mark.parametrize("n", [1, 2, 3, 8])
def test_padding(name, edge, n):
    padding = PADDINGS[name]
    for i in range(-30, 40):
        j, inside = padding.fix(i, n, edge)
        assert 0 <= j < n and isinstance(inside, (bool, np.bool_))
        if 0 <= i < n:
            assert (j, inside) == (i, True)
    for reach in (1, 2, 4):
        for x in [*np.linspace(-40, 40, 161), 1e30, -1e30, np.nan, np.inf, -np.inf]:
            with np.errstate(invalid="ignore"):
                close = padding.near(x, n, reach, edge)
            assert np.isfinite(close) and -2 * (n + reach) <= close <= 3 * (n + reach)
            if abs(x) <= 40:  # the same pixels are found around it
                for tap in range(-reach // 2 + 1, reach // 2 + 1):
                    wide = padding.fix(int(np.floor(x)) + tap, n, edge)
                    near = padding.fix(int(np.floor(close)) + tap, n, edge)
                    assert wide == near or (not wide[1] and not near[1])


@pytest.mark.parametrize(("edge", "picture"), [(0, "dcb|abcd|cba"), (1, "cba|abcd|dcb")])
def test_reflection_is_drawn_right(edge, picture):
    drawn = "".join("abcd"[PADDINGS["reflection"].fix(i, 4, edge)[0]] for i in range(-3, 7))
    assert drawn == picture.replace("|", "")


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("edge", [0, 1])
def test_transform(name, edge):
    transform = TRANSFORMS[name]
    sizes = (11, 9, 5, 7, edge)
    plan = np.zeros(transform.plan_size)
    transform.fold(np.array(transform.identity, "float64"), 0, sizes, plan)
    # The corners of the output are the corners of the input, in both rules.
    for v, row in ((-2.0 - edge / 2, -edge / 2), (2.0 + edge / 2, 10 + edge / 2), (0.0, 5.0)):
        for u, col in ((-3.0 - edge / 2, -edge / 2), (3.0 + edge / 2, 8 + edge / 2), (0.0, 4.0)):
            np.testing.assert_allclose(transform.locate(plan, u, v), (col, row), atol=1e-14)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_transform_gradient(name):
    """Central differences of the coordinates, parameter by parameter."""
    transform, rng = TRANSFORMS[name], np.random.default_rng(0)
    sizes, u, v = (11, 9, 5, 7, 0), 1.5, -0.5
    loc = np.array(transform.identity) + 0.2 * rng.standard_normal(transform.width)
    grad_x, grad_y = rng.standard_normal(2)

    def value(parameters):
        plan = np.zeros(transform.plan_size)
        transform.fold(parameters, 0, sizes, plan)
        x, y = transform.locate(plan, u, v)
        return grad_x * x + grad_y * y

    def add(sums, i, more):
        sums[i] += more

    plan, sums, grad = np.zeros(transform.plan_size), np.zeros(transform.plan_size), np.zeros(transform.width)
    transform.fold(loc, 0, sizes, plan)
    transform.pull_back(plan, u, v, grad_x, grad_y, sums, add)
    transform.unfold(sums, sizes, grad)
    for i, step in enumerate(np.eye(transform.width) * 1e-6):
        assert abs((value(loc + step) - value(loc - step)) / 2e-6 - grad[i]) < 1e-7


def test_dtypes():
    assert all(compute.itemsize >= max(4, stored.itemsize) for stored, compute in DTYPES.items())
