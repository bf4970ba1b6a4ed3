"""``patch``: PyTorch's names compute here for plain tensors on the CPU, and with PyTorch for all else."""

import sys
import types

import pytest

torch = pytest.importorskip("torch")
from torch._subclasses import FakeTensorMode  # noqa: E402
from torch.fx.experimental.proxy_tensor import make_fx  # noqa: E402

import spatial_op.torch as words  # noqa: E402
from spatial_op.adapters import torch_patch  # noqa: E402

functional = torch.nn.functional
# PyTorch's own parts use what it calls deprecated.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

THEIRS = {name: getattr(functional, name) for name in ("grid_sample", "affine_grid")}
DATA, GRID = torch.rand(2, 3, 5, 6), torch.rand(2, 4, 7, 2) * 2 - 1
THETA, SIZE = torch.eye(3)[:2].expand(2, 2, 3), (2, 3, 4, 5)


@pytest.fixture
def computed(monkeypatch):
    """The names of those of our functions that were called; no call is too small."""
    names = []
    monkeypatch.setattr(torch_patch, "SMALL", 0)

    def seen(name):
        function = getattr(torch_patch, name)
        return lambda *given: names.append(name) or function(*given)

    for name in ("sampled", "gridded", "deform_conv2d"):
        monkeypatch.setattr(torch_patch, name, seen(name))
    return names


def sample(data, grid, **options):
    return functional.grid_sample(data, grid, **{"align_corners": False, **options})


# Calls of each function that are computed here.
HERE = {
    "samples": lambda: sample(DATA, GRID),
    "samples in float64": lambda: sample(DATA.double(), GRID.double()),
    "samples in bfloat16": lambda: sample(DATA.bfloat16(), GRID.bfloat16()),
    "samples of volumes": lambda: sample(DATA[:, :1, None], torch.zeros(2, 1, 2, 2, 3)),
    "samples in mirrors": lambda: sample(DATA, GRID * 3, padding_mode="reflection"),
    "samples by position": lambda: functional.grid_sample(DATA, GRID, "nearest", "border", True),
    "grids": lambda: functional.affine_grid(theta=THETA, size=SIZE, align_corners=True),
    "grids of a list": lambda: functional.affine_grid(THETA, list(SIZE), align_corners=False),
    "a parameter": lambda: sample(torch.nn.Parameter(DATA), GRID),
    "vmap": lambda: torch.func.vmap(lambda data, grid: sample(data, grid))(DATA[:, None], GRID[:, None]),
}


class Tagged(torch.Tensor):
    """A tensor of another class."""


def traced():
    return torch.jit.trace(sample, (DATA, GRID), check_trace=False)(DATA, GRID)


def scripted():
    def function(data, grid):
        # type: (Tensor, Tensor) -> Tensor
        return torch.nn.functional.grid_sample(data, grid, align_corners=False)

    return torch.jit.script(function)(DATA, GRID)


def fake():
    with FakeTensorMode() as mode:
        return sample(mode.from_tensor(DATA), mode.from_tensor(GRID))


def compiled():
    torch.compiler.reset()
    return torch.compile(sample, fullgraph=True, backend="aot_eager")(DATA, GRID)


# Calls that PyTorch computes.
THERE = {
    "meta tensors": lambda: sample(DATA.to("meta"), GRID.to("meta")),
    "a subclass": lambda: sample(DATA.as_subclass(Tagged), GRID),
    "fake tensors": fake,
    "trace": traced,
    "script": scripted,
    "make_fx": lambda: make_fx(lambda data, grid: sample(data, grid))(DATA, GRID)(DATA, GRID),
    "compile": compiled,
    "no corner rule": lambda: functional.grid_sample(DATA, GRID),
}

