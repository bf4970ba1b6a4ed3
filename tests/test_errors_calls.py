"""Wrong calls of ``vjp`` and ``jvp``, and wrong parameters: one sentence each, the same in every framework."""

import re

import numpy as np
import pytest

import spatial_op as so

# MXNet uses what NumPy has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

DATA, LOC = np.ones((2, 3, 5, 7), "float32"), so.identity_loc("affine", 2)
OUT = np.ones((2, 3, 4, 6), "float32")
PARAMS = {"target_shape": (4, 6)}


def vjp(*inputs, op=so.SpatialTransformer, **params):
    return so.vjp(op, *(inputs or (DATA, LOC)), **{**PARAMS, **params})


def jvp(inputs, tangents, **params):
    return so.jvp(so.SpatialTransformer, inputs, tangents, **{**PARAMS, **params})


WRONG = [
    (lambda: vjp(grad_req=5), TypeError, r"SpatialTransformer: grad_req is 5, expected a word, a tuple .*; use 'write', 'add' or 'null'\."),
    (lambda: vjp(grad_req=None), TypeError, r"SpatialTransformer: grad_req is None, expected .*"),
    (lambda: vjp(grad_req={"write", "add"}), TypeError, r"SpatialTransformer: grad_req is \{.*\}, expected .*"),
    (lambda: vjp(grad_req=(1, "add")), ValueError, r"SpatialTransformer: grad_req is 1, which is not known; use .*"),
    (lambda: vjp(grad_req=(np.zeros(2), "add")), ValueError, r"SpatialTransformer: grad_req is array\(.*\), which is not known; use .*"),
    (lambda: vjp()[1](OUT, out=5), TypeError,
     r"SpatialTransformer: out is a builtins\.int, expected a tuple or list with an entry for each of data, loc; pass them as \(data, loc\)\."),
    (lambda: vjp()[1](OUT, out=DATA), TypeError, r"SpatialTransformer: out is a numpy\.ndarray, expected a tuple or list .*"),
    (lambda: vjp()[1](OUT, out={"data": DATA}), TypeError, r"SpatialTransformer: out is a builtins\.dict, expected .*"),
    (lambda: so.vjp(so.GridGenerator, LOC, transform_type="affine", **PARAMS)[1](np.ones((2, 2, 4, 6), "float32"), out=LOC), TypeError,
     r"GridGenerator: out is a numpy\.ndarray, .*; pass them as \(data,\)\."),
    (lambda: vjp(sampler_typ="nearest"), TypeError,
     r"vjp: sampler_typ is no parameter of SpatialTransformer, expected some of .*; use 'sampler_type'\."),
    (lambda: vjp(qqq=1), TypeError, r"vjp: qqq is no parameter of SpatialTransformer, expected .*; use 'target_shape', .* or '\w+'\."),
    (lambda: vjp(DATA, loc=LOC), TypeError, r"vjp: SpatialTransformer got 1 inputs, .*"),
    (lambda: vjp(data=DATA), TypeError,
     r"vjp: data is given by keyword, expected SpatialTransformer's inputs by position; pass data, loc in order\."),
    (lambda: so.vjp(so.GridGenerator, LOC, target_shape=(3, 4)), TypeError,
     r"vjp: transform_type of GridGenerator is missing, expected it as a keyword; .*"),
    (lambda: so.vjp(so.warp, DATA, np.eye(3)), TypeError, r"vjp: op is spatial_op.warp, expected an operator, .*; pass .*matrix\."),
    (lambda: so.vjp(None, DATA), TypeError, r"vjp: op is None, expected an operator of this package; .*"),
    (lambda: so.vjp("SpatialTransformer", DATA), TypeError, r"vjp: op is 'SpatialTransformer', expected an operator .*"),
    (lambda: jvp(None, None), TypeError, r"jvp: inputs is a builtins\.NoneType, expected a tuple or list .* data, loc; pass them as \(data, loc\)\."),
    (lambda: jvp((DATA, LOC), None), TypeError, r"jvp: tangents is a builtins\.NoneType, expected .*"),
    (lambda: jvp(DATA, LOC), TypeError, r"jvp: inputs is a numpy\.ndarray, expected a tuple or list .*"),
    (lambda: jvp((DATA, LOC), DATA), TypeError, r"jvp: tangents is a numpy\.ndarray, expected .*"),
    (lambda: jvp((DATA, LOC), (None, [1.0])), TypeError, r"SpatialTransformer: the tangent of loc is a builtins\.list, expected a NumPy array; .*"),
    (lambda: jvp((DATA, LOC), (None, None), grad_req="add"), TypeError, r"jvp: grad_req is no parameter of SpatialTransformer, .*"),
    (lambda: jvp((DATA, LOC), (DATA, LOC), out=np.ma.masked_array(OUT)), TypeError, r"SpatialTransformer: out is a masked array, .*"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "sentence"), WRONG, ids=[str(number) for number in range(len(WRONG))])
