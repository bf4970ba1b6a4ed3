"""A framework is imported when its array arrives, and no other one ever."""

import importlib.util
import subprocess
import sys

import pytest

FRAMEWORKS = ("torch", "mxnet", "jax", "dask", "onnx", "distributed", "zarr")

# How each makes the arrays of a call.
ARRAYS = {
    "numpy": "import numpy as np; ones = lambda *shape: np.ones(shape, 'float32')",
    "torch": "import torch; ones = lambda *shape: torch.ones(shape)",
    "mxnet": "import mxnet; ones = lambda *shape: mxnet.nd.ones(shape)",
    "jax": "from jax import numpy as jnp; ones = lambda *shape: jnp.ones(shape)",
    "dask": "import dask.array as da; ones = lambda *shape: da.ones(shape, 'float32')",
}

PROGRAM = """
import sys
import spatial_op as so
frameworks = {frameworks}
assert not set(sys.modules) & set(frameworks), "importing the package imports no framework"
{arrays}
mine = set(sys.modules) & set(frameworks)
assert mine == set(frameworks) & {{"{name}"}}, "the framework itself"
out = so.SpatialTransformer(ones(1, 1, 3, 4), ones(1, 6), target_shape=(3, 4))
assert type(out) is type(ones(1)), type(out)
adapters = {{module.rpartition(".")[2].partition("_")[0] for module in sys.modules if "spatial_op.adapters." in module}}
assert adapters <= {{"{name}", "calls"}}, adapters
assert set(sys.modules) & set(frameworks) == mine, "and no other one"
print("well")
"""


@pytest.mark.parametrize("name", ARRAYS)
def test_nothing_else_is_imported(name):
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    program = PROGRAM.format(frameworks=FRAMEWORKS, arrays=ARRAYS[name], name=name)
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout.strip().endswith("well"), run.stderr


def test_what_is_no_framework_is_no_attribute():
    import spatial_op

    with pytest.raises(AttributeError, match="module 'spatial_op' has no attribute 'tensorflow'"):
        spatial_op.tensorflow
