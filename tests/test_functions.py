"""Logarithm, exponential function, sine and cosine in kernels: two units in the last place, and every special argument."""

import numpy as np
import pytest

from spatial_op.kernels import functions, trace
from spatial_op.kernels.eager import Machine
from spatial_op.kernels.kernel import Kernel
from spatial_op.kernels.trace import LANES

FUNCTIONS = (np.log, np.exp, np.sin, np.cos)
KINDS = ("f4", "f8")


def special(kind):
    """Infinities, no number, zeros, subnormal and extreme numbers, and where results leave the range."""
    limits = np.finfo(kind)
    return [
        np.nan, np.inf, -np.inf, 0.0, -0.0, limits.smallest_subnormal, -limits.smallest_subnormal, 5 * limits.smallest_subnormal,
        limits.tiny, -limits.tiny, limits.max, limits.min, -1.0, 1.0, 88.72, 88.73, -87.3, -103.9, -104.1, 709.78, 709.79, -708.4,
        -745.1, -745.2, np.pi, np.pi / 2, -np.pi / 4, 2.0**20, 2.0**20 + 1, 1e22,
    ]  # fmt: skip


def arguments(kind):
    """Special and random ones of every size."""
    rng = np.random.default_rng(0)
    reach = np.finfo(kind)
    sizes = 2.0 ** rng.uniform(np.log2(float(reach.smallest_subnormal)), np.log2(float(reach.max)), 20000)
    usual = [rng.uniform(-20, 20, 20000), rng.uniform(-750, 750, 20000), rng.uniform(0.5, 2, 20000)]
    # Close to multiples of pi / 2, where sines and cosines lose digits.
    close = np.round(rng.uniform(-(2.0**20), 2.0**20, 20000)) * (np.pi / 2)
    with np.errstate(over="ignore", under="ignore"):
        found = np.concatenate([special(kind), *usual, sizes, -sizes, close]).astype(kind)
    return np.ascontiguousarray(found[: len(found) // LANES * LANES])


def computed(function, given, lanes=LANES):
    """By a kernel; without lanes, number by number."""
    kind, out = given.dtype.str[1:], np.empty_like(given)

    def text(m):
        for i in m.range(0, m.count, lanes or 1):
            if lanes:
                m.out.put(i, function(m.given.vector(i, lanes)))
            else:
                m.out[i] = function(m.given[i])

    Kernel(function.__name__, text, {"count": "int", "given": kind, "out": kind})(
        1, {"count": len(given), "given": given, "out": out}
    )
    return out


def hold(found, function, given, units=2):
    """So many units in the last place of a wider type's result; what is infinite or no number is so."""
    wide = np.float64 if given.dtype == "f4" else np.longdouble
    with np.errstate(all="ignore"):
        exact = function(given.astype(wide))
        expected = exact.astype(given.dtype)
        np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
        finite = np.isfinite(expected)
        np.testing.assert_array_equal(found[~finite], expected[~finite])
        error = np.abs(found[finite].astype(wide) - exact[finite]) / np.spacing(np.abs(expected[finite]))
    assert error.max() <= units, given[finite][error.argmax()]
    np.testing.assert_array_equal(np.signbit(found[expected == 0]), np.signbit(expected[expected == 0]))


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_compiled(function, kind):
    given = arguments(kind)
    hold(computed(function, given), function, given)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("lanes", [None, 2, 8])
def test_a_result_does_not_depend_on_its_neighbours(function, lanes):
    """Nor on how many lanes there are: special arguments among the others change nothing."""
    given = arguments("f8")[:8192]
    mixed = np.random.default_rng(1).permutation(given)
    order = np.argsort(mixed)
    np.testing.assert_array_equal(computed(function, mixed)[order], computed(function, mixed[order], lanes))


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_texts_themselves(function, kind):
    """Run with NumPy, as without a compiler; what is left to NumPy's own functions is right to within four units."""
    text, given = getattr(functions, function.__name__), arguments(kind)
    with np.errstate(all="ignore"):
        hold(text(Machine(0, 1, {}, []), given), function, given, units=4)
        number = text(Machine(0, 1, {}, []), abs(given[40]))
    hold(np.array([number], kind), function, abs(given[40:41]), units=4)


def test_constants_keep_the_sign_of_zero():
    """Each constant is made once; 0 and -0 are equal, and not the same."""
    for kind in (trace.DOUBLE, trace.vector_of(trace.FLOAT, 4)):
        plus, minus = (trace.constant(kind, number).get_reference() for number in (0.0, -0.0))
        assert plus != minus and trace.constant(kind, 0.0).get_reference() == plus