def test_wrong_calls_of_vjp_and_jvp(call, error, sentence):
    with pytest.raises(error) as caught:
        call()
    assert re.fullmatch(sentence, str(caught.value)), caught.value


def frameworks():
    """How each makes an array; what it says of differentiating its arrays here."""
    return {
        "torch": (lambda module, array: module.from_numpy(array), r"tensors have gradients of their own: call \w+ and then backward\(\), .*"),
        "jax": (lambda module, array: module.numpy.asarray(array), r"JAX has gradients of its own: call jax\.vjp or jax\.grad\."),
        "dask.array": (lambda module, array: module.from_array(array), r"compute it first with compute\(\), .*"),
        "mxnet": (lambda module, array: module.nd.array(array, dtype=array.dtype),
     r"MXNet has gradients of its own: .* mxnet\.autograd\.record\(\).*"),
    }  # fmt: skip


@pytest.mark.parametrize("framework", frameworks())
def test_frameworks_differentiate_by_themselves(framework):
    module = pytest.importorskip(framework)
    make, sentence = frameworks()[framework]
    with pytest.raises(
        TypeError, match=rf"^vjp: data of SpatialTransformer is a .*, expected a NumPy array; {sentence}"
    ):
        vjp(make(module, DATA), make(module, LOC))
    with pytest.raises(TypeError, match=r"^jvp: loc of SpatialTransformer is a .*, expected a NumPy array; .*\.$"):
        jvp((DATA, make(module, LOC)), (None, None))
    with pytest.raises(
        TypeError, match=r"^jvp: the tangent of loc of SpatialTransformer is a .*, expected a NumPy array"
    ):
        jvp((DATA, LOC), (None, make(module, LOC)))


# Parameters that no operator takes, and the sentences; and some that are welcome.
KERNEL = {"kernel": (3, 3), "pad": (1, 1), "num_filter": 4, "no_bias": True}
CONVOLVED = (DATA, np.zeros((2, 18, 5, 7), "float32"), np.ones((4, 3, 3, 3), "float32"))
WARPED = (DATA, LOC)
UNFIT = [
    *((so.SpatialTransformer, WARPED, "target_shape", value, ValueError, r"target_shape is .*, expected two integers, \(height, width\); .*")
      for value in ({3, 4}, {4: 1, 6: 2}, b"46", "46", 4, object(), np.array(4), frozenset((4, 6)), 3 + 0j, np.ones((3, 2), int))),
    *((so.SpatialTransformer, WARPED, "target_shape", value, TypeError, r"target_shape\[0\] is .*, expected an integer; .*")
      for value in ((4.5, 6), ("4", 6), (None, 6), np.array([4.0, 6.0]), np.array([True, False]), np.ones((2, 2), int))),
    *((so.SpatialTransformer, WARPED, "target_shape", (value, 6), ValueError, r"target_shape\[0\] is .*, expected a number between .*")
      for value in (2**31, 2**63, 10**400)),
    (so.SpatialTransformer, WARPED, "sampler_type", 5, ValueError, r"sampler_type is 5, which is not known; use .*"),
    (so.SpatialTransformer, WARPED, "padding_mode", None, ValueError, r"padding_mode is None, which is not known; use .*"),
    (so.SpatialTransformer, WARPED, "align_corners", 1, TypeError, r"align_corners is 1, expected True or False; .*"),
    *((so.DeformableConvolution, CONVOLVED, "stride", value, ValueError, r"stride(\[0\])? is .*, expected .*")
      for value in ((2**63, 1), (2**31, 1), 2**63, {1, 2}, b"12", (1, 1, 1), (0, 1))),
    (so.DeformableConvolution, CONVOLVED, "pad", (-(2**63), 1), ValueError, r"pad\[0\] is -9223372036854775808, expected a number between .*"),
    (so.DeformableConvolution, CONVOLVED, "layout", "NHWC", ValueError, r"layout is 'NHWC', expected 'NCHW' or None; move .*"),
    (so.DeformableConvolution, CONVOLVED, "num_filter", np.array([4, 4]), TypeError, r"num_filter is .*, expected an integer; .*"),
]  # fmt: skip


