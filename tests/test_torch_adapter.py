"""PyTorch: what its own tools say of our operators, and what they return for every kind of tensor."""

import math

import numpy as np
import pytest

import spatial_op as so

torch = pytest.importorskip("torch")
# PyTorch's own parts still use what it calls deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")

RESULTS = "PyTorch's checks of the operators"


def random(*shape, seed=0, dtype=torch.float64, grad=True):
    numbers = np.random.default_rng(seed).uniform(-1, 1, shape)
    return torch.tensor(numbers, dtype=dtype, requires_grad=grad)


def warp(data, loc, size=(4, 4)):
    return so.SpatialTransformer(data, loc, target_shape=size)


def deform(data, offset, weight, bias=None):
    return so.DeformableConvolution(
        data, offset, weight, bias, kernel=(3, 3), pad=(1, 1), num_filter=4, no_bias=bias is None
    )


def modulated(data, offset, mask, weight, bias):
    return so.ModulatedDeformableConvolution(
        data, offset, mask, weight, bias, kernel=(3, 3), pad=(1, 1), num_filter=4, num_deformable_group=2
    )


def generate(loc):
    return so.GridGenerator(loc, "affine", (3, 4))


def sample(data, grid):
    return so.BilinearSampler(data, grid)


def to_loc(matrix):
    return so.pixel_matrix_to_loc(matrix, (5, 6), (4, 7), direction="source_to_target")


def to_matrix(loc):
    return so.loc_to_pixel_matrix(loc, (5, 6), (4, 7))


# Every operator, with the shapes of its inputs. GridSampler differs from BilinearSampler in parameters only.
CASES = {
    "SpatialTransformer": (warp, (2, 3, 5, 6), (2, 6)),
    "GridGenerator": (generate, (2, 6)),
    "BilinearSampler": (sample, (2, 3, 5, 6), (2, 2, 3, 4)),
    "DeformableConvolution": (deform, (2, 4, 5, 6), (2, 18, 5, 6), (4, 4, 3, 3)),
    "ModulatedDeformableConvolution": (modulated, (2, 4, 5, 6), (2, 36, 5, 6), (2, 18, 5, 6), (4, 4, 3, 3), (4,)),
    "spline_coefficients": (so.spline_coefficients, (2, 3, 5, 6)),
    "tps_loc": (so.tps_loc, (2, 5, 2), (2, 5, 2)),
    "pixel_matrix_to_loc": (to_loc, (2, 3, 3)),
    "loc_to_pixel_matrix": (to_matrix, (2, 8)),
}


def inputs_of(shapes):
    return tuple(random(*shape, seed=seed) for seed, shape in enumerate(shapes))


@pytest.mark.parametrize("name", CASES)
def test_checks_of_pytorch(name, record_property):
    """Gradcheck in both modes, opcheck, vmap(grad) and fullgraph compilation of every operator."""
    function, *shapes = CASES[name]
    inputs = inputs_of(shapes)
    cells = []
    torch.autograd.gradcheck(function, inputs, check_forward_ad=True, fast_mode=name.startswith(("Def", "Mod")))
    cells.append("passed")

    def loss(*values):
        return function(*(value if share else value[None] for value, share in zip(values, shared))).square().sum()

    kernel = getattr(so, name)
    shared = [label in kernel.operator.shared for label in kernel.operator.inputs[: len(inputs)]]
    detached = [value.detach() for value in inputs]
    each = torch.func.vmap(
        torch.func.grad(loss, argnums=tuple(range(len(inputs)))),
        in_dims=tuple(None if share else 0 for share in shared),
    )(*detached)
    whole = torch.autograd.grad(function(*inputs).square().sum(), inputs)
    for one, other, share in zip(each, whole, shared):
        torch.testing.assert_close(one.sum(0) if share else one, other)
    cells.append("equal")

    compiled = torch.compile(function, fullgraph=True)
    assert torch.equal(compiled(*inputs), function(*inputs))
    for one, other in zip(torch.autograd.grad(compiled(*inputs).square().sum(), inputs), whole):
        assert torch.equal(one, other)
    cells.append("same bits")

    graph = torch.export.export(Wrapper(function), tuple(detached)).graph
    node = next(node for node in graph.nodes if node.op == "call_function")
    assert str(node.target) == f"spatial_op.{name}.default"
    filled = iter(inputs)
    arguments = tuple(next(filled) if isinstance(value, torch.fx.Node) else value for value in node.args)
    checks = torch.library.opcheck(node.target, arguments)
    assert set(checks.values()) == {"SUCCESS"}
    cells.append(f"{len(checks)} passed")
    record_property(
        "table", (RESULTS, ["", "gradcheck, both modes", "vmap(grad)", "fullgraph", "opcheck"], [name, *cells])
    )