# Calls that PyTorch refuses.
WRONG = {
    "two dtypes": lambda: sample(DATA, GRID.double()),
    "bicubic volumes": lambda: sample(DATA[:, :, None], torch.zeros(2, 1, 2, 2, 3), mode="bicubic"),
    "two batches": lambda: sample(DATA, GRID[:1]),
    "unknown mode": lambda: sample(DATA, GRID, mode="cubic"),
    "unknown padding": lambda: sample(DATA, GRID, padding_mode="wrap"),
    "no pixels": lambda: sample(DATA[:, :, :0], GRID),
    "a list": lambda: sample([1.0], GRID),
    "another size": lambda: functional.affine_grid(THETA, (1, 3, 4, 5), align_corners=False),
    "integers": lambda: functional.affine_grid(THETA.int(), SIZE, align_corners=False),
}


@pytest.mark.parametrize("name", HERE)
def test_here(name, computed):
    expected = HERE[name]()
    with words.patch():
        found = HERE[name]()
    assert len(computed) == 1
    assert found.dtype == expected.dtype and found.shape == expected.shape
    assert torch.allclose(found, expected, rtol=0, atol=8 * torch.finfo(found.dtype).eps)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", THERE)
def test_there(name, computed):
    expected = THERE[name]()
    with words.patch():
        found = THERE[name]()
    assert not computed
    assert type(found) is type(expected)
    if isinstance(found, torch.Tensor) and not found.is_meta and name != "fake tensors":
        assert torch.equal(found, expected)


@pytest.mark.parametrize("name", WRONG)
def test_wrong_calls_are_pytorchs(name):
    with pytest.raises(Exception) as expected:
        WRONG[name]()
    with words.patch(), pytest.raises(type(expected.value)) as found:
        WRONG[name]()
    assert str(found.value) == str(expected.value)


@pytest.mark.parametrize("side, ours", [(63, 0), (64, 2)])
def test_small_calls_stay_with_pytorch(side, ours, computed, monkeypatch):
    monkeypatch.setattr(torch_patch, "SMALL", 64 * 64)
    with words.patch():
        functional.affine_grid(THETA[:1], (1, 1, side, 64), align_corners=False)
        sample(torch.rand(1, 2, 5, 5), torch.zeros(1, side, 32, 2))
    assert len(computed) == ours


def test_it_ends():
    with words.patch():
        with words.patch():
            assert functional.grid_sample is not THEIRS["grid_sample"]
        assert functional.grid_sample is not THEIRS["grid_sample"]
    assert {name: getattr(functional, name) for name in THEIRS} == THEIRS
    with pytest.raises(RuntimeError, match="unpatch: there is no patch to undo"):
        words.unpatch()


def test_gradients(computed):
    leaves = [value.double().requires_grad_() for value in (DATA, GRID)]
    expected = torch.autograd.grad(sample(*leaves).square().sum(), leaves)
    with words.patch():
        found = torch.autograd.grad(sample(*leaves).square().sum(), leaves)
    assert len(computed) == 1
    assert all(torch.allclose(a, b, rtol=1e-12, atol=1e-12) for a, b in zip(found, expected))


@pytest.fixture
def vision(monkeypatch):
    """A module in torchvision's place, whose function says that it was called."""

    def deform_conv2d(input, offset, weight, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), mask=None):
        return "torchvision"

    ops = types.ModuleType("torchvision.ops")
    ops.deform_conv = types.ModuleType("torchvision.ops.deform_conv")
    ops.deform_conv2d = ops.deform_conv.deform_conv2d = deform_conv2d
    monkeypatch.setitem(sys.modules, "torchvision.ops", ops)
    return ops


def test_deformable_convolution(vision, computed):
    data, offset, weight = torch.rand(1, 2, 5, 5), torch.zeros(1, 18, 3, 3), torch.rand(4, 2, 3, 3)
    with words.patch():
        for module in (vision, vision.deform_conv):
            found = module.deform_conv2d(data, offset, weight)
            assert torch.allclose(found, functional.conv2d(data, weight), atol=1e-6)
            assert module.deform_conv2d(data, offset[:, :17], weight) == "torchvision"
            assert module.deform_conv2d(data, offset.double(), weight) == "torchvision"
            assert module.deform_conv2d(data.to("meta"), offset, weight) == "torchvision"
    assert computed == ["deform_conv2d"] * 4
    assert vision.deform_conv2d(data, offset, weight) == "torchvision"
