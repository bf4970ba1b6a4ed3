"""Products, sums and changes of order on small matrices, on both machines, beside NumPy."""

import functools

import numpy as np
import pytest
from machines import same

from spatial_op.kernels import blocks, kernel, matrix
from spatial_op.kernels.trace import LANES

pytestmark = pytest.mark.skipif(not kernel.COMPILED, reason="without the compiler there is one machine only")

either_kind = pytest.mark.parametrize("kind", ["f4", "f8"])
RNG = np.random.default_rng(0)


@either_kind
@pytest.mark.parametrize(("rows", "width"), [(8, 32), (8, 16), (4, 8), (2, 2), (1, 1)])
@pytest.mark.parametrize("depth", [0, 1, 7])
@pytest.mark.parametrize("add", [False, True, "traced"])
def test_product(kind, rows, width, depth, add):
    """Rows, and elements of a row, at any distance; the result starts from what is there, or from nothing."""
    row, step, line = (11, 1, width + 2) if add else (1, 9, width)
    a, b, c = (RNG.standard_normal(size).astype(kind) for size in (100, 10 * width, rows * line))

    def text(m):
        for i in m.range(0, m.size):
            m.out[i] = m.c[i]
        chosen = m.depth >= 0 if add == "traced" else add
        matrix.multiply(m, matrix.Shape(rows, width), m.a, row, step, m.b, m.depth, m.out, line, chosen)

    eps = 20 * np.finfo(kind).eps
    found = same(text, c.size, kind, eps, a=a, b=b, c=c, depth=depth, size=c.size)
    left = np.array([[a[i * row + k * step] for k in range(depth)] for i in range(rows)]).reshape(rows, depth)
    expected = c.reshape(rows, line).copy()
    expected[:, :width] = expected[:, :width] * bool(add) + left @ b.reshape(10, width)[:depth]
    np.testing.assert_allclose(found.reshape(rows, line), expected, rtol=eps, atol=eps)


@pytest.mark.parametrize("itemsize", [4, 8])
@pytest.mark.parametrize("name", [*matrix.REGISTERS, "none of them"])
def test_products_fit_the_registers(name, itemsize, monkeypatch):
    """Sums, a row of the other matrix and one element."""
    size, count = matrix.REGISTERS.get(name, matrix.FEWEST)
    monkeypatch.setattr(matrix, "registers", lambda: (size, count))
    for width in (1, 2, 4, 8, LANES, matrix.widest(itemsize)):
        shape = matrix.shape_of(width, itemsize)
        row = max(1, width * itemsize // size)
        assert shape.rows * row + row + 1 <= count or shape.rows == 1
        assert LANES % shape.rows == 0 and sum(lanes for _, lanes in shape.pieces) == width


@either_kind
@pytest.mark.parametrize("lanes", [1, 2, 4, 8, LANES])
def test_totals(kind, lanes):
    a = RNG.standard_normal(4 * lanes).astype(kind)

    def text(m):
        m.out.put(0, matrix.totals(m, [m.a.vector(i * lanes, lanes) for i in range(4)]))

    found = same(text, 4, kind, 30 * np.finfo(kind).eps, a=a)
    np.testing.assert_allclose(found, a.reshape(4, lanes).sum(axis=1), rtol=0, atol=30 * np.finfo(kind).eps)


SIZES = [
    (1, 1, 1),
    (1, 1, 40),
    (2, 2, 17),
    (2, 1, 16),
    (4, 3, 33),
    (8, 8, 15),
    (16, 16, 32),
    (16, 5, 50),
    (32, 32, 16),
    (32, 20, 18),
]


@either_kind
@pytest.mark.parametrize(("width", "present", "count"), SIZES)
def test_lines_to_places_and_back(kind, width, present, count):
    """The lines end with the last number that may be read, and what lies between them is not written to."""
    apart = count + 3
    lines = RNG.standard_normal(apart * (present - 1) + count).astype(kind)
    old = RNG.standard_normal(lines.size).astype(kind)

    def there(m):
        def put(i, first, vector):
            m.out.put(i * width + first, vector)

        blocks.interleave(m, m.lines, apart, m.present, m.count, width, put)

    expected = np.zeros((count, width), kind)
    for c in range(present):
        expected[:, c] = lines[c * apart :][:count]
    sizes = {"present": present, "count": count}
    found = same(there, count * width, kind, lines=lines, **sizes)
    np.testing.assert_array_equal(found.reshape(count, width), expected)

    def back(m, add):
        for i in m.range(0, m.size):
            m.out[i] = m.old[i]
        lanes = min(width, LANES)
        blocks.separate(
            m, lambda i, first: m.places.vector(i * width + first, lanes), m.count, width, m.out, apart, m.present, add
        )

    for add in (False, True):
        values = {**sizes, "places": found, "old": old, "size": old.size}
        again = same(functools.partial(back, add=add), old.size, kind, **values)
        expected = old.copy()
        for c in range(present):
            part = slice(c * apart, c * apart + count)
            expected[part] = lines[part] + (old[part] if add else 0)
        np.testing.assert_array_equal(again, expected)