class Wrapper(torch.nn.Module):
    """What can be exported."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *inputs):
        return self.function(*inputs)


def test_second_order_where_it_exists():
    """The result is linear in the data: second derivatives along it are exact, in all four orders of the modes."""
    data, loc = inputs_of(CASES["SpatialTransformer"][1:])
    fixed = loc.detach()
    torch.autograd.gradgradcheck(lambda data: warp(data, fixed).square(), (data,), check_fwd_over_rev=True)
    data, offset, weight = (value.detach() for value in inputs_of(CASES["DeformableConvolution"][1:]))
    hessian = torch.func.hessian(lambda weight: deform(data, offset, weight).square().sum())(weight)
    jacobian = torch.func.jacrev(lambda weight: deform(data, offset, weight))(weight).reshape(-1, weight.numel())
    torch.testing.assert_close(hessian.reshape(weight.numel(), -1), 2 * jacobian.T @ jacobian)


def test_jacobians_of_both_modes_agree():
    data, loc = (value.detach() for value in inputs_of(CASES["SpatialTransformer"][1:]))
    forward = torch.func.jacfwd(warp, argnums=(0, 1))(data, loc)
    reverse = torch.func.jacrev(warp, argnums=(0, 1))(data, loc)
    for one, other in zip(forward, reverse):
        torch.testing.assert_close(one, other)
        assert one.abs().max() > 0.1


def test_vmap_over_shared_inputs():
    """Filters that differ are convolved with one after the other."""
    data, offset, weight = (value.detach() for value in inputs_of(CASES["DeformableConvolution"][1:]))
    weights = torch.stack([weight, -2 * weight])
    out = torch.func.vmap(deform, in_dims=(None, None, 0))(data, offset, weights)
    assert torch.equal(out[0], deform(data, offset, weight))
    torch.testing.assert_close(out[1], -2 * out[0])
    compiled = torch.compile(torch.func.vmap(deform, in_dims=(None, None, 0)), fullgraph=True)
    assert torch.equal(compiled(data, offset, weights), out)


def test_tangents_in_compiled_code_are_refused():
    data, loc = (value.detach() for value in inputs_of(CASES["SpatialTransformer"][1:]))

    @torch.compile(fullgraph=True)
    def tangent(data, loc):
        return torch.func.jvp(warp, (data, loc), (data, loc))[1]

    with pytest.raises(Exception, match="forward mode was asked for in compiled code"):
        tangent(data, loc)


def test_shapes_that_change_are_compiled_again():
    compiled = torch.compile(lambda data, loc: warp(data, loc, tuple(data.shape[2:])), fullgraph=True, dynamic=True)
    for size in (4, 7):
        data, loc = random(2, 3, size, 6, dtype=torch.float32), random(2, 6, dtype=torch.float32)
        assert torch.equal(compiled(data, loc), warp(data, loc, (size, 6)))


def test_layouts_and_memory():
    data, loc = random(2, 3, 5, 6, dtype=torch.float32, grad=False), random(2, 6, dtype=torch.float32, grad=False)
    out = warp(data, loc)
    np.testing.assert_array_equal(out.numpy(), so.SpatialTransformer(data.numpy(), loc.numpy(), target_shape=(4, 4)))
    last = data.to(memory_format=torch.channels_last)
    strided = data.repeat_interleave(2, dim=3)[..., ::2]
    assert not last.is_contiguous() and not strided.is_contiguous()
    grads = []
    for other in (data, last, strided):
        leaf = other.detach().requires_grad_()
        result = warp(leaf, loc)
        assert torch.equal(result, out)
        grads += torch.autograd.grad(result.square().sum(), leaf)
    assert torch.equal(grads[0], grads[1]) and torch.equal(grads[0], grads[2])
    from spatial_op.adapters.torch_tensors import arrays

    (array,) = arrays([data])
    assert array.ctypes.data == data.data_ptr(), "the input is not copied"
    assert not out.numpy().flags.owndata, "the result's memory is NumPy's"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_dtypes(dtype):
    data, loc = random(1, 2, 5, 6, dtype=dtype), random(1, 6, dtype=dtype)
    out = warp(data, loc)
    assert out.dtype == dtype
    out.sum().backward()
    assert data.grad.dtype == loc.grad.dtype == dtype and loc.grad.abs().max() > 0


def test_autocast_computes_in_float32():
    data, loc = random(1, 2, 5, 6, dtype=torch.bfloat16), random(1, 6, dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = warp(data, loc)
        assert out.dtype == torch.float32
        assert torch.equal(out, warp(data.float(), loc))
        assert warp(data.double(), loc).dtype == torch.float64
    out.sum().backward()
    assert data.grad.dtype == torch.bfloat16


def test_meta_tensors_have_a_shape_only():
    out = warp(torch.empty(2, 3, 5, 6, device="meta"), torch.empty(2, 6, device="meta"))
    assert out.is_meta and out.shape == (2, 3, 4, 4)


def test_errors():
    data, loc = random(2, 3, 5, 6), random(2, 6)
    with pytest.raises(ValueError, match=r"SpatialTransformer: loc has shape \(3, 6\)"):
        warp(data, torch.cat([loc, loc[:1]]))
    with pytest.raises(TypeError, match="loc is a numpy.ndarray, expected a torch.Tensor"):
        warp(data, loc.detach().numpy())
    with pytest.raises(TypeError, match="out is given and the inputs are tensors"):
        so.SpatialTransformer(data, loc, (4, 4), out=data)
    with pytest.raises(Exception, match=r"SpatialTransformer: loc has shape \(3, 6\)"):
        torch.compile(warp, fullgraph=True)(data.detach(), torch.cat([loc, loc[:1]]).detach())
    with pytest.raises(ValueError, match="DeformConv2d: groups is 3"):
        so.torch.DeformConv2d(4, 4, 3, groups=3)


def test_modules():
    torch.manual_seed(0)
    module = so.torch.DeformConv2d(4, 6, (3, 2), stride=2, padding=(1, 0), dilation=1, groups=2)
    data, offset, mask = random(2, 4, 7, 8), random(2, 24, 4, 4), random(2, 12, 4, 4)
    module = module.double()
    zero = torch.zeros_like(offset)
    plain = torch.nn.functional.conv2d(data, module.weight, module.bias, 2, (1, 0), 1, 2)
    torch.testing.assert_close(module(data, zero), plain)
    torch.testing.assert_close(module(data, offset, torch.ones_like(mask)), module(data, offset))
    module(data, offset, mask).sum().backward()
    assert all(parameter.grad.abs().max() > 0 for parameter in module.parameters())
    assert math.isclose(module.weight.abs().max().item(), 1 / math.sqrt(2 * 6), rel_tol=0.2)
    assert list(module.state_dict()) == ["weight", "bias"]
    assert "kernel_size=(3, 2)" in repr(module) and "(4, 4)" in repr(so.torch.SpatialTransformer((4, 4)))
    warped = so.torch.SpatialTransformer((4, 5), "translation", padding_mode="border")
    loc = random(2, 2)
    expected = so.SpatialTransformer(data, loc, (4, 5), "translation", padding_mode="border")
    assert torch.equal(warped(data, loc), expected)


def test_training_moves_the_transform():
    """A shift is found by gradient descent."""
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, 21), torch.linspace(-1, 1, 21), indexing="ij")
    image = torch.exp(-4 * (rows**2 + columns**2))[None, None]
    wanted = warp(image, torch.tensor([[1.0, 0, 0.2, 0, 1, -0.1]]), (21, 21))
    loc = torch.tensor([[1.0, 0, 0, 0, 1, 0]], requires_grad=True)
    optimizer = torch.optim.Adam([loc], lr=0.02)
    for _ in range(100):
        optimizer.zero_grad()
        (warp(image, loc, (21, 21)) - wanted).square().mean().backward()
        optimizer.step()
    torch.testing.assert_close(loc.detach()[0, [2, 5]], torch.tensor([0.2, -0.1]), atol=0.02, rtol=0)