def arrays_of(framework):
    """How a framework makes an array."""
    if framework == "numpy":
        return lambda array: array
    module = pytest.importorskip(framework)
    return lambda array: frameworks()[framework][0](module, array)


@pytest.mark.parametrize("framework", ["numpy", *frameworks()])
def test_unfit_parameters(framework):
    make = arrays_of(framework)
    for op, inputs, name, value, error, sentence in UNFIT:
        params = {**(KERNEL if op is so.DeformableConvolution else PARAMS), name: value}
        with pytest.raises(error) as caught:
            op(*map(make, inputs), **params)
        assert re.fullmatch(rf"{op.__name__}: {sentence}", str(caught.value)), (name, value, caught.value)


@pytest.mark.parametrize("framework", ["numpy", *frameworks()])
def test_sizes_from_arrays(framework):
    """Lists, ranges, NumPy's numbers and arrays of any framework are sizes too."""
    make = arrays_of(framework)
    for sizes in (
        [4, 6],
        range(4, 7, 2),
        np.array([4, 6]),
        (np.int64(4), np.uint8(6)),
        make(np.array([4, 6], "int32")),
    ):
        assert tuple(so.SpatialTransformer(make(DATA), make(LOC), sizes).shape) == (2, 3, 4, 6)
        assert tuple(so.GridGenerator(make(LOC), "affine", sizes).shape) == (2, 2, 4, 6)


def test_traced_sizes_are_refused_by_name():
    jax = pytest.importorskip("jax")
    for sizes in ((4, 6), np.array([4, 6])):
        with pytest.raises(
            TypeError,
            match=r"^SpatialTransformer: target_shape is traced by JAX, expected .*static_argnames of jax\.jit .*\.(\n|$)",
        ):
            jax.jit(so.SpatialTransformer)(DATA, LOC, sizes)
    with pytest.raises(TypeError, match=r"^GridSampler: align_corners is traced by JAX"):
        jax.jit(lambda *inputs, corners: so.GridSampler(*inputs, align_corners=corners))(
            DATA, DATA[:, :2], corners=True
        )
    named = jax.jit(so.SpatialTransformer, static_argnames="target_shape")
    assert named(DATA, LOC, target_shape=(4, 6)).shape == (2, 3, 4, 6)


# What is no array of numbers as it stands.
UNFIT_ARRAYS = [
    (np.ma.masked_array(DATA, DATA > 0),
     r"data is a masked array, whose mask would be ignored, expected a plain one; fill it with data\.filled\(0\)\."),
    (LOC.view(np.matrix), r"data is a numpy\.matrix, expected a NumPy array; convert it with numpy\.asarray\(data\)\."),
    (np.zeros(DATA.shape, [("x", "f4"), ("y", "f4")]), r"data has dtype \[.*\], expected .*; pass one of its fields, such as data\['x'\]\."),
    (DATA.astype(np.longdouble), r"data has dtype (float128|float96), expected .*; convert it with data\.astype\('float32'\)\."),
    (DATA.astype(complex),
     r"loc has dtype float32 and data has dtype complex128, expected loc to be at least as precise; convert it with loc\.astype\('float64'\)\."),
    (DATA.astype("U3"), r"data has dtype <U3, expected .*"),
    (DATA.astype(object), r"data has dtype object, expected .*"),
    (np.float32(1), r"data is a numpy\.float32, expected a NumPy array; .*"),
    (None, r"data is None, expected a NumPy array; pass one\."),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(UNFIT_ARRAYS)))
