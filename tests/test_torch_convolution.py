"""torchvision's deformable convolution by its own name, against the text book, and modules that load its and mmcv's states.

The cases follow the description of torchvision's test: groups of weights and of offsets, steps, gaps and margins that differ
along rows and columns, with and without mask and bias, contiguous or not.
"""

import itertools

import numpy as np
import pytest

from reference import deformable_convolution as first
from reference import deformable_convolution_backward as pull_first
from reference import modulated_deformable_convolution as second
from reference import modulated_deformable_convolution_backward as pull_second

torch = pytest.importorskip("torch")
from spatial_op.torch import DeformConv2d, DeformConv2dPack, ModulatedDeformConv2dPack, deform_conv2d  # noqa: E402

STRIDE, PADDING, DILATION, KERNEL = (2, 1), (1, 0), (2, 1), (3, 2)
TITLE = "torchvision's samples of deform_conv2d"


def drawn(batch, masked, biased, contiguous, dtype=torch.float64):
    """6 channels in 2 groups of weights, 3 of offsets."""
    rng = np.random.default_rng(0)
    target = (5 + 2 - 5) // 2 + 1, 4 - 2 + 1
    shapes = {
        "input": (batch, 6, 5, 4),
        "offset": (batch, 36, *target),
        "weight": (2, 3, *KERNEL),
        "bias": (2,) if biased else None,
        "mask": (batch, 18, *target) if masked else None,
    }
    given = {name: torch.from_numpy(rng.normal(size=shape)).to(dtype) for name, shape in shapes.items() if shape}
    if not contiguous:
        turned = {
            name: value.transpose(-1, -2).contiguous().transpose(-1, -2)
            for name, value in given.items()
            if value.ndim > 1
        }
        given |= turned
    return given


OPTIONS = {"stride": STRIDE, "padding": PADDING, "dilation": DILATION}


def expected(given, upper):
    """The text book's result and gradients, in torchvision's order."""
    params = {
        "kernel": KERNEL, "stride": STRIDE, "pad": PADDING, "dilate": DILATION, "num_filter": 2, "num_group": 2,
        "num_deformable_group": 3,
    }  # fmt: skip
    arrays = {name: value.numpy() for name, value in given.items()}
    inputs, forward, backward = [arrays["input"], arrays["offset"]], second, pull_second
    if "mask" in arrays:
        inputs.append(arrays["mask"])
    else:
        forward, backward, params["border"] = first, pull_first, "zeros"
    inputs += [arrays["weight"], arrays.get("bias")]
    labels = [label for label in ("input", "offset", "mask", "weight", "bias") if label in arrays]
    grads = dict(zip(labels, backward(*inputs, upper.numpy(), **params)))
    return [forward(*inputs, **params), *(grads[label] for label in given)]


@pytest.mark.parametrize(
    "batch, masked, biased, contiguous", list(itertools.product((1, 3), (True, False), (True, False), (True, False)))
)
def test_samples(batch, masked, biased, contiguous, record_property):
    given = drawn(batch, masked, biased, contiguous)
    upper = torch.from_numpy(np.random.default_rng(1).normal(size=(batch, 2, 2, 3)))
    leaves = {name: value.clone().requires_grad_() for name, value in given.items()}
    out = deform_conv2d(**leaves, **OPTIONS)
    found = [out, *torch.autograd.grad(out, list(leaves.values()), upper)]
    worst = 0.0
    for value, wanted in zip(found, expected(given, upper)):
        worst = max(worst, float(np.abs(value.detach().numpy() - wanted).max()))
    words = f"{batch} images, mask {masked}, bias {biased}, contiguous {contiguous}", f"{worst:.1e}"
    record_property("table", (TITLE, ("", "largest difference"), words))
    assert worst < 1e-12


def test_no_images():
    given = drawn(0, True, True, True)
    leaves = {name: value.requires_grad_() for name, value in given.items()}
    out = deform_conv2d(**leaves, **OPTIONS)
    assert out.shape == (0, 2, 2, 3)
    assert all(not grad.any() for grad in torch.autograd.grad(out.sum(), list(leaves.values())))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("precise", [("offset",), ("weight", "bias"), ("offset", "mask", "weight", "bias")])
def test_half_images(dtype, precise):
    """With float32 for what needs digits; each gradient has its input's dtype."""
    given = drawn(2, True, True, True, getattr(torch, dtype))
    given |= {name: given[name].float() for name in precise}
    leaves = {name: value.requires_grad_() for name, value in given.items()}
    out = deform_conv2d(**leaves, **OPTIONS)
    whole = deform_conv2d(**{name: value.detach().float() for name, value in given.items()}, **OPTIONS)
    assert out.dtype == getattr(torch, dtype) and torch.equal(out, whole.to(out.dtype))
    out.sum().backward()
    assert all(leaf.grad.dtype == leaf.dtype for leaf in leaves.values())


