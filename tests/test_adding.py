"""The rows that ``docs/adding.md`` shows, made from its own code, against plain NumPy."""

import os
import pathlib
import re
import sys
import types

import numpy as np
import pytest
import test_process
import test_rows
from programs import package

import spatial_op as so
from spatial_op.kernels import machine_code
from spatial_op.kernels.trace import Machine
from spatial_op.paddings import PADDINGS
from spatial_op.samplers import SAMPLERS
from spatial_op.transforms import TRANSFORMS

PAGE = (test_process.ROOT / "docs" / "adding.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
TABLES = (TRANSFORMS, SAMPLERS, PADDINGS)
NEW_TRANSFORMS = ("rotation", "barrel")
COMBINATIONS = [
    ("rotation", "bilinear", "zeros"), ("barrel", "cosine", "mirror"), ("rotation", "lanczos2", "mirror"),
]  # fmt: skip
STEP = 1e-40

either_corner_rule = pytest.mark.parametrize("align_corners", [True, False])


@pytest.fixture(scope="module", autouse=True)
def rows_of_the_page():
    """Run the page as a module, and leave the tables as they were."""
    before = [dict(table) for table in TABLES]
    module = sys.modules["adding"] = types.ModuleType("adding")
    try:
        for block in BLOCKS:
            exec(compile(block, "docs/adding.md", "exec"), vars(module))
        yield
    finally:
        del sys.modules["adding"]
        for table, rows in zip(TABLES, before):
            table.clear()
            table.update(rows)


def lattice(size, align_corners):
    """Normalised coordinates of the pixels of one axis."""
    if size == 1:
        return np.zeros(1)
    return np.linspace(-1, 1, size) if align_corners else (2 * np.arange(size) + 1) / size - 1


def warped(transform_type, loc, target_shape, align_corners):
    """Normalised source coordinates x and y, each (N, pixels)."""
    y, x = (c.ravel() for c in np.meshgrid(*(lattice(n, align_corners) for n in target_shape), indexing="ij"))
    if transform_type == "rotation":
        angle, scale = loc.T[..., None]
        return scale * (np.cos(angle) * x - np.sin(angle) * y), scale * (np.sin(angle) * x + np.cos(angle) * y)
    stretch = 1 + loc * (x**2 + y**2)
    return stretch * x, stretch * y


def hat(t):
    """Bilinear; ``t`` may be complex."""
    return np.where(np.abs(t.real) < 1, 1 - t * np.sign(t.real), 0)


def bump(t):
    """One period of a cosine, from trough to trough."""
    return np.where(np.abs(t.real) < 1, np.cos(np.pi / 2 * t) ** 2, 0)


def windowed_sine(t):
    """Lanczos' kernel of four pixels, before its weights are divided by their sum."""
    return np.where(np.abs(t.real) < 2, np.sinc(t) * np.sinc(t / 2), 0)


def weights(coordinate, size, align_corners, sampler_type, padding_mode):
    """What each of ``size`` pixels of one axis gives to each sample; mirror images are laid out on both sides."""
    x = (coordinate + 1) * (size - 1) / 2 if align_corners else ((coordinate + 1) * size - 1) / 2
    beside = 6 * size if padding_mode == "mirror" else 0
    kernel = {"bilinear": hat, "cosine": bump, "lanczos2": windowed_sine}[sampler_type]
    found = kernel(x[..., None] - np.arange(-beside, size + beside))
    if sampler_type == "lanczos2":
        found = found / found.sum(axis=-1, keepdims=True)
    return found @ np.eye(size)[np.pad(np.arange(size), beside, mode="reflect")]


def both_weights(loc, shape, target_shape, rows, align_corners):
    """Weights along y and along x."""
    x, y = warped(rows[0], loc, target_shape, align_corners)
    return weights(y, shape[2], align_corners, *rows[1:]), weights(x, shape[3], align_corners, *rows[1:])


def plain(data, loc, target_shape, rows, align_corners):
    """The operator in NumPy."""
    found = both_weights(loc, data.shape, target_shape, rows, align_corners)
    return np.einsum("nchw,nph,npw->ncp", data, *found, optimize=True).reshape(*data.shape[:2], *target_shape)


def random_loc(rng, transform_type, batch):
    """Parameters around those that change nothing."""
    rest = np.array(TRANSFORMS[transform_type].identity(0), "float64")
    return rest + 0.3 * rng.standard_normal((batch, len(rest)))


SIZES = [
    ((2, 3, 5, 7), (11, 13)),
    ((3, 2, 13, 11), (5, 1)),
    ((2, 1, 1, 7), (3, 5)),
    ((2, 3, 61, 67), (5, 7)),  # shrinks so much that the image is read in place
    ((1, 1, 29, 23), (131, 137)),  # more than one tile along each axis
]


@pytest.mark.parametrize("rows", COMBINATIONS, ids="-".join)
@either_corner_rule
@pytest.mark.parametrize("shape, target_shape", SIZES)
def test_result_and_derivatives(rows, align_corners, shape, target_shape):
    rng = np.random.default_rng(0)
    data, data_change = rng.standard_normal((2, *shape))
    loc, out_grad = random_loc(rng, rows[0], shape[0]), rng.standard_normal(shape[:2] + target_shape)
    loc_change = rng.standard_normal(loc.shape)
    params = {
        "target_shape": target_shape, "transform_type": rows[0], "sampler_type": rows[1], "padding_mode": rows[2],
        "align_corners": align_corners,
    }  # fmt: skip
    out, pullback = so.vjp(so.SpatialTransformer, data, loc, **params)
    grad_data, grad_loc = pullback(out_grad)
    same, out_change = so.jvp(so.SpatialTransformer, (data, loc), (data_change, loc_change), **params)
    np.testing.assert_array_equal(same, out)

    def close(found, expected):
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12 * (1 + np.abs(expected).max()))

    def derivative(data_change, loc_change):
        moved = data + 1j * STEP * data_change, loc + 1j * STEP * loc_change
        return plain(*moved, target_shape, rows, align_corners).imag / STEP

    close(out, plain(data, loc, target_shape, rows, align_corners))
    close(out_change, derivative(data_change, loc_change))
    along = both_weights(loc, shape, target_shape, rows, align_corners)
    flat = out_grad.reshape(*shape[:2], -1)
    close(grad_data, np.einsum("ncp,nph,npw->nchw", flat, *along, optimize=True))
    for i, direction in enumerate(np.eye(loc.shape[1])):
        close(grad_loc[:, i], (out_grad * derivative(0, direction)).sum(axis=(1, 2, 3)))
    close((grad_data * data_change).sum() + (grad_loc * loc_change).sum(), (out_grad * out_change).sum())
    close(so.SpatialTransformer(2 * data - 3 * data_change, loc, **params),
          2 * out - 3 * so.SpatialTransformer(data_change, loc, **params))  # fmt: skip


