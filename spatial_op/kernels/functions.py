"""Logarithm, exponential function, sine and cosine of vectors, to within two units in the last place of float64.

Processors have no instructions for them. LLVM calls the mathematical library instead, lane by lane, which takes several times
as long as the polynomials here. These, and how arguments are reduced first, are those of FreeBSD's msun: e_log.c, e_exp.c,
e_rem_pio2.c, k_sin.c and k_cos.c. float32 is computed in float64. What is left to the library is so lane by lane, so that no
result depends on its neighbours.
"""

import numpy as np


def of_vectors(usual):
    """A decorator: the function of numbers of either kind. Lanes that are not usual are left to the library."""

    def decorate(function):
        def text(m, given):
            x = m.to(given, "f8")
            fine, found = usual(x), m.variable(x)
            for _ in m.when(m.all(fine)):
                found.value = function(m, x)
            for _ in m.when(~m.all(fine)):
                found.value = np.where(fine, function(m, np.where(fine, x, 1.0)), m.call(function.__name__, x))
            return m.to(found.value, m.kind_of(given))

        text.__name__, text.__doc__ = function.__name__, function.__doc__
        return text

    return decorate


def polynomial(x, coefficients):
    """The sum of coefficients, lowest first, times powers of ``x``."""
    total = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        total = total * x + coefficient
    return total


# ln 2 in two parts; a product of the first one and an exponent is exact.
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
FRACTION, BIAS = 52, 1023  # bits of float64's fraction; what is added to its exponent

ROOT_HALF = 0x3FE6A09E667F3BCD  # the bits of the root of 1/2
LEAST_NORMAL = 2.0**-1022
LOG = (
    6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01, 2.222219843214978396e-01,
    1.818357216161805012e-01, 1.531383769920937332e-01, 1.479819860511658591e-01,
)  # fmt: skip


@of_vectors(lambda x: (x >= LEAST_NORMAL) & (x < np.inf))
def log(m, x):
    """The natural logarithm.

    That of a mantissa between the roots of 1/2 and 2 is f - f^2/2 + s (f^2/2 + z R(z)), where f is the mantissa less 1,
    s = f / (2 + f) and z = s^2.
    """
    bits = m.bits(x)
    exponent = (bits - ROOT_HALF) >> FRACTION
    f = m.number(bits - (exponent << FRACTION)) - 1.0
    exponent = m.to(m.to(exponent, "i4"), "f8")
    s = f / (f + 2.0)
    z = s * s
    half = f * 0.5 * f
    rest = s * (polynomial(z, LOG) * z + half) + exponent * LN2_LOW
    return exponent * LN2_HIGH + (f - (half - rest))


INVERSE_LN2 = 1.44269504088896338700e00
EXP = (
    1.66666666666666019037e-01, -2.77777777770155933842e-03, 6.61375632143793436117e-05, -1.65339022054652515390e-06,
    4.13813679705723846039e-08,
)  # fmt: skip


@of_vectors(lambda x: abs(x) < 708.0)  # beyond, results are infinite, zero or subnormal
def exp(m, x):
    """The exponential function: 2^k times that of a rest r of at most ln 2 / 2, which is 1 + r + r c / (2 - c)."""
    k = np.rint(x * INVERSE_LN2)
    high, low = x - k * LN2_HIGH, k * LN2_LOW
    r = high - low
    c = r - r * r * polynomial(r * r, EXP)
    found = 1.0 - ((low - r * c / (2.0 - c)) - high)
    return found * m.number((m.to(m.to(k, "i4"), "i8") + BIAS) << FRACTION)


TWO_BY_PI = 6.36619772367581382433e-01
# pi / 2 in parts; products with whole numbers up to LARGE are exact but for the last one's.
HALF_PI = 1.57079632673412561417e00, 6.07710050630396597660e-11, 2.02226624871116645580e-21, 8.47842766036889956997e-32
LARGE = 2.0**20
SIN = (
    8.33333333332248946124e-03, -1.98412698298579493134e-04, 2.75573137070700676789e-06, -2.50507602534068634195e-08,
    1.58969099521155010221e-10,
)  # fmt: skip
FIRST_SIN = -1.66666666666666324348e-01
COS = (
    4.16666666666666019037e-02, -1.38888888888741095749e-03, 2.48015872894767294178e-05, -2.75573143513906633035e-07,
    2.08757232129817482790e-09, -1.13596475577881948265e-11,
)  # fmt: skip


def reduced(m, x):
    """The nearest multiple of pi / 2, as a whole number, and what is left, in two parts."""
    k = np.rint(x * TWO_BY_PI)
    rest, *parts, last = x - k * HALF_PI[0], *HALF_PI[1:]
    lost = 0.0
    for part in parts:
        before, product = rest, k * part
        rest = before - product
        lost = lost + ((before - rest) - product)
    lost = lost - k * last
    high = rest + lost
    return m.to(k, "i4"), high, (rest - high) + lost


def sine(r, low):
    """Of up to pi / 4, in two parts."""
    z = r * r
    cube = z * r
    return r - ((z * (low * 0.5 - cube * polynomial(z, SIN)) - low) - cube * FIRST_SIN)


def cosine(r, low):
    """The same of the cosine."""
    z = r * r
    half = z * 0.5
    first = 1.0 - half
    return first + (((1.0 - first) - half) + (z * z * polynomial(z, COS) - r * low))


def periodic(m, x, turns):
    """The sine of ``x`` plus so many quarters of a turn."""
    k, r, low = reduced(m, x)
    quarter = k + turns
    found = np.where((quarter & 1) == 0, sine(r, low), cosine(r, low))
    return np.where((quarter & 2) == 0, found, -found)


@of_vectors(lambda x: abs(x) <= LARGE)
def sin(m, x):
    """The sine; zeros keep their sign."""
    return np.where(x == 0, x, periodic(m, x, 0))


@of_vectors(lambda x: abs(x) <= LARGE)
def cos(m, x):
    """The cosine."""
    return periodic(m, x, 1)
