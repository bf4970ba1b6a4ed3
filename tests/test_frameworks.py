"""A framework is imported when its array arrives, and no other one ever."""

import importlib.util
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest

# PyTorch and MXNet use what is deprecated elsewhere.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

PAGE = pathlib.Path(__file__).parents[1] / "docs" / "adding.md"

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


@pytest.fixture(scope="module")
def mirror():
    """The operator that ``docs/adding.md`` adds."""
    (block,) = (block for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S) if "def Mirror" in block)
    space = {}
    exec("import numpy as np\nimport spatial_op as so\n" + block, space)
    return space["Mirror"]


IMAGES = np.arange(24.0).reshape(2, 2, 2, 3)


def test_a_new_operator_takes_tensors(mirror):
    torch = pytest.importorskip("torch")
    images = torch.tensor(IMAGES, requires_grad=True)
    (grad,) = torch.autograd.grad((mirror(images) * torch.tensor(IMAGES)).sum(), images)
    np.testing.assert_array_equal(grad, IMAGES[..., ::-1])
    torch.autograd.gradcheck(mirror, images, check_forward_ad=True)
    each = torch.func.vmap(lambda image: mirror(image[None])[0])(images)
    np.testing.assert_array_equal(each.detach(), IMAGES[..., ::-1])


def test_a_new_operator_takes_arrays_of_jax(mirror):
    jax = pytest.importorskip("jax")
    images = jax.numpy.asarray(IMAGES, "float32")
    grad = jax.jit(jax.grad(lambda data: (mirror(data) * images).sum()))(images)
    np.testing.assert_array_equal(grad, IMAGES[..., ::-1])


def test_a_new_operator_takes_arrays_of_dask(mirror):
    da = pytest.importorskip("dask.array")
    out = mirror(da.from_array(IMAGES, chunks=(1, 2, 2, 3)))
    assert out.chunks[0] == (1, 1)
    np.testing.assert_array_equal(out.compute(), IMAGES[..., ::-1])


def test_a_new_operator_takes_arrays_of_mxnet(mirror):
    mx = pytest.importorskip("mxnet")
    from spatial_op.adapters.mxnet import register

    register(mirror)
    images = mx.nd.array(IMAGES)
    images.attach_grad()
    with mx.autograd.record():
        out = mirror(images)
    out.backward(images)
    np.testing.assert_array_equal(out.asnumpy(), IMAGES[..., ::-1])
    np.testing.assert_array_equal(images.grad.asnumpy(), IMAGES[..., ::-1])


def test_what_is_no_framework_is_no_attribute():
    import spatial_op

    with pytest.raises(AttributeError, match="module 'spatial_op' has no attribute 'tensorflow'"):
        spatial_op.tensorflow
