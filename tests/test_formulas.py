"""What a row's formulas may use works everywhere; anything else is refused in one sentence, compiled or not, before anything is computed."""

import math
import os

import numpy as np
import programs
import pytest

import spatial_op as so
from spatial_op.operators import formulas
from spatial_op.paddings import PADDINGS, Padding
from spatial_op.samplers import SAMPLERS, Sampler
from spatial_op.transforms import TRANSFORMS, pixel_matrix

DATA = np.random.default_rng(0).standard_normal((2, 3, 9, 8))
LOC = so.identity_loc("affine", 2, "float64") + 0.1 * np.random.default_rng(1).standard_normal((2, 6))


def asks(f):
    """Decides in Python."""
    if f > 0.5:
        return 1 - f, f
    return 1.0, 0.0


# Formulas, what they are refused for, and what the cure begins with.
WRONG_TAPS = {
    "tan": (lambda f: (1 - f, np.tan(f)), "taps calls np.tan", "use +"),
    "clip": (lambda f: (1 - f, np.clip(f, 0, 1)), "taps calls np.clip", "use +"),
    "square": (lambda f: (1 - f, np.square(f)), "taps calls np.square", "use +"),
    "reduce": (lambda f: (1 - f, np.add.reduce(f)), "taps calls np.add with more than values", "use +"),
    "keywords": (lambda f: (1 - f, np.sin(f, dtype="f4")), "taps calls np.sin with more than values", "use +"),
    "where": (lambda f: (1 - f, np.where(f > 0)[0]), "taps calls np.where with other than", "use +"),
    "if": (asks, "taps asks whether a value is true", "use +"),
    "max": (lambda f: (1 - f, max(f, 0)), "taps asks whether a value is true", "use +"),
    "chain": (lambda f: (1 - f, np.where(0 < f < 1, f, 0)), "taps asks whether a value is true", "use +"),
    "math": (lambda f: (1 - f, math.sin(f)), "taps makes a Python number of a value", "use +"),
    "float": (lambda f: (1 - f, float(f)), "taps makes a Python number of a value", "use +"),
    "round": (lambda f: (1 - f, round(f)), "taps makes a Python number of a value", "use +"),
    "root": (lambda f: (1 - f, f**0.5), "taps raises to a power that is no whole number", "use +"),
    "power of a value": (lambda f: (1 - f, 2.0**f), "taps raises to a power that is no whole number", "use +"),
    "np.power": (lambda f: (1 - f, np.power(f, 1.5)), "taps raises to a power that is no whole number", "use +"),
    "power NaN": (lambda f: (1 - f, f**math.nan), "taps raises to a power that is no whole number", "use +"),
    "remainder": (lambda f: (1 - f, f % 1), "taps uses %", "use +"),
    "floor division": (lambda f: (1 - f, f // 1), "taps uses //", "use +"),
    "method": (lambda f: (1 - f, f.astype("f4")), "taps asks a value for its astype", "use +"),
    "index": (lambda f: (1 - f, f[0]), "taps takes a value for several ones", "use +"),
    "array": (lambda f: (1 - f, np.array([1.0, 2.0]) * f), "taps computes with a numpy.ndarray", "use +"),
    "text": (lambda f: (1 - f, f * "2"), "taps computes with a builtins.str", "use +"),
    "complex": (lambda f: (1 - f, f * 1j), "taps computes with a builtins.complex", "use +"),
    "truth": (lambda f: (1 - f, (f > 0) * f), "taps computes with the result of a comparison", "use +"),
    "no truth": (lambda f: (1 - f, np.where(f, f, 0)), "taps takes a number for the result of a comparison", "use +"),
    "joined numbers": (lambda f: (1 - f, np.where(f & (f > 0), f, 0)), "taps takes a number for", "use +"),
    "broken": (lambda f: (1 - f, 1 / 0), "taps fails with ZeroDivisionError: division by zero", "it is called with"),
    "two arguments": (lambda f, g: (f, g), "taps fails with TypeError", "it is called with the distance"),
    "nothing": (lambda f: None, "taps returns a builtins.NoneType", "return a tuple of one or more numbers"),
    "number": (lambda f: f, "taps returns a ", "return a tuple of one or more numbers"),
    "empty": (lambda f: (), "taps returns a tuple of length 0", "return a tuple of one or more numbers"),
    "texts": (lambda f: ("1", "2"), "taps returns a builtins.str", "return a tuple of one or more numbers"),
    "truths": (lambda f: (1 - f, f > 0), "taps returns the result of a comparison", "return a tuple of"),
}  # fmt: skip
WRONG_LOCATES = {
    "tan": (lambda plan, u, v: (np.tan(u), v), "locate calls np.tan", "use +"),
    "tan of the plan": (lambda plan, u, v: (u, v + np.tan(plan[2])), "locate calls np.tan", "use +"),
    "one": (lambda plan, u, v: (u,), "locate returns a tuple of length 1", "return a tuple of 2 numbers"),
    "three": (lambda plan, u, v: (u, v, u), "locate returns a tuple of length 3", "return a tuple of 2 numbers"),
    "plan": (lambda plan, u, v: (u + plan[6], v), "locate fails with IndexError", "it is called with a plan of 6 numbers"),
    "slices": (lambda plan, u, v, s: (u, v), "locate fails with TypeError", "it is called with a plan of 6 numbers"),
}  # fmt: skip
WRONG_BASES = {
    "tan": (lambda dx, dy: np.tan(dx), "basis calls np.tan", "use +"),
    "two": (lambda dx, dy: (dx, dy), "basis returns a builtins.tuple", "return a number"),
}
WRONG_CELLS = {
    "ceil": (lambda x, shift: np.ceil(x), "cell calls np.ceil", "use +"),
    "two": (lambda x, shift: (x, x), "cell returns a builtins.tuple", "return a number"),
}


def calls(**names):
    """Forward, backward and forward mode of every operator that has these arguments."""
    params = {**names, "target_shape": (5, 4)}
    loc = so.identity_loc("tps", 2, "float64") if names.get("transform_type") == "wrong tps" else LOC
    yield "SpatialTransformer", lambda: so.SpatialTransformer(DATA, loc, **params)
    yield "SpatialTransformer", lambda: so.vjp(so.SpatialTransformer, DATA, loc, **params)
    yield "SpatialTransformer", lambda: so.jvp(so.SpatialTransformer, (DATA, loc), (DATA, loc), **params)
    if "transform_type" in names:
        yield "GridGenerator", lambda: so.GridGenerator(loc, **params)
        yield "GridGenerator", lambda: so.vjp(so.GridGenerator, loc, **params)
        yield "GridGenerator", lambda: so.jvp(so.GridGenerator, (loc,), (loc,), **params)
    else:
        grid = np.zeros((2, 2, 5, 4))
        yield "GridSampler", lambda: so.GridSampler(DATA, grid, **names)
        yield "GridSampler", lambda: so.vjp(so.GridSampler, DATA, grid, **names)
        yield "GridSampler", lambda: so.jvp(so.GridSampler, (DATA, grid), (DATA, grid), **names)


def hold_to_the_sentence(wrong, cure, **names):
    """Every call is refused in one sentence; where a result is to be written, nothing is."""
    ((argument, name),) = names.items()
    for op, call in calls(**names):
        with pytest.raises(TypeError) as caught:
            call()
        sentence = str(caught.value)
        assert sentence.startswith(f"{op}: {argument} is {name!r}, whose {wrong}") and f"; {cure}" in sentence
        assert sentence.endswith(".") and "\n" not in sentence
        if cure == "use +":
            assert all(
                word in sentence for word in ("np.where", "** with whole exponents", "np.sin", "np.abs", "np.fmax")
            )
        assert caught.value.__cause__ is None
    out = np.full((2, 3, 5, 4), 7.0)
    with pytest.raises(TypeError):
        so.SpatialTransformer(DATA, LOC, (5, 4), out=out, **names)
    assert (out == 7).all()


@pytest.fixture
def tables(monkeypatch):
    """Tables that forget what a test adds."""
    return lambda table, name, row: monkeypatch.setitem(table, name, row)


@pytest.mark.parametrize("name", WRONG_TAPS)
def test_wrong_taps(name, tables):
    taps, wrong, cure = WRONG_TAPS[name]
    tables(SAMPLERS, "wrong", Sampler(0.0, 0, taps))
    hold_to_the_sentence(wrong, cure, sampler_type="wrong")


@pytest.mark.parametrize("name", WRONG_CELLS)
def test_wrong_cells(name, tables):
    cell, wrong, cure = WRONG_CELLS[name]
    tables(SAMPLERS, "wrong", SAMPLERS["nearest"]._replace(cell=cell))
    hold_to_the_sentence(wrong, cure, sampler_type="wrong")


@pytest.mark.parametrize("name", WRONG_LOCATES)
def test_wrong_locates(name, tables):
    locate, wrong, cure = WRONG_LOCATES[name]
    tables(TRANSFORMS, "wrong", TRANSFORMS["affine"]._replace(locate=locate))
    hold_to_the_sentence(wrong, cure, transform_type="wrong")


@pytest.mark.parametrize("name", WRONG_BASES)
def test_wrong_bases(name, tables):
    basis, wrong, cure = WRONG_BASES[name]
    tables(TRANSFORMS, "wrong tps", TRANSFORMS["tps"]._replace(basis=basis))
    hold_to_the_sentence(wrong, cure, transform_type="wrong tps")


WRONG_TERMS = {
    "np.tan": (lambda plan, point, u, v: (np.tan(u), v), "term calls np.tan", "use +, -, *, /"),
    "one number": (lambda plan, point, u, v: point[5], "term returns", "return a tuple of 2 numbers"),
    "seven numbers of a point": (
        lambda plan, point, u, v: point[6:8],
        "term returns a tuple of length 0",
        "return a tuple of 2",
    ),
}


@pytest.mark.parametrize("name", WRONG_TERMS)
def test_wrong_terms(name, tables):
    term, wrong, cure = WRONG_TERMS[name]
    tables(TRANSFORMS, "wrong tps", TRANSFORMS["tps_points"]._replace(term=term))
    hold_to_the_sentence(wrong, cure, transform_type="wrong tps")


WRONG_FOLDS = {
    "too few": (lambda loc, sizes: tuple(loc[:5]), "fold returns a tuple of length 5", "return a tuple of 6 numbers"),
    "a number": (lambda loc, sizes: loc[0], "fold returns", "return a tuple of 6 numbers"),
    "np.tan": (lambda loc, sizes: (np.tan(loc[0]), *loc[1:]), "fold calls np.tan", "use +, -, *, /"),
}


@pytest.mark.parametrize("name", WRONG_FOLDS)
def test_wrong_folds(name, tables):
    fold, wrong, cure = WRONG_FOLDS[name]
    tables(TRANSFORMS, "wrong", TRANSFORMS["affine"]._replace(fold=fold))
    hold_to_the_sentence(wrong, cure, transform_type="wrong")


WRONG_SOLVES = {
    "too few": lambda moved: moved[:, :5],
    "one sample": lambda moved: moved[0],
    "too many": lambda moved: np.hstack([moved, moved]),
}


@pytest.mark.parametrize("name", WRONG_SOLVES)
def test_a_wrong_number_of_results_of_a_batch(name, tables):
    """Kernels read as many numbers as the row has announced."""
    tables(TRANSFORMS, "wrong", TRANSFORMS["affine"]._replace(solve=WRONG_SOLVES[name], pull_solve=lambda grad: grad))
    params = {"transform_type": "wrong", "target_shape": (5, 4)}
    sentence = (
        r"transform_type is 'wrong', whose solve returns an array of shape \(.*\), expected \(\d, 6\); return one row"
    )
    for call in (
        lambda: so.vjp(so.SpatialTransformer, DATA, LOC, **params),
        lambda: so.vjp(so.GridGenerator, LOC, **params),
        lambda: so.jvp(so.SpatialTransformer, (DATA, LOC), (DATA, LOC), **params),
        lambda: so.jvp(so.GridGenerator, (LOC,), (LOC,), **params),
    ):
        with pytest.raises(TypeError, match=sentence):
            call()


WRONG_INDICES = {
    "beyond": lambda positions, n, edge: positions,
    "below": lambda positions, n, edge: np.full(len(positions), -2),
    "fractions": lambda positions, n, edge: np.zeros(len(positions)),
    "one": lambda positions, n, edge: np.int64(0),
    "too few": lambda positions, n, edge: np.clip(positions, 0, n - 1)[1:],
}


@pytest.mark.parametrize("name", WRONG_INDICES)
def test_a_padding_that_names_no_pixel(name, tables):
    """A kernel would read what does not belong to the image."""
    tables(PADDINGS, "wrong", Padding(WRONG_INDICES[name]))
    with pytest.raises(
        ValueError, match=r"padding_mode is 'wrong', whose index answers .*; return a whole number for each position"
    ) as caught:
        so.SpatialTransformer(DATA, LOC, (5, 4), padding_mode="wrong")
    assert "\n" not in str(caught.value)


def rich_taps(f):
    """Bilinear, said with all that rows may use, on either side of all signs."""
    g = np.float64(1) - f
    near = np.where((f >= 0) & (f < 0.25) | ~(f < 0.5), f, f ** np.int64(1))
    far = np.where((f < 0.5) | (f == 2) | (0.75 <= f), g, np.fmin(g, np.float32(4)))
    one = np.sin(f) ** 2 + np.cos(f) ** 2 + (np.floor(f * 0.5) + np.rint(f * 0.25)) + 0 * (+f)
    same = np.exp(np.log(np.sqrt((2 + f) ** 2))) * (2 + f) ** -1 * f**0
    return far * one, np.abs(-near) * same + np.maximum(f, 0) - np.fmax(0.0, np.minimum(f, np.float64(3))) - (
        -f + abs(f)
    )


def rich_locate(plan, u, v):
    """Affine, likewise."""
    x = np.where((u > -1e6) & (v != 1e9), u * plan[0] + (v * plan[1] + plan[2]), 0)
    y = v * plan[4] + (plan[3] * u - (-plan[5])) * (np.float64(2) + u * 0) / 2.0
    return x, np.fmax(y, -1e9) + np.float32(0) * plan[0] ** 2


def rows_that_use_all():
    """Warps by these rows, and by those of the tables that mean the same, forward and backward."""
    SAMPLERS["rich"], TRANSFORMS["rich"] = Sampler(0.0, 0, rich_taps), TRANSFORMS["affine"]._replace(locate=rich_locate)
    SAMPLERS["whole"] = Sampler(0.0, 0, lambda f: (1, np.float32(0), 0.0))
    SAMPLERS["first"] = Sampler(0.0, 0, lambda f: (1 + 0 * f,))
    try:
        for dtype, tolerance in (("float64", 1e-13), ("float32", 2e-5)):
            data, loc = DATA.astype(dtype), LOC.astype(dtype)
            for rows in ((("rich", "rich"), ("affine", "bilinear")), (("affine", "whole"), ("affine", "first"))):
                found = []
                for transform_type, sampler_type in rows:
                    params = {"target_shape": (7, 6), "transform_type": transform_type, "sampler_type": sampler_type}
                    out, pullback = so.vjp(so.SpatialTransformer, data, loc, **params)
                    change = so.jvp(so.SpatialTransformer, (data, loc), (data, loc), **params)[1]
                    again = so.SpatialTransformer(data, loc, **params)
                    grid = so.GridGenerator(loc, transform_type, (7, 6))
                    found.append(
                        (
                            out,
                            again,
                            *pullback(np.cos(np.arange(out.size, dtype=dtype)).reshape(out.shape)),
                            change,
                            grid,
                        )
                    )
                for one, other in zip(*found):
                    scale = 1 + np.abs(other).max()
                    np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * scale)
    finally:
        for table, name in ((SAMPLERS, "rich"), (TRANSFORMS, "rich"), (SAMPLERS, "whole"), (SAMPLERS, "first")):
            del table[name]


def test_rows_that_use_all_that_they_may():
    rows_that_use_all()


def third(x, shift):
    """The first pixel of a cell of three."""
    return 3 * np.floor(x / 3 + 2.0**-40)


# Cells of three pixels: two of the four taps count, as of bilinear sampling; or the cell's first and last one.
HATS = Sampler(0.0, 0, lambda f: tuple(np.maximum(0.0, 1 - abs(f - k)) for k in range(4)), third)
COARSE = Sampler(0.0, 0, lambda f: (1 - f / 3, 0.0, 0.0, f / 3), third)


@pytest.mark.parametrize("channels", [1, 3, 17])
@pytest.mark.parametrize("padding_mode", [name for name, row in PADDINGS.items() if not row.period or row.mirror])
def test_cells_of_several_pixels(channels, padding_mode, tables):
    """What is read is where the row says that the cell is, however much lower than the coordinate.

    Of an image that is repeated such cells would have to fit its size.
    """
    tables(SAMPLERS, "hats", HATS)
    tables(SAMPLERS, "coarse", COARSE)
    rng = np.random.default_rng(2)
    data = rng.standard_normal((2, channels, 31, 29))
    for zoom in (0.3, 1.0, 1.7):
        loc, params = zoom * LOC, {"padding_mode": padding_mode}
        grid = so.GridGenerator(loc, "affine", (70, 67))
        shaped = {**params, "target_shape": (70, 67)}
        hats, bilinear = (
            so.SpatialTransformer(data, loc, sampler_type=name, **shaped) for name in ("hats", "bilinear")
        )
        np.testing.assert_allclose(hats, bilinear, atol=1e-11)
        expected = coarsely(data, grid, padding_mode)
        for out in (
            so.SpatialTransformer(data, loc, sampler_type="coarse", **shaped),
            so.GridSampler(data, grid, "coarse", **params),
        ):
            np.testing.assert_allclose(out, expected, atol=1e-10)


def coarsely(data, grid, padding_mode):
    """``COARSE`` in plain NumPy, axis by axis."""
    weights, sizes = [], data.shape[2:]
    for axis, n in ((1, sizes[0]), (0, sizes[1])):
        x = (grid[:, axis] + 1) * (n - 1) / 2
        cell = third(x, 0.0)
        found = np.zeros((*x.shape, n))
        for tap, weight in ((cell, 1 - (x - cell) / 3), (cell + 3, (x - cell) / 3)):
            index = PADDINGS[padding_mode].index(tap.astype(int), n, 0)
            found += np.where(index[..., None] == np.arange(n), weight[..., None], 0)
        weights.append(found)
    return np.einsum("nchw,nijh,nijw->ncij", data, *weights, optimize=True)


UNCOMPILED = """
import test_formulas as t

class Tables:
    def __call__(self, table, name, row):
        table[name] = row

t.rows_that_use_all()
for test in (t.test_wrong_taps, t.test_wrong_locates, t.test_wrong_cells, t.test_wrong_bases):
    for name in getattr(t, test.__name__.replace("test_", "").upper()):
        test(name, Tables())
print("held")
"""


def test_the_same_without_a_compiler():
    """NumPy itself knows ``np.tan``; a row must not work only there."""
    where = os.pathsep.join([str(programs.ROOT), str(programs.ROOT / "tests")])
    assert programs.run(UNCOMPILED, None, size=3, NUMBA_DISABLE_JIT="1", PYTHONPATH=where) == "held\n"


def test_the_row_of_parts_of_large_images_is_held_to_the_same():
    for affine in (False, True):
        assert formulas.trouble_of_transform(pixel_matrix.row(2, affine), 2) is None