def test_unfit_arrays(number):
    value, sentence = UNFIT_ARRAYS[number]
    with pytest.raises(TypeError) as caught:
        so.SpatialTransformer(value, LOC, (4, 6))
    assert re.fullmatch(f"SpatialTransformer: {sentence}", str(caught.value)), caught.value


def test_masks_are_not_ignored_beside_other_arrays():
    """Neither among the inputs of JAX, nor in the chunks of Dask."""
    masked = np.ma.masked_array(DATA, DATA > 0)
    for framework in ("jax", "dask.array", "torch", "mxnet"):
        try:
            make = arrays_of(framework)
        except pytest.skip.Exception:
            continue
        with pytest.raises(TypeError, match=r"data is a masked array, whose mask would be ignored"):
            so.SpatialTransformer(masked, make(LOC), (4, 6))
        if framework == "dask.array":
            with pytest.raises(
                TypeError, match=r"data has masked chunks, .* fill them with dask\.array\.ma\.filled\(data, 0\)\.$"
            ):
                so.SpatialTransformer(make(masked), make(LOC), (4, 6))


def test_where_mxnet_writes():
    """``out`` is one of its arrays, recorded or not, and fits; a sparse array has no plain rows of numbers."""
    mx = pytest.importorskip("mxnet")
    data, loc = mx.nd.array(DATA), mx.nd.array(LOC)
    fit = r"pass mxnet\.nd\.empty\(\(2, 3, 4, 6\), dtype='float32'\)\.$"
    with pytest.raises(ValueError, match=rf"^SpatialTransformer: out has shape \(2, 3, 4, 5\), expected .*; {fit}"):
        so.SpatialTransformer(data, loc, (4, 6), out=mx.nd.zeros((2, 3, 4, 5)))
    with pytest.raises(TypeError, match=rf"^SpatialTransformer: out has dtype float64, expected float32; {fit}"):
        so.SpatialTransformer(data, loc, (4, 6), out=mx.nd.zeros((2, 3, 4, 6), dtype="float64"))
    with mx.autograd.record(), pytest.raises(TypeError, match=r"^SpatialTransformer: out is a numpy\.ndarray, .*\.$"):
        so.SpatialTransformer(data, loc, (4, 6), out=OUT)
    with pytest.raises(
        TypeError, match=r"loc is a csr array, expected a dense one; convert it with loc\.tostype\('default'\)\.$"
    ):
        so.SpatialTransformer(data, loc.tostype("csr"), (4, 6))
    with pytest.raises(
        TypeError, match=r"loc is a mxnet.*NDArray, expected a mxnet\.sym\.Symbol .*; pass mxnet\.sym\.var\('loc'\)"
    ):
        so.SpatialTransformer(mx.sym.var("data"), loc, (4, 6))
    with (
        so.mxnet.patch(),
        pytest.raises(TypeError, match=r"^SpatialTransformer: target_shap is no parameter .*; use 'target_shape'\.$"),
    ):
        mx.nd.SpatialTransformer(data, loc, target_shap=(4, 6))


def test_the_module_of_deformable_convolution():
    pytest.importorskip("torch")
    for name, value, error in (
        ("groups", 0, ValueError), ("groups", "2", TypeError), ("in_channels", -1, ValueError), ("bias", 1, TypeError),
        ("border", "x", ValueError), ("kernel_size", 2**63, ValueError), ("stride", (0, 1), ValueError), ("dilation", True, TypeError),
    ):  # fmt: skip
        with pytest.raises(error, match=rf"^DeformConv2d: {name}(\[0\])? is .*; .*\.$"):
            so.torch.DeformConv2d(**{"in_channels": 4, "out_channels": 4, "kernel_size": 3, name: value})


def test_keywords_of_an_export():
    onnx = pytest.importorskip("spatial_op.onnx", exc_type=ImportError)
    with pytest.raises(TypeError, match=r"^export: padding is no parameter of GridSampler, .*; use 'padding_mode'\.$"):
        onnx.export(so.GridSampler, DATA, DATA[:, :2], padding="zeros")
