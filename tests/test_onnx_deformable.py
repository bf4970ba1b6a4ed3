"""Deformable convolutions beside ONNX's DeformConv: its reference evaluator's and ONNX Runtime's."""

import numpy as np
import pytest

import reference
import spatial_op as so

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
from onnx.reference import ReferenceEvaluator  # noqa: E402

# Kernel, strides, pads, dilations, groups, deformable groups, bias, mask.
CASES = [
    ((3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 1, 1, True, False),
    ((3, 2), (2, 1), (1, 0, 1, 0), (1, 2), 2, 1, False, True),
    ((2, 3), (1, 2), (0, 2, 0, 2), (2, 1), 1, 2, True, True),
    ((3, 3), (1, 1), (2, 0, 1, 1), (1, 1), 2, 4, False, False),  # more rows above than below
]


def model_of(case):
    """One node with its inputs, and the sizes of its result."""
    kernel, strides, pads, dilations, groups, deformables, bias, mask = case
    rng = np.random.default_rng(0)
    size = [
        (length + pads[axis] + pads[axis + 2] - dilations[axis] * (kernel[axis] - 1) - 1) // strides[axis] + 1
        for axis, length in enumerate((7, 9))
    ]
    taps = kernel[0] * kernel[1] * deformables
    inputs = {
        "X": rng.normal(size=(2, 4, 7, 9)),
        "W": rng.normal(size=(6, 4 // groups, *kernel)),
        "offset": rng.uniform(-3, 3, (2, 2 * taps, *size)),
    }
    if bias:
        inputs["B"] = rng.normal(size=6)
    if mask:
        inputs["mask"] = rng.random((2, taps, *size))
    inputs = {name: value.astype("float32") for name, value in inputs.items()}
    order = [name if name in inputs else "" for name in ("X", "W", "offset", "B", "mask")]
    while not order[-1]:
        order.pop()
    helper = onnx.helper
    node = helper.make_node(
        "DeformConv", order, ["out"], kernel_shape=kernel, strides=strides, pads=pads, dilations=dilations, group=groups,
        offset_group=deformables,
    )  # fmt: skip
    values = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, value.shape) for name, value in inputs.items()
    ]
    out = helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "deform", values, [out])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9), inputs


@pytest.mark.parametrize("case", CASES)
def test_three_implementations_agree(case, record_property):
    model, inputs = model_of(case)
    (mine,) = ReferenceEvaluator(model, new_ops=so.onnx.OPS).run(None, inputs)
    (theirs,) = ReferenceEvaluator(model).run(None, inputs)
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (run,) = session.run(None, inputs)
    np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(mine, run, rtol=1e-4, atol=1e-4)
    kernel, strides, pads, dilations, groups, deformables, bias, mask = case
    if pads[:2] == pads[2:]:
        params = {
            "kernel": kernel, "stride": strides, "pad": pads[:2], "dilate": dilations, "num_filter": 6, "num_group": groups,
            "num_deformable_group": deformables, "no_bias": not bias,
        }  # fmt: skip
        op = so.ModulatedDeformableConvolution if mask else so.DeformableConvolution
        labels = ("X", "offset", *(["mask"] if mask else []), "W", *(["B"] if bias else []))
        direct = op(*(inputs[label] for label in labels), border="zeros", **params)
        np.testing.assert_array_equal(direct, mine)
    row = [str(case), f"{abs(mine - theirs).max():.1e}", f"{abs(mine - run).max():.1e}"]
    record_property("table", ("DeformConv: largest difference", ["", "evaluator", "ONNX Runtime"], row))


def test_attributes_left_out():
    """A plain convolution, by ONNX's defaults."""
    model, inputs = model_of(CASES[0])
    del model.graph.node[0].attribute[:]
    inputs["offset"] = inputs["offset"][:, :, 1:-1, 1:-1].copy()
    model.graph.input[2].CopyFrom(
        onnx.helper.make_tensor_value_info("offset", onnx.TensorProto.FLOAT, inputs["offset"].shape)
    )
    (mine,) = ReferenceEvaluator(model, new_ops=so.onnx.OPS).run(None, inputs)
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(mine, session.run(None, inputs)[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("size", [(9,), (3, 4, 5)], ids=["signals", "volumes"])
def test_signals_and_volumes_with_uneven_margins(size):
    """ONNX's text is about any number of axes; the evaluator with these operators runs it."""
    axes, rng = len(size), np.random.default_rng(0)
    pads = (*[1] * axes, *[0] * (axes - 1), 2)
    target = tuple(length + pads[axis] + pads[axes + axis] - 1 for axis, length in enumerate(size))
    shapes = {"X": (2, 4, *size), "W": (6, 4, *[2] * axes), "offset": (2, axes * 2**axes, *target)}
    inputs = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    helper = onnx.helper
    node = helper.make_node("DeformConv", list(inputs), ["out"], pads=pads)
    values = [helper.make_tensor_value_info(name, onnx.TensorProto.DOUBLE, None) for name in (*inputs, "out")]
    graph = helper.make_graph([node], "deform", values[:-1], values[-1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    (out,) = ReferenceEvaluator(model, new_ops=so.onnx.OPS).run(None, inputs)
    padded = np.pad(inputs["X"], ((0, 0), (0, 0), *zip(pads[:axes], pads[axes:])))
    expected = reference.deformable_convolution(padded, inputs["offset"], inputs["W"], border="zeros")
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-12)