def test_autocast_keeps_the_dtype():
    """As torchvision: computed in float32, and brought back."""
    given = drawn(2, True, True, True, torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        out = deform_conv2d(**given, **OPTIONS)
    assert out.dtype == torch.bfloat16


GIVEN = drawn(2, True, True, True, torch.float32)

REFUSED = {
    "no tensor": ({"weight": [1.0]}, TypeError, "weight is a builtins.list, expected a torch.Tensor; convert it with torch.as_tensor(weight)."),
    "one image": ({"input": GIVEN["input"][0]}, ValueError,
                  "input has shape (6, 5, 4), expected 4 axes; add the missing axes in front with input[None]."),
    "offsets": ({"offset": GIVEN["offset"][:, :35]}, ValueError,
                "offset has 35 numbers at each position, expected 12, y and x of each tap, times a number of groups that divides "
                "input's channels; pass that many."),
    "channels": ({"weight": torch.ones(2, 4, 3, 2)}, ValueError,
                 "weight has shape (2, 4, 3, 2) and input 6 channels, expected (filters, channels of a group, height, width) with "
                 "groups of one size; pass a weight whose second size divides the channels."),
    "narrow weight": ({"weight": GIVEN["weight"].half()}, TypeError,
                      "weight has dtype float16 and input has dtype float32, expected weight to be at least as precise; "
                      "convert it with weight.to(input.dtype)."),
    "no padding": (
        {"input": torch.ones(1, 6, 5, 5), "offset": torch.zeros(1, 12, 5, 6), "mask": None, "padding": 0, "stride": 1, "dilation": 1}, ValueError,
        "offset has shape (1, 12, 5, 6), expected (1, 12, 3, 4), input's batch, y and x of each tap in each deformable group, and the size of the "
        "output with padding=(0, 0); pass padding=(1, 1), or a torch.Tensor of shape (1, 12, 3, 4)."),
    "a small image": ({"input": GIVEN["input"][:, :, :1], "padding": 0}, ValueError,
                      "weight is 5 pixels high with its dilation and input 1 with its padding, expected it to fit; "
                      "pass a smaller weight, less dilation or more padding."),
    "stride": ({"stride": 0}, ValueError, "stride[0] is 0, expected at least 1; pass a larger number."),
    "padding": ({"padding": -1}, ValueError, "padding[0] is -1, expected at least 0; pass a larger number."),
    "dilation": ({"dilation": 0}, ValueError, "dilation[0] is 0, expected at least 1; pass a larger number."),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    changed, error, sentence = REFUSED[name]
    with pytest.raises(error) as caught:
        deform_conv2d(**{**GIVEN, **OPTIONS, **changed})
    assert str(caught.value) == f"deform_conv2d: {sentence}"


def test_one_number_for_rows_and_columns():
    data, weight, offset = torch.rand(1, 2, 6, 6), torch.rand(3, 2, 3, 3), torch.zeros(1, 18, 3, 3)
    found = deform_conv2d(data, offset, weight, stride=2, padding=1, dilation=1)
    assert torch.allclose(found, torch.nn.functional.conv2d(data, weight, stride=2, padding=1), atol=1e-6)


# State of torchvision's and mmcv's modules: class, arguments, names and shapes.
STATES = {
    "torchvision DeformConv2d": (DeformConv2d, {}, {"weight": (8, 4, 3, 3), "bias": (8,)}),
    "mmcv DeformConv2d": (DeformConv2d, {"bias": False, "groups": 2}, {"weight": (8, 2, 3, 3)}),
    "mmcv ModulatedDeformConv2d": (DeformConv2d, {"groups": 2}, {"weight": (8, 2, 3, 3), "bias": (8,)}),
    "mmcv DeformConv2dPack": (
        DeformConv2dPack, {"deform_groups": 2},
        {"weight": (8, 4, 3, 3), "conv_offset.weight": (36, 4, 3, 3), "conv_offset.bias": (36,)},
    ),
    "mmcv ModulatedDeformConv2dPack": (
        ModulatedDeformConv2dPack, {"deform_groups": 2},
        {"weight": (8, 4, 3, 3), "bias": (8,), "conv_offset.weight": (54, 4, 3, 3), "conv_offset.bias": (54,)},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STATES)
def test_states_load(name):
    make, options, shapes = STATES[name]
    module = make(4, 8, kernel_size=3, padding=1, **options)
    state = {key: torch.rand(shape) for key, shape in shapes.items()}
    module.load_state_dict(state)
    assert all(torch.equal(value, state[key]) for key, value in module.state_dict().items())


def test_packs_find_their_offsets():
    """They begin as a plain convolution, and half of one; then offsets and masks are those of ``conv_offset``."""
    data = torch.rand(2, 4, 6, 5)
    first = DeformConv2dPack(4, 8, kernel_size=3, padding=1)
    second = ModulatedDeformConv2dPack(4, 8, kernel_size=3, padding=1, deform_groups=2)
    for module, share in ((first, 1.0), (second, 0.5)):
        plain = torch.nn.functional.conv2d(data, module.weight, padding=1) * share
        plain = plain if module.bias is None else plain + module.bias[:, None, None]
        assert torch.allclose(module(data), plain, atol=1e-5)
        torch.nn.init.normal_(module.conv_offset.weight, std=0.3)
        found, given = module(data), module.conv_offset(data)
        offset, mask = given[:, : module.offsets], given[:, module.offsets :].sigmoid()
        assert given.shape[1] == (18 if module is first else 54)
        mask = None if module is first else mask
        assert torch.allclose(
            found, deform_conv2d(data, offset, module.weight, module.bias, padding=1, mask=mask), atol=1e-6
        )
        found.sum().backward()
        assert module.conv_offset.weight.grad.abs().sum() > 0


def test_the_module_names_the_padding_that_was_forgotten():
    module = DeformConv2d(6, 2, 3)
    with pytest.raises(
        ValueError, match=r"^DeformConv2d: mask has shape .*; pass padding=\(1, 1\), or a torch\.Tensor of shape "
    ):
        module(torch.ones(1, 6, 5, 5), torch.zeros(1, 18, 3, 3), torch.ones(1, 9, 5, 5))
    with pytest.raises(
        ValueError, match=r"^DeformConv2d: offset has shape .*; pass padding=\(1, 1\), or a torch\.Tensor of shape "
    ):
        module(torch.ones(1, 6, 5, 5), torch.zeros(1, 18, 5, 5))
