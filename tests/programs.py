"""Programs that tests run in processes of their own."""

import atexit
import functools
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import textwrap

ROOT = pathlib.Path(__file__).parents[1]

# Every program starts with this: a call large enough to be parallel, and its answer by another route, NumPy alone.
PRELUDE = '''
import os, sys, threading, multiprocessing
import numpy as np
import spatial_op as so

rng = np.random.default_rng(0)
DATA = rng.standard_normal((2, 3, SIZE, SIZE + 1)).astype("float32")
LOC = np.tile(np.array([[-1, 0, 0, 0, 1, 0]], "float32"), (2, 1))

def work(_=None):
    """A flip, forward and backward."""
    out, pullback = so.vjp(so.SpatialTransformer, DATA, LOC, target_shape=DATA.shape[2:])
    grad_data, grad_loc = pullback(out)
    right = np.array_equal(out, DATA[..., ::-1]) and np.array_equal(grad_data, DATA) and np.isfinite(grad_loc).all()
    return bool(right)
'''


def copy_package(root):
    """Copy the package to a folder, without the compiled code that lies beside it, since that would be found, too."""
    shutil.copytree(ROOT / "spatial_op", root / "spatial_op", ignore=shutil.ignore_patterns("*.kernel"))
    return root


@functools.cache
def package():
    """A copy for all programs whose compiled code is kept elsewhere."""
    root = pathlib.Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    return copy_package(root)


def run(code, cache, size=200, root=None, **env):
    """Run a program, which must exit with 0 and say nothing on standard error, and return what it prints.

    Compiled code is kept in ``cache``, and found nowhere else, or where it always is.
    """
    root = root or (ROOT if cache is None else package())
    program = PRELUDE.replace("SIZE", str(size)) + textwrap.dedent(code)
    kept = {} if cache is None else {"NUMBA_CACHE_DIR": str(cache), "XDG_CACHE_HOME": str(root / "home")}
    variables = {**os.environ, "PYTHONPATH": str(root), "PYTHONWARNINGS": "error", **kept, **env}
    variables.setdefault("NUMBA_NUM_THREADS", "2")
    done = subprocess.run(
        [sys.executable, "-c", program], env=variables, cwd=root, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
