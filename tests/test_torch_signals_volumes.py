"""Deformable convolutions of signals and volumes by their names in ``spatial_op.torch``, against the text book and PyTorch's convolutions."""

import numpy as np
import pytest

import reference

torch = pytest.importorskip("torch")
from spatial_op import torch as words  # noqa: E402

# By the number of axes: sizes of the input, the kernel, steps, margins and gaps.
SIZES = {1: ((11,), (3,), (2,), (2,), (2,)), 3: ((4, 3, 5), (2, 1, 3), (1, 2, 1), (1, 0, 2), (2, 1, 1))}
FUNCTIONS = {1: words.deform_conv1d, 3: words.deform_conv3d}
MODULES = {1: words.DeformConv1d, 3: words.DeformConv3d}
either = pytest.mark.parametrize("axes", SIZES)


def drawn(axes, masked):
    """6 channels in 2 groups of weights, 3 of offsets; and parameters by PyTorch's names."""
    sizes, kernel, *steps = SIZES[axes]
    target = [
        (size + 2 * more - gap * (taps - 1) - 1) // step + 1
        for size, taps, step, more, gap in zip(sizes, kernel, *steps)
    ]
    rng, taps = np.random.default_rng(0), int(np.prod(kernel))
    shapes = {
        "input": (2, 6, *sizes), "offset": (2, 3 * axes * taps, *target), "weight": (4, 3, *kernel), "bias": (4,),
        "mask": (2, 3 * taps, *target),
    }  # fmt: skip
    given = {
        name: torch.from_numpy(rng.normal(size=shape)) for name, shape in shapes.items() if masked or name != "mask"
    }
    return given, dict(zip(("stride", "padding", "dilation"), steps))


@either
@pytest.mark.parametrize("masked", [False, True])
def test_beside_the_reference(axes, masked):
    given, steps = drawn(axes, masked)
    leaves = {name: value.requires_grad_() for name, value in given.items()}
    out = FUNCTIONS[axes](**leaves, **steps)
    upper = torch.from_numpy(np.random.default_rng(1).normal(size=out.shape))
    order = [name for name in ("input", "offset", "mask", "weight", "bias") if name in given]
    found = [out, *torch.autograd.grad(out, [leaves[name] for name in order], upper)]
    name = "modulated_deformable_convolution" if masked else "deformable_convolution"
    arrays = [given[argument].detach().numpy() for argument in order]
    params = {
        "stride": steps["stride"], "pad": steps["padding"], "dilate": steps["dilation"], "num_group": 2,
        "num_deformable_group": 3, "border": "zeros",
    }  # fmt: skip
    expected = [getattr(reference, name)(*arrays, **params)]
    expected += getattr(reference, f"{name}_backward")(*arrays, upper.numpy(), **params)
    for value, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(value.detach().numpy(), wanted, rtol=0, atol=1e-12)


@either
def test_modules_without_offsets_are_pytorchs(axes):
    """One number stands for all axes; state and start are PyTorch's, whose modules load it."""
    torch.manual_seed(0)
    module = MODULES[axes](4, 6, 3, stride=2, padding=1, groups=2)
    theirs = getattr(torch.nn, f"Conv{axes}d")(4, 6, 3, stride=2, padding=1, groups=2)
    theirs.load_state_dict(module.state_dict())
    data, taps = torch.rand(2, 4, *(7, 5, 6)[:axes]), 3**axes
    expected = theirs(data)
    offset, mask = (torch.zeros(2, count * taps, *expected.shape[2:]) for count in (axes, 1))
    assert torch.allclose(module(data, offset), expected, atol=1e-6)
    assert torch.allclose(
        module(data, offset, mask + 0.5), 0.5 * (expected + module.bias.view(-1, *[1] * axes)), atol=1e-6
    )
    assert f"kernel_size={(3,) * axes}" in repr(module)
    given = {"weight": module.weight, "bias": module.bias, "stride": 2, "padding": 1}
    moved = torch.rand_like(offset)
    assert torch.equal(module(data, moved), FUNCTIONS[axes](data, moved, **given))


@either
def test_the_border_rule_of_mxnet(axes):
    """Beyond the last pixel's centre it has the pixel's value, here 1, where zeros fade."""
    beyond = torch.full((1, axes, *[1] * axes), 0.25)
    for border, expected in (("mxnet", 1.0), ("zeros", 0.75**axes)):
        module = MODULES[axes](1, 1, 1, bias=False, border=border)
        torch.nn.init.ones_(module.weight)
        assert module(torch.ones(1, 1, *[1] * axes), beyond).item() == expected


@either
@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
def test_vmap_and_compiled_code(axes):
    """As one node, of which the batch may be vectorized."""
    given, steps = drawn(axes, True)
    function = FUNCTIONS[axes]

    def call(input, offset, mask):
        return function(input, offset, given["weight"], given["bias"], mask=mask, **steps)

    tensors = [given[name] for name in ("input", "offset", "mask")]
    expected = call(*tensors)
    assert torch.equal(torch.compile(call, fullgraph=True)(*tensors), expected)
    each = torch.func.vmap(lambda *values: call(*(value[None] for value in values))[0])(*tensors)
    assert torch.allclose(each, expected, rtol=0, atol=1e-12)


WRONG = {
    "one signal": (lambda: words.deform_conv1d(torch.ones(4, 7), torch.ones(1, 3, 5), torch.ones(2, 4, 3)),
                   r"deform_conv1d: input has shape \(4, 7\), expected 3 axes; .*input\[None\]\."),
    "an image": (lambda: words.deform_conv3d(*[torch.ones(1, 1, 2, 2)] * 3), r"deform_conv3d: input has shape .*, expected 5 axes; .*\."),
    "offsets": (lambda: words.deform_conv3d(torch.ones(1, 1, 2, 2, 2), torch.ones(1, 2, 2, 2, 2), torch.ones(1, 1, 1, 1, 1)),
                r"deform_conv3d: offset has 2 numbers at each position, expected 3, z, y and x of each tap, times .*\."),
    "a step": (lambda: words.DeformConv1d(1, 1, (3, 3)), r"DeformConv1d: kernel_size is \(3, 3\), expected one integer, .*\."),
    "a module": (lambda: words.DeformConv3d(1, 1, 3)(torch.ones(1, 1, 4, 4), torch.ones(1, 81, 2, 2, 2)),
                 r"DeformableConvolution: data has shape \(1, 1, 4, 4\), expected 5 axes \(batch, channels, depth, height, width\); .*\."),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_calls(name):
    call, sentence = WRONG[name]
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        call()