@either_corner_rule
def test_grid(align_corners):
    rng, target_shape = np.random.default_rng(1), (6, 9)
    loc, change = random_loc(rng, "rotation", 2), rng.standard_normal((2, 2))
    params = {"transform_type": "rotation", "target_shape": target_shape, "align_corners": align_corners}
    grid, pullback = so.vjp(so.GridGenerator, loc, **params)
    _, grid_change = so.jvp(so.GridGenerator, (loc,), (change,), **params)
    grid_grad = rng.standard_normal(grid.shape)

    def expected(loc):
        return np.stack(warped("rotation", loc, target_shape, align_corners), axis=1).reshape(grid.shape)

    np.testing.assert_allclose(grid, expected(loc), atol=1e-14)
    np.testing.assert_allclose(grid_change, expected(loc + 1j * STEP * change).imag / STEP, atol=1e-13)
    assert abs((grid_grad * grid_change).sum() - (pullback(grid_grad)[0] * change).sum()) < 1e-12


@pytest.mark.parametrize("transform_type", NEW_TRANSFORMS)
def test_promises_of_a_transform(transform_type):
    for edge in (0, 1):
        test_rows.test_transform(2, transform_type, edge)
    test_rows.test_transform_gradient(2, transform_type)


def test_promises_of_a_sampler():
    for x in (0.0, 0.1, 0.37, 0.5, 0.93):
        test_rows.test_sampler("cosine", x)
    np.testing.assert_allclose(SAMPLERS["cosine"].taps(0.3), bump(np.array([0.3, -0.7])), atol=1e-15)


