"""Rows of ``docs/adding.md``, added to a copy of the package as its own: its tests pass, and none is edited."""

import ast
import os
import re
import shutil
import subprocess
import sys

import pytest
from test_adding import BLOCKS
from test_process import ROOT

NAMES = "rotation", "lanczos2", "mirror"

# The rows once more, for the reference.
TRANSFORM = '''

def rotation(loc, grid):
    """The affine matrix scale (cos -sin 0; sin cos 0)."""
    angle, scale = loc.T
    c, s, zero = scale * np.cos(angle), scale * np.sin(angle), np.zeros_like(angle)
    return affine(np.stack([c, -s, zero, s, c, zero], axis=1), grid)


def rotation_backward(loc, grid, grad_source):
    """By angle and scale."""
    angle, scale = loc.T
    a, b, _, d, e, _ = affine_backward(loc, grid, grad_source).T
    along, across = a + e, d - b
    c, s = np.cos(angle), np.sin(angle)
    return np.stack([scale * (across * c - along * s), along * c + across * s], axis=1)


TRANSFORMS["rotation"] = rotation, rotation_backward, lambda axes: (0, 1)
OF_IMAGES += ("rotation",)
'''
SAMPLER = '''

def two_lobes(t):
    """Before the division."""
    return pieces(t, (-2, 2), lambda t: sinc(t) * sinc(t / 2))


def two_lobes_slope(t):
    """Its derivative."""
    return pieces(t, (-2, 2), lambda t: sinc_slope(t) * sinc(t / 2) + sinc(t) * sinc_slope(t / 2) / 2)


def lanczos2(t):
    """Divided by the sum."""
    return two_lobes(t) / over_all(two_lobes, t)


def lanczos2_slope(t):
    """The quotient rule."""
    total, rise = over_all(two_lobes, t), over_all(two_lobes_slope, t)
    return (two_lobes_slope(t) - two_lobes(t) * rise / total) / total


SAMPLERS["lanczos2"] = lanczos2, lanczos2_slope, 2
'''
PADDING = '''

def mirror(i, size, align_corners):
    """C b | a b c d | c b."""
    j = np.mod(i, max(2 * size - 2, 1))
    return np.minimum(j, max(2 * size - 2, 1) - j), np.full(i.shape, True)


PADDINGS["mirror"] = mirror
'''


def functions(*names):
    """Their text on the page."""
    for block in BLOCKS:
        for node in ast.parse(block).body:
            if isinstance(node, ast.FunctionDef) and node.name in names:
                yield ast.get_source_segment(block, node)


def edit(path, old, new):
    """Replace the first of these words."""
    text = path.read_text()
    assert old in text, f"{path} lacks {old}"
    path.write_text(text.replace(old, new, 1))


def append(path, text):
    """Write behind what is there."""
    path.write_text(path.read_text() + text)


def add_rows(root):
    """What the page asks of somebody who adds a row to the package."""
    package, reference = root / "spatial_op", root / "reference"
    header = '"""Added."""\n\nimport numpy as np\n\n'
    rows = package / "transforms"
    found = "\n\n\n".join(functions("with_units", "rotation_locate"))
    row = 'ROW = Transform("angle in radians, scale", fixed(0, 1), 8, with_units, rotation_locate)\n'
    (rows / "rotation.py").write_text(f"{header}from .row import Transform, fixed\n\n\n{found}\n\n\n{row}")
    edit(rows / "__init__.py", "from . import ", "from . import rotation, ")
    edit(rows / "__init__.py", '    "tps": tps.ROW,\n', '    "tps": tps.ROW,\n    "rotation": rotation.ROW,\n')
    rows = package / "samplers"
    (rows / "lanczos2.py").write_text(header + "\n\n\n".join(functions("lanczos2")) + "\n")
    edit(rows / "__init__.py", "from . import ", "from . import lanczos2, ")
    edit(rows / "__init__.py", '    "lanczos3"', '    "lanczos2": Sampler(0.0, -1, lanczos2.lanczos2),\n    "lanczos3"')
    rows = package / "paddings.py"
    edit(rows, "\n\nPADDINGS = {", "\n\n" + "\n\n\n".join(functions("there_and_back", "mirror")) + "\n\n\nPADDINGS = {")
    edit(rows, '    "wrap"', '    "mirror": Padding(mirror, there_and_back),\n    "wrap"')
    for name, text in (("transforms", TRANSFORM), ("kernels", SAMPLER), ("paddings", PADDING)):
        append(reference / f"{name}.py", text)
    for name in ("spatial_transformer", "grid_sampler"):
        edit(package / "operators" / f"{name}.py", '"zeros", "border" (', '"mirror", "zeros", "border" (')
        edit(package / "operators" / f"{name}.py", '"bilinear", "nearest" (', '"lanczos2", "bilinear", "nearest" (')
    for name in ("spatial_transformer", "grid_generator"):
        edit(package / "operators" / f"{name}.py", '"translation"', '"rotation", "translation"')
    page = root / "docs/conventions.md"
    edit(page, "| `sampler_type` | `bilinear`", "| `sampler_type` | `bilinear`, `lanczos2`")
    edit(page, "| coordinates |", f"| new | {', '.join(f'`{name}`' for name in NAMES)} |\n| coordinates |")


# Promises of rows, the reference by itself and beside the package, gradients; and oracles that must not be asked.
FILES = (
    "test_rows.py", "test_reference.py", "test_reference_package.py", "test_gradients.py", "test_torch.py", "test_onnx.py",
)  # fmt: skip


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of what is tested, with a row more in each table."""
    root = tmp_path_factory.mktemp("checkout")
    for name in ("spatial_op", "reference", "tests", "docs"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "*.nb?", "*.png"))
    for name in ("README.md", "CONTRIBUTING.md", "pyproject.toml", "setup.cfg", "noxfile.py"):
        shutil.copy(ROOT / name, root)
    add_rows(root)
    return root


def run(root, *arguments):
    """Pytest in the copy."""
    env = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-x", *arguments]
    return subprocess.run(command, cwd=root / "tests", env=env, capture_output=True, text=True)


def test_what_is_tested_once_for_all_rows(checkout):
    """Documentation, tables of both sides, and every sentence about a name."""
    done = run(
        checkout, "test_house_rules.py", "test_errors.py", "test_reference_package.py::test_same_tables",
        "test_docs.py::test_pages_name_every_field_and_every_sampler",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_what_is_tested_row_by_row(checkout):
    """The tests that have a new row's name."""
    done = run(checkout, "-k", " or ".join(NAMES), *FILES)
    assert done.returncode == 0, done.stdout
    count = int(re.search(r"(\d+) passed", done.stdout)[1])
    assert count > 100
