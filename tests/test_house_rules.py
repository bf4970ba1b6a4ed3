"""What every file promises: what it imports, how its public names are documented, where the compiler is."""

import ast
import inspect
import pathlib
import re

import pytest

import spatial_op as so

ROOT = pathlib.Path(so.__file__).parent
FILES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py"))

# Lower layers come first; a file imports only from its own layer or a lower one.
LAYERS = [
    ("dtypes.py", "samplers/", "paddings.py", "transforms/row.py"),
    ("forks.py", "words.py"),
    ("check.py",),
    ("transforms/",),
    ("kernels/",),
    ("operators/",),
    ("autodiff.py", "contrib.py", "pullback.py"),
    ("adapters/",),
    ("dask.py", "jax.py", "mxnet.py", "onnx.py", "torch.py"),
    ("__init__.py",),
    ("cli/", "__main__.py"),
]


def layer(name):
    for level, prefixes in enumerate(LAYERS):
        if any(name == prefix or (prefix.endswith("/") and name.startswith(prefix)) for prefix in prefixes):
            return level
    raise AssertionError(f"{name} is in no layer; add it to the list")


def imports(name):
    """Modules of this package that a file imports, as paths, and the other modules by name."""
    inside, outside = set(), set()
    package = pathlib.PurePosixPath("spatial_op", name).parent
    for node in ast.walk(ast.parse((ROOT / name).read_text())):
        if isinstance(node, ast.Import):
            outside.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            outside.add(node.module)
        elif isinstance(node, ast.ImportFrom):
            base = package
            for _ in range(node.level - 1):
                base = base.parent
            base = base.joinpath(*(node.module or "").split(".")) if node.module else base
            for target in [base, *(base / alias.name for alias in node.names)]:
                path = target.as_posix().removeprefix("spatial_op").lstrip("/")
                inside.update({f"{path}.py", f"{path}/__init__.py"} & set(FILES))
    return inside, outside


@pytest.mark.parametrize("name", FILES)
def test_imports_go_one_way(name):
    for other in imports(name)[0]:
        assert layer(other) <= layer(name), f"{name} imports {other}, which lies above it"


@pytest.mark.parametrize("name", FILES)
def test_the_compiler_stays_in_the_kernels(name):
    outside = {module.partition(".")[0] for module in imports(name)[1]}
    if not name.startswith("cli/"):
        assert "llvmlite" not in outside or name.startswith("kernels/"), f"{name} imports llvmlite"
        assert "numba" not in outside or name == "kernels/threads.py", (
            f"{name} imports numba, of which nothing but the threads is used"
        )
    assert not re.search(r"(?<!jax\.)\bn?jit\(|@n?jit\b", (ROOT / name).read_text()), (
        f"{name} calls jit; what is compiled is the text of a machine"
    )


@pytest.mark.parametrize("name", so.__all__)
def test_public_docstrings(name):
    function = getattr(so, name)
    text = inspect.getdoc(function)
    for section in ("Conventions:", "Parameters\n", "Returns\n", "Raises\n", "Examples\n", ">>> "):
        assert section in text, f"{name} lacks {section!r}"
    block = text.partition("Parameters\n----------\n")[2].partition("\nReturns\n")[0]
    documented = [
        part.strip().lstrip("*")
        for line in block.splitlines()
        if line and not line.startswith(" ")
        for part in line.partition(" : ")[0].split(",")
    ]
    assert documented == list(inspect.signature(function).parameters), f"{name} documents other parameters than it has"


# MXNet's positions, then what it does not have.
SIGNATURES = {
    "SpatialTransformer": (
        ["data", "loc", "target_shape", "transform_type", "sampler_type", "cudnn_off", "out", "name"],
        ["padding_mode", "align_corners", "fill_value", "coverage", "antialias", "out_dtype"],
    ),
    "DeformableConvolution": (
        ["data", "offset", "weight", "bias", "kernel", "stride", "dilate", "pad", "num_filter", "num_group",
         "num_deformable_group", "workspace", "no_bias", "layout", "out", "name"],
        ["border"],
    ),
    "ModulatedDeformableConvolution": (
        ["data", "offset", "mask", "weight", "bias", "kernel", "stride", "dilate", "pad", "num_filter", "num_group",
         "num_deformable_group", "workspace", "no_bias", "im2col_step", "layout", "out", "name"],
        ["border"],
    ),
    "GridGenerator": (["data", "transform_type", "target_shape", "out", "name"], ["align_corners", "side_by_side"]),
    "BilinearSampler": (["data", "grid", "cudnn_off", "out", "name"], ["padding_mode", "align_corners", "out_dtype"]),
    "GridSampler": (
        ["data", "grid", "sampler_type", "out", "name"],
        ["padding_mode", "align_corners", "points_inside", "fill_value", "coverage", "antialias", "out_dtype"],
    ),
}  # fmt: skip


def test_contrib_has_the_spelling_of_mxnet():
    assert so.contrib.DeformableConvolution is so.DeformableConvolution
    assert so.contrib.ModulatedDeformableConvolution is so.ModulatedDeformableConvolution


@pytest.mark.parametrize("name", SIGNATURES)
def test_names_are_those_of_mxnet(name):
    parameters = inspect.signature(getattr(so, name)).parameters.values()
    positional = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert (positional, [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]) == SIGNATURES[name]


def test_every_row_is_documented_where_users_look():
    from spatial_op.paddings import PADDINGS
    from spatial_op.samplers import SAMPLERS
    from spatial_op.transforms import TRANSFORMS

    text, page = inspect.getdoc(so.SpatialTransformer), (ROOT.parent / "docs/conventions.md").read_text()
    for name in (*SAMPLERS, *PADDINGS):
        assert f'"{name}"' in inspect.getdoc(so.GridSampler), f"the row {name!r} is not in the docstring of GridSampler"
    for name in TRANSFORMS:
        assert f'"{name}"' in inspect.getdoc(so.GridGenerator), (
            f"the row {name!r} is not in the docstring of GridGenerator"
        )
    for name in (*TRANSFORMS, *SAMPLERS, *PADDINGS):
        assert f'"{name}"' in text, f"the row {name!r} is not in the docstring of SpatialTransformer"
        assert f"`{name}`" in page, f"the row {name!r} is not in docs/conventions.md"


def test_no_file_is_too_long():
    """The operations of the machine that emits code stay together, each beside its like; everything else fits in the head."""
    for name in FILES:
        lines, most = len((ROOT / name).read_text().splitlines()), 700 if name == "kernels/trace.py" else 300
        assert lines <= most, f"{name} has {lines} lines, expected at most {most}"