def test_promises_of_lanczos():
    for x in (0.0, 0.1, 0.37, 0.5, 0.93):
        test_rows.test_sampler("lanczos2", x)
    for f in (0.0, 1e-5, 9.9e-5, 1.01e-4, 0.3, 0.9, 1 - 1.01e-4, 1 - 1e-5, 1.0):
        expected = windowed_sine(f - np.arange(-1.0, 3))
        np.testing.assert_allclose(SAMPLERS["lanczos2"].taps(f), expected / expected.sum(), rtol=1e-12, atol=1e-15)


def test_promises_of_a_padding():
    for edge in (0, 1):
        for n in (1, 2, 3, 8):
            test_rows.test_padding("mirror", edge, n)
    assert "".join("abcd"[i] for i in PADDINGS["mirror"].index(np.arange(-2, 6), 4, 1)) == "cbabcdcb"
    for reach in (1, 2, 4, 6):
        for n in (1, 2, 3, 8, 49):
            test_rows.test_what_kernels_are_told_of_a_padding("mirror", 1, n, reach)


def test_the_page_counts_right():
    root = pathlib.Path(so.__file__).parent
    for folder, table in (("transforms", TRANSFORMS), ("samplers", SAMPLERS)):
        for path in (root / folder).glob("*.py"):
            if path.stem in table:
                assert f"`{path.stem}` {len(path.read_text().splitlines())}" in PAGE, path.stem


USED = (
    test_process.COMPILED
    + """
import mine
out = so.SpatialTransformer(DATA, LOC, (3, 3), sampler_type="mine")
print(len(compiled), float(np.abs(out).sum()))
"""
)
MINE = """
from spatial_op.samplers import SAMPLERS, Sampler

def taps(f):
    return 1 - f, f

SAMPLERS["mine"] = Sampler(0.0, 0, taps)
"""


def test_an_edited_row_is_compiled_again(tmp_path):
    """The kernel of a user's row comes from the disk, but not after an edit that leaves size and time stamp alone."""
    source = tmp_path / "mine.py"
    source.write_text(MINE)
    stamp = source.stat()
    where = os.pathsep.join([str(package()), str(tmp_path)])

    def run():
        env = {"PYTHONPATH": where, "PYTHONDONTWRITEBYTECODE": "1"}
        return test_process.run(USED, tmp_path / "cache", size=5, **env).split()

    count, first = run()
    assert count == "1"
    count, again = run()
    assert count == "0" and again == first
    source.write_text(MINE.replace("1 - f", "5 - f"))
    os.utime(source, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    count, edited = run()
    assert count == "1" and edited != first


EDITS = {
    "body": ("def taps(f): return f * 2", "2", "3"),
    "constant": ("A = 2\ndef taps(f): return f * A", "2", "3"),
    "helper": ("def more(f): return f * 2\ndef taps(f): return more(f)", "2", "3"),
    "closure": ("def make(a):\n    def taps(f): return f * a\n    return taps\ntaps = make(2)", "2", "3"),
    "default": ("def taps(f, a=2): return f * a", "2", "3"),
    "nested": ("def taps(f):\n    def more(g): return g * 2\n    return more(f)", "2", "3"),
    "float32": ("import numpy as np\nA = np.float32(2)\ndef taps(f): return f * A", "2)", "3)"),
    "array": ("import numpy as np\nA = np.array([2.0])\ndef taps(f): return f * A[0]", "2.0", "3.0"),
    "module": ("import math\ndef taps(f): return f * math.pi", "pi", "tau"),
    "library": ("import numpy as np\ndef taps(f): return np.floor(f)", "floor", "rint"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_every_edit_changes_the_key(edit):
    text, old, new = EDITS[edit]
    assert old in text

    def key(text):
        """The name under which compiled code is kept."""
        namespace = {"__name__": "mine"}
        exec(text, namespace)
        machine = Machine("kernel", {"given": "f8", "out": "f8"})
        machine.out.put(0, namespace["taps"](machine.given.vector(0)))
        return machine_code.label(machine.finish())

    assert key(text) == key(text) != key(text.replace(old, new))
