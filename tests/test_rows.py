"""Each row of each table keeps the promises of its table, uncompiled."""

import itertools

import numpy as np
import pytest

from spatial_op.dtypes import DTYPES
from spatial_op.paddings import PADDINGS
from spatial_op.samplers import SAMPLERS
from spatial_op.transforms import TABLES
from spatial_op.transforms.row import Sizes


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("x", [0.0, 0.1, 0.37, 0.5, 0.93])
def test_sampler(name, x):
    sampler = SAMPLERS[name]
    f = x - sampler.cell(x, sampler.shift)
    assert f >= -sampler.shift
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


ALL_TRANSFORMS = [(axes, name) for axes, table in TABLES.items() for name in table]
SIZES_IN, SIZES_OUT = (9, 11, 7), (7, 5, 3)  # along x, y and z


def sizes(axes, edge):
    """What a transform is told of images of these sizes."""
    return Sizes(
        tuple(float(size - 1 + edge) for size in SIZES_IN[:axes]),
        tuple((size - 1) / 2 for size in SIZES_IN[:axes]),
        tuple(float(size - 1 + edge) for size in SIZES_OUT[:axes]),
    )


def values(transform, loc):
    """What ``fold`` is given in place of parameters."""
    if transform.solve is None:
        return loc
    return transform.solve((loc - transform.identity(len(loc) // 2))[None])[0]


def planned(transform, loc, axes, edge):
    """The plan of parameters."""
    numbers = values(transform, loc)
    plan = np.zeros(max(transform.plan_size, len(numbers)))
    transform.fold(numbers, 0, sizes(axes, edge), plan)
    return plan


def located(transform, plan, axes, edge, pixel):
    """Source pixel of a destination pixel, with the functions that the kernels add up."""
    point = np.array(transform.locate(plan, *pixel))
    if transform.basis is not None:
        count = (len(plan) - transform.plan_size) // 2
        for i in range(count):
            value = transform.basis(i, count, *pixel, sizes(axes, edge))
            point += value * plan[transform.plan_size + 2 * i : transform.plan_size + 2 * i + 2]
    return point


@pytest.mark.parametrize(("axes", "name"), ALL_TRANSFORMS)
@pytest.mark.parametrize("edge", [0, 1])
def test_transform(axes, name, edge):
    transform = TABLES[axes][name]
    plan = planned(transform, np.array(transform.identity(9), "float64"), axes, edge)
    # The corners of the output are the corners of the input, in both rules, and the centre is the centre.
    for signs in itertools.product((-1, 0, 1), repeat=axes):
        given = [sign * (size - 1 + edge) / 2 for sign, size in zip(signs, SIZES_OUT)]
        expected = [(size - 1) / 2 + sign * (size - 1 + edge) / 2 for sign, size in zip(signs, SIZES_IN)]
        np.testing.assert_allclose(located(transform, plan, axes, edge, given), expected, atol=1e-13)


@pytest.mark.parametrize(("axes", "name"), ALL_TRANSFORMS)
def test_transform_gradient(axes, name):
    """Central differences of the coordinates, parameter by parameter."""
    transform, rng = TABLES[axes][name], np.random.default_rng(0)
    pixel = (1.5, -0.5, 1.0)[:axes]
    rest = np.array(transform.identity(9), "float64")
    loc = rest + 0.2 * rng.standard_normal(len(rest))
    grads = rng.standard_normal(axes)

    def value(parameters):
        return np.dot(grads, located(transform, planned(transform, parameters, axes, 0), axes, 0, pixel))

    def add(sums, i, more):
        sums[i] += more

    plan = planned(transform, loc, axes, 0)
    sums, grad = np.zeros(len(plan)), np.zeros(len(values(transform, loc)))
    transform.pull_back(plan, *pixel, *grads, sums, add)
    if transform.basis is not None:
        count = (len(plan) - transform.plan_size) // 2
        for i in range(count):
            here = slice(transform.plan_size + 2 * i, transform.plan_size + 2 * i + 2)
            add(sums, here, transform.basis(i, count, *pixel, sizes(axes, 0)) * grads)
    transform.unfold(values(transform, loc), 0, sums, sizes(axes, 0), grad)
    if transform.solve is not None:
        grad = transform.pull_solve(grad[None])[0]
    for i, step in enumerate(np.eye(len(rest)) * 1e-6):
        assert abs((value(loc + step) - value(loc - step)) / 2e-6 - grad[i]) < 1e-7


def test_spline_goes_through_its_control_points():
    tps, rng = TABLES[2]["tps"], np.random.default_rng(1)
    for count in (4, 9, 16, 25):
        rest = np.array(tps.identity(count))
        loc = rest + 0.3 * rng.standard_normal(len(rest))
        plan = planned(tps, loc, 2, 0)
        for k in range(count):
            pixel = rest[k] * (SIZES_OUT[0] - 1) / 2, rest[count + k] * (SIZES_OUT[1] - 1) / 2
            expected = (loc[k] + 1) * (SIZES_IN[0] - 1) / 2, (loc[count + k] + 1) * (SIZES_IN[1] - 1) / 2
            np.testing.assert_allclose(located(tps, plan, 2, 0, pixel), expected, atol=1e-11)


def test_dtypes():
    assert all(compute.itemsize >= max(4, stored.itemsize) for stored, compute in DTYPES.items())
