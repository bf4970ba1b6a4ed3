"""PyTorch's other kinds of tensors: what holds no plain numbers is refused in a sentence, what only looks odd is computed."""

import numpy as np
import pytest

import spatial_op as so

torch = pytest.importorskip("torch")
from torch._subclasses import FakeTensorMode  # noqa: E402
from torch.fx.experimental.proxy_tensor import make_fx  # noqa: E402

# PyTorch's own parts still use what it calls deprecated, and warn of what is young or old.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

DATA = torch.from_numpy(np.random.default_rng(0).random((2, 3, 5, 6), "float32"))
LOC = torch.tensor([[0.9, 0.1, 0.0, -0.1, 0.8, 0.1]] * 2)


def warp(data, loc):
    return so.SpatialTransformer(data, loc, target_shape=(4, 4))


def quantized(data):
    return torch.quantize_per_tensor(data, 0.1, 0, torch.quint8)


def masked(data):
    return torch.masked.masked_tensor(data, data > 0.5)


DENSE = "expected a dense one; convert it with data.to_dense()."
CAST = "expected real or complex numbers of up to 64 bits each, integers or booleans; convert it with data.to(torch.float32)."
PICKS = (
    "expected one that picks a pixel, such as 'nearest', since labels have nothing in between; pass that, or convert numbers with "
    "data.to(torch.float32)."
)
REFUSED = {
    "on another device": (lambda data: data.to("meta"),
                          "loc is on cpu and data on meta, expected one device for all; move it with loc.to(data.device)."),
    "sparse": (lambda data: data.to_sparse(), f"data is a sparse_coo tensor, {DENSE}"),
    "rows compressed": (lambda data: data.to_sparse_csr(), f"data is a sparse_csr tensor, {DENSE}"),
    "of oneDNN": (lambda data: data.to_mkldnn(), f"data is a mkldnn tensor, {DENSE}"),
    "quantized": (quantized, "data is a quantized tensor, expected a floating point one; convert it with data.dequantize()."),
    "nested": (lambda data: torch.nested.nested_tensor(list(data)),
               "data is a nested tensor, expected a dense one; convert it with data.to_padded_tensor(0.0)."),
    "jagged": (lambda data: torch.nested.nested_tensor(list(data), layout=torch.jagged),
               "data is a nested tensor, expected a dense one; convert it with data.to_padded_tensor(0.0)."),
    "of 8 bits": (lambda data: data.to(torch.float8_e4m3fn), f"data has dtype float8_e4m3fn, {CAST}"),
    "of integers": (lambda data: data.int(), f"data has dtype int32 and sampler_type is 'bilinear', {PICKS}"),
    "fake": (lambda data: FakeTensorMode().from_tensor(data),
             "loc is a tensor with numbers beside a FakeTensor, expected all inputs to be fake or none; "
             "make it one with fake_mode.from_tensor(loc)."),
    "masked": (masked, "data is a torch.masked.maskedtensor.core.MaskedTensor, which does not say what operators do to it, "
                       "expected a plain torch.Tensor; pass the one inside data, such as data.to_tensor(0.0) for a masked one."),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    change, sentence = REFUSED[name]
    with pytest.raises(TypeError) as caught:
        warp(change(DATA), LOC)
    assert str(caught.value) == f"SpatialTransformer: {sentence}"


def test_conjugates_are_read_as_such():
    """Of which PyTorch keeps the numbers as they were, and a mark."""
    numbers = torch.complex(DATA, DATA.flip(0))
    assert torch.equal(warp(numbers.conj(), LOC), warp(numbers.conj().resolve_conj(), LOC))
    assert torch.equal(warp(numbers.conj().imag, LOC), -warp(numbers.imag.contiguous(), LOC))


def test_every_input_is_looked_at():
    """Of every operator; the first one decides on the device."""
    for op, shapes, params in (
        (so.SpatialTransformer, [(1, 1, 4, 4), (1, 6)], {"target_shape": (3, 3)}),
        (so.GridSampler, [(1, 1, 4, 4), (1, 2, 3, 3)], {}),
        (so.BilinearSampler, [(1, 1, 4, 4), (1, 2, 3, 3)], {}),
        (so.DeformableConvolution, [(1, 1, 4, 4), (1, 2, 4, 4), (1, 1, 1, 1), (1,)], {"kernel": (1, 1), "num_filter": 1}),
        (so.ModulatedDeformableConvolution, [(1, 1, 4, 4), (1, 2, 4, 4), (1, 1, 4, 4), (1, 1, 1, 1), (1,)],
         {"kernel": (1, 1), "num_filter": 1}),
    ):  # fmt: skip
        for place, name in enumerate(op.operator.inputs):
            inputs = [torch.ones(shape) for shape in shapes]
            for kind in (lambda value: value.to("meta"), lambda value: value.to_sparse(), quantized):
                odd = [kind(value) if place == at else value for at, value in enumerate(inputs)]
                with pytest.raises(TypeError, match=rf"^{op.__name__}: (\w+ is on \w+ and data on|{name} is a) .*\.$"):
                    op(*odd, **params)


def test_autocast_widens_no_integers():
    whole = (DATA * 255).to(torch.uint8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = warp(whole, LOC)
    assert found.dtype == torch.uint8 and torch.equal(found, warp(whole, LOC))
    with pytest.raises(
        TypeError, match=r"loc has dtype int32, expected .*; convert it with loc\.to\(torch\.float32\)\.$"
    ):
        warp(DATA.bfloat16(), LOC.int())


class Tagged(torch.Tensor):
    """A class without an opinion on operators."""


LAZY = {
    "negated when read": (lambda data: torch._neg_view(data.clone()), lambda data: -data),
    "an imaginary part of a conjugate": (lambda data: torch.complex(data, data).conj().imag, lambda data: -data),
    "zero without memory": (lambda data: torch._efficientzerotensor(tuple(data.shape)), torch.zeros_like),
    "a parameter": (torch.nn.Parameter, lambda data: data),
    "a subclass": (lambda data: data.as_subclass(Tagged), lambda data: data),
    "expanded": (lambda data: data[:1].expand(2, 3, 5, 6), lambda data: data[:1].repeat(2, 1, 1, 1)),
    "made in inference": (torch.inference_mode()(torch.clone), lambda data: data),
}


@pytest.mark.parametrize("name", LAZY)
def test_computed(name):
    change, same = LAZY[name]
    odd, plain = change(DATA), same(DATA)
    expected = warp(plain, LOC)
    assert torch.equal(warp(odd, LOC).detach().as_subclass(torch.Tensor), expected)
    with torch.no_grad():
        assert torch.equal(warp(odd, LOC.clone().requires_grad_()).as_subclass(torch.Tensor), expected)
    if name not in ("made in inference", "a subclass"):
        grads = torch.func.grad(lambda loc: warp(odd.detach(), loc).square().sum())(LOC)
        torch.testing.assert_close(grads, torch.func.grad(lambda loc: warp(plain, loc).square().sum())(LOC))
    with torch.no_grad():
        assert not warp(DATA.clone().requires_grad_(), LOC).requires_grad


def test_all_meta_is_a_shape():
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        out = warp(DATA.to("meta", dtype), LOC.to("meta", dtype).requires_grad_())
        assert out.is_meta and out.shape == (2, 3, 4, 4) and out.dtype == dtype and out.requires_grad


@pytest.mark.parametrize("record", ["trace", "make_fx real", "make_fx fake", "make_fx symbolic", "functionalize"])
def test_what_is_recorded_computes_for_other_inputs(record):
    """No result of the example is kept as a constant."""

    def both(data, loc):
        return warp(2 * data, loc) + 1

    if record == "trace":
        recorded = torch.jit.trace(both, (DATA, LOC))
    elif record == "functionalize":
        recorded = torch.func.functionalize(both)
    else:
        recorded = make_fx(both, tracing_mode=record.split()[1])(DATA, LOC)
    for data, loc in ((DATA, LOC), (DATA.flip(3) + 1, LOC * 0.5)):
        assert torch.equal(recorded(data, loc), both(data, loc))


@pytest.mark.parametrize("backend", ["eager", "aot_eager", "inductor"])
def test_forward_mode_and_compiled_code(backend):
    """What is compiled refuses tangents, those that come from outside too; without ``fullgraph`` PyTorch falls back."""
    forward_ad = torch.autograd.forward_ad
    expected = torch.func.jvp(warp, (DATA, LOC), (DATA, LOC))[1]

    def tangent(data, loc):
        return torch.func.jvp(warp, (data, loc), (data, loc))[1]

    torch.compiler.reset()
    with forward_ad.dual_level():
        duals = forward_ad.make_dual(DATA, DATA), LOC
        with pytest.raises(NotImplementedError, match="forward mode was asked for in compiled code"):
            torch.compile(warp, backend=backend)(*duals)
        assert torch.equal(torch.compile(warp, backend=backend)(DATA, LOC), warp(DATA, LOC))
    with pytest.raises(Exception, match="forward mode was asked for in compiled code"):
        torch.compile(tangent, fullgraph=True, backend=backend)(DATA, LOC)
    assert torch.equal(torch.compile(tangent, backend=backend)(DATA, LOC), expected)
    torch.compiler.reset()


def test_sentences_in_compiled_code():
    """They stand in what PyTorch's compiler raises, and are all there is where it may fall back."""
    for data, loc, size, sentence in (
        (DATA, LOC[:, None], (4, 4), r"write each sample as one row with loc\.reshape\(2, 6\)"),
        (DATA.int(), LOC, (4, 4), r"convert numbers with data\.to\(torch\.float32\)"),
        (DATA, LOC.to("meta"), (4, 4), r"move it with loc\.to\(data\.device\)"),
        (DATA, LOC, torch.tensor([4, 4]), "target_shape is an array in compiled or recorded code"),
    ):
        with pytest.raises(Exception, match=sentence):
            torch.compile(so.SpatialTransformer, fullgraph=True, backend="eager")(data, loc, size)
        torch.compiler.reset()
