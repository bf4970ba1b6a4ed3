"""Each row of each table keeps the promises of its table, uncompiled."""

import itertools

import numpy as np
import pytest
from oracle import EXACT
from tables import TRANSFORMS_OF

from spatial_op.dtypes import DTYPES
from spatial_op.kernels.dual import Dual, slopes_of, value_of
from spatial_op.operators import formulas
from spatial_op.operators.coordinates import gradient
from spatial_op.operators.outside import axis_values
from spatial_op.paddings import PADDINGS
from spatial_op.samplers import SAMPLERS, Sampler
from spatial_op.transforms import TABLES
from spatial_op.transforms.row import Sizes


def taps_of(sampler, f):
    """Weights and their derivatives."""
    taps = sampler.taps(Dual(f, {0: 1.0}))
    return np.array([value_of(tap) for tap in taps]), np.array([slopes_of(tap).get(0, 0.0) for tap in taps])


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("x", [0.0, 0.1, 0.37, 0.5, 0.93])
def test_sampler(name, x):
    sampler = SAMPLERS[name]
    assert formulas.trouble_of_sampler(sampler.taps, sampler.cell, sampler.shift) is None
    f = x - sampler.cell(x, sampler.shift)
    assert f >= -sampler.shift
    weights, slopes = taps_of(sampler, f)
    np.testing.assert_array_equal(weights, sampler.taps(f))
    assert abs(weights.sum() - 1) < 1e-15 and abs(slopes.sum()) < 1e-14
    step = np.array(sampler.taps(f + 1e-30j))
    np.testing.assert_allclose(step.imag / 1e-30, slopes, rtol=1e-14, atol=1e-15)
    assert np.isnan(np.array(sampler.taps(np.nan))).all()
    if x == 0 and name in EXACT:  # on a pixel, that pixel alone
        assert [i for i, weight in enumerate(weights, sampler.first) if weight] == [0]


@pytest.mark.parametrize("name", PADDINGS)
@pytest.mark.parametrize("edge", [0, 1])
@pytest.mark.parametrize("n", [1, 2, 3, 8])
def test_padding(name, edge, n):
    padding, far = PADDINGS[name], 5 * n + 7
    positions = np.arange(-far, n + far)
    found = padding.index(positions, n, edge)
    assert found.shape == positions.shape and found.dtype.kind == "i"
    assert found.min() >= -1 and found.max() < n
    np.testing.assert_array_equal(found[far : far + n], np.arange(n))
    if padding.period is None:  # beyond the border, all looks alike
        assert len(set(found[:far])) == len(set(found[far + n :])) == 1
    else:
        period = padding.period(n, edge)
        assert period == int(period) >= 1
        np.testing.assert_array_equal(found[period:], found[:-period])


@pytest.mark.parametrize("name", PADDINGS)
@pytest.mark.parametrize("edge", [0, 1])
@pytest.mark.parametrize("n", [1, 2, 3, 8])
@pytest.mark.parametrize("reach", [1, 2, 4, 6])
def test_what_kernels_are_told_of_a_padding(name, edge, n, reach):
    """Coordinates anywhere, brought into the range, find the same pixels in the table, and never leave it."""
    padding = PADDINGS[name]
    first = -(reach - 1) // 2
    sampler = Sampler(0.0, first, lambda f: (f,) * reach)
    low, high, period, inverse, table, origin, _ = axis_values(padding, sampler, n, edge)
    for x in [*np.linspace(-40, 40, 161), *(np.arange(-12, 12) * 1e8), 1e30, -1e30]:
        close = x - np.floor((x - low) * inverse) * period if period else x
        close = min(max(close, low), high)
        spots = int(np.floor(close)) + first + np.arange(reach) + origin
        assert spots.min() >= 0 and spots.max() < len(table)
        if abs(x) < 2**40:  # the same pixels are found around it
            wide = int(np.floor(x)) + first + np.arange(reach)
            np.testing.assert_array_equal(table[spots], padding.index(wide, n, edge))


@pytest.mark.parametrize(("edge", "picture"), [(0, "dcb|abcd|cba"), (1, "cba|abcd|dcb")])
def test_reflection_is_drawn_right(edge, picture):
    drawn = "".join("abcd"[i] for i in PADDINGS["reflection"].index(np.arange(-3, 7), 4, edge))
    assert drawn == picture.replace("|", "")


SIZES_IN, SIZES_OUT = (9, 11, 7), (7, 5, 3)  # along x, y and z


def sizes(axes, edge):
    """What a transform is told of images of these sizes."""
    return Sizes(
        tuple(float(size - 1 + edge) for size in SIZES_IN[:axes]),
        tuple((size - 1) / 2 for size in SIZES_IN[:axes]),
        tuple(float(size - 1 + edge) for size in SIZES_OUT[:axes]),
        lambda shift, axis: shift * ((SIZES_IN[axis] - 1 + edge) / 2),
    )


