"""`nox` runs every check: lint, the tests on the current stack, the tests against MXNet itself, and the package as users install it."""

import os
import pathlib
import subprocess
import sys

import nox

# uv installs in seconds what takes pip minutes, most of which it waits for the index.
nox.options.default_venv_backend = "uv|virtualenv"
# Folders of wheels that pip is told to look into, by its variable or its configuration: uv knows neither.
asked = subprocess.run(
    [sys.executable, "-m", "pip", "config", "get", "global.find-links"], capture_output=True, text=True
)
folders = os.environ.get("PIP_FIND_LINKS") or asked.stdout.strip()
if folders:
    os.environ.setdefault("UV_FIND_LINKS", folders)
nox.options.error_on_missing_interpreters = True
# Where Python is told to keep no bytecode, every program that a test starts would compile PyTorch, JAX and Numba once more.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"

# The pair of NumPy and Numba that MXNet's wheel imports with, on the last CPython that it imports on.
MXNET = ["mxnet==1.9.1", "numpy==1.23.5", "numba==0.60.0"]
# Files in the order of their names: the longest ones have few tests, and would otherwise come last, on one processor alone.
TESTS = ["pytest", "-n", "2", "--dist", "loadfile", "--no-loadscope-reorder", "-q"]
# Two processes fill two processors: more threads of PyTorch, OpenBLAS and OpenMP wait for each other, most of them in loops
# without work. Numba's number of threads is its own.
ALONE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}

# What does not depend on the stack, or has its judge in the other one.
CURRENT_ONLY = [
    "adding",
    "antialias_beside",
    "cli",
    "cli_compile",
    "cli_fills",
    "cli_folders",
    "cli_geometry",
    "cli_means",
    "cli_npy",
    "cli_pictures",
    "cli_tiff",
    "cli_warp",
    "cli_zarr",
    "dask",
    "dask_warp",
    "deformable",
    "docs",
    "empty",
    "errors_deformable",
    "experiments",
    "fuzz",
    "gallery",
    "grids",
    "house_rules",
    "integers_frameworks",
    "jax_adapter",
    "jax_native",
    "jax_second_order",
    "jax_words",
    "jvp",
    "kinks",
    "memory",
    "nearest",
    "new_rows",
    "onnx",
    "onnx_deformable",
    "onnx_export",
    "onnx_torch",
    "pixel_matrices",
    "properties",
    "reference",
    "reference_deformable",
    "reference_grids",
    "reference_operators",
    "reference_package",
    "site",
    "threads",
    "torch",
    "torch_adapter",
    "torch_convolution",
    "torch_kinds",
    "torch_patch",
    "torch_recorded",
    "torch_second_order",
    "torch_signals_volumes",
    "torch_words",
    "volumes",
    "warp_peers",
    "without_jit",
]
# Tests that compile every row of a table once more, or that ask what another stack answers no differently. The bodies of the
# kernels are compiled by others of the same file, beside a judge, and with every row by ``test_gradients``.
CURRENT_ONLY_TESTS = [
    "antialias.py::test_samplers",
    "antialias.py::test_transformers",
    "coverage.py::test_ones_of_the_reference",
    "coverage.py::test_pytorch",
    "disk.py::test_real_kills",
    "fill.py::test_pytorch",
    "fill.py::test_reference",
    "grid_layouts.py::test_points_inside_sample_the_same",
    "layouts.py::test_every_row",
    "one_to_many.py::test_grids_beside_the_reference",
    "one_to_many.py::test_pytorch",
    "second_order.py::test_complex_step_of_the_gradients",
    "second_order.py::test_second_tangents_are_those_of_the_gradients",
    "shapes.py::test_a_shape_takes_no_memory[torch]",
    "tps_loc.py::test_pytorch",
]


@nox.session
def lint(session):
    session.install("ruff==0.17.6")
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")


@nox.session(python=HERE)
def tests(session):
    """Current NumPy and Numba, with every framework but MXNet, and the documentation."""
    session.install("torch==2.13.0")
    tbb = ["tbb"] if sys.platform == "linux" else []  # one more threading layer
    session.install("-e", ".[test,opencv,openvino,onnx,jax,dask,experiments,docs]", *tbb)
    session.run(*TESTS, *session.posargs, env=ALONE)


@nox.session(python="3.11")
def mxnet(session):
    """The oldest stack, with MXNet itself as the judge."""
    session.install("torch==2.13.0", *MXNET)  # the guide moves a network from one to the other
    session.install("-e", ".[test]", *MXNET)
    session.run("python", "-c", "import mxnet; print('MXNet', mxnet.__version__)")
    others = [f"--ignore=tests/test_{name}.py" for name in CURRENT_ONLY]
    others += [f"--deselect=tests/test_{name}" for name in CURRENT_ONLY_TESTS]
    session.run(*TESTS, *others, *session.posargs, env=ALONE)


@nox.session(python=HERE)
def package(session):
    """Installed from the built wheel, outside the checkout: what is there, and does it compute what MXNet computes."""
    session.install("build")
    wheels = session.create_tmp()
    session.run("python", "-m", "build", "--wheel", "--outdir", wheels, silent=True)
    newest = max(pathlib.Path(wheels).glob("*.whl"), key=lambda path: path.stat().st_mtime)
    session.install("--force-reinstall", f"{newest}[demo]")
    session.chdir(wheels)
    installed = "import importlib.metadata as m; print(*sorted({f.parts[0] for f in m.files('spatial-op') if f.name != 'spatial_op'}))"
    found = session.run("python", "-c", installed, silent=True).split()
    if [name for name in found if not name.endswith(".dist-info")] != ["spatial_op"]:
        session.error(f"installing puts more than the command and spatial_op into site-packages: {found}")
    session.run("spatial_op", "--help", silent=True)
    session.run("python", "-m", "spatial_op", "check")
    session.run("python", "-m", "spatial_op", "demo", "--out", "demo.png")