def plan_of(transform, loc, axes, edge):
    """The plan of one sample's parameters, and what is left of these for each function or term that is added up."""
    values = loc
    if transform.solve is not None:
        values = transform.solve(loc[None] - transform.identity(len(loc) // 2))[0]
    plan = transform.fold(values[: transform.folded], sizes(axes, edge))
    assert len(plan) == transform.plan_size
    return plan, values[transform.folded :].reshape(-1, transform.term_size or 2)


def located(transform, loc, axes, edge, pixel):
    """Source pixel of a destination pixel, with the functions that the kernels add up."""
    plan, coefficients = plan_of(transform, loc, axes, edge)
    point, given = np.array(transform.locate(plan, *pixel)), sizes(axes, edge)
    if transform.basis is not None:
        x, y = (2 * place / steps for place, steps in zip(pixel, given.steps))
        for centre_x, centre_y, pair in zip(*transform.centres(len(loc) // 2), coefficients):
            point += transform.basis(x - centre_x, y - centre_y) * pair * given.span / 2
    if transform.term is not None:
        point += np.sum([transform.term(plan, own, *pixel) for own in coefficients], axis=0)
    return point


@pytest.mark.parametrize(("axes", "name"), TRANSFORMS_OF)
@pytest.mark.parametrize("edge", [0, 1])
def test_transform(axes, name, edge):
    transform = TABLES[axes][name]
    formulas.transform("test", name, transform, axes)
    rest = np.array(transform.identity(9), "float64")
    # The corners of the output are the corners of the input, in both rules, and the centre is the centre.
    for signs in itertools.product((-1, 0, 1), repeat=axes):
        given = [sign * (size - 1 + edge) / 2 for sign, size in zip(signs, SIZES_OUT)]
        expected = [(size - 1) / 2 + sign * (size - 1 + edge) / 2 for sign, size in zip(signs, SIZES_IN)]
        np.testing.assert_allclose(located(transform, rest, axes, edge, given), expected, atol=1e-13)


@pytest.mark.parametrize(("axes", "name"), TRANSFORMS_OF)
def test_transform_gradient(axes, name):
    """Central differences of the coordinates, parameter by parameter, against the derivatives that kernels find."""
    transform, rng = TABLES[axes][name], np.random.default_rng(0)
    pixel = (1.5, -0.5, 1.0)[:axes]
    rest = np.array(transform.identity(9), "float64")
    loc = rest + 0.2 * rng.standard_normal(len(rest))
    grads = rng.standard_normal(axes)

    def value(parameters):
        return np.dot(grads, located(transform, parameters, axes, 0, pixel))

    _, coefficients = plan_of(transform, loc, axes, 0)
    values = loc if transform.solve is None else transform.solve(loc[None] - rest)[0]
    count = len(values) - coefficients.size
    plan = transform.fold([Dual(number, {i: 1.0}) for i, number in enumerate(values[:count])], sizes(axes, 0))
    sums = np.zeros(len(values))
    points = [transform.locate(plan, *pixel)]
    if transform.term is not None:
        own = [Dual(number, {i: 1.0}) for i, number in enumerate(coefficients.ravel(), count)]
        points += [
            transform.term(plan, own[i : i + transform.term_size], *pixel)
            for i in range(0, len(own), transform.term_size)
        ]
    for x, grad in (pair for point in points for pair in zip(point, grads)):
        for i, slope in slopes_of(x).items():
            sums[i] += grad * slope
    if transform.basis is not None:
        x, y = (2 * place / steps for place, steps in zip(pixel, sizes(axes, 0).steps))
        bumps = [transform.basis(x - a, y - b) for a, b in zip(*transform.centres(len(loc) // 2))]
        sums[count:] = np.outer(bumps, grads * np.array(sizes(axes, 0).span) / 2).ravel()
    grad = gradient(transform, sums[None])[0]
    for i, step in enumerate(np.eye(len(rest)) * 1e-6):
        assert abs((value(loc + step) - value(loc - step)) / 2e-6 - grad[i]) < 1e-7


def test_spline_goes_through_its_control_points():
    tps, rng = TABLES[2]["tps"], np.random.default_rng(1)
    for count in (4, 9, 16, 25):
        rest = np.array(tps.identity(count))
        loc = rest + 0.3 * rng.standard_normal(len(rest))
        for k in range(count):
            pixel = rest[k] * (SIZES_OUT[0] - 1) / 2, rest[count + k] * (SIZES_OUT[1] - 1) / 2
            expected = (loc[k] + 1) * (SIZES_IN[0] - 1) / 2, (loc[count + k] + 1) * (SIZES_IN[1] - 1) / 2
            np.testing.assert_allclose(located(tps, loc, 2, 0, pixel), expected, atol=1e-11)


def test_dtypes():
    assert all(compute.itemsize >= max(4, stored.itemsize) for stored, compute in DTYPES.items())
