"""The reference and the package beside ONNX: its own reference evaluator, and the numbers of its node tests."""

import warnings

import numpy as np
import pytest
from oracle import IDENTITY, IDENTITY_3D, ONNX, either_corner_rule, of_both, rules_of

import reference
import spatial_op as so

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnx.reference")
import spatial_op.onnx  # noqa: E402

# Sizes whose spans are powers of two, so that eighths of a pixel have exact coordinates: the evaluator rounds the pixel
# coordinates of float64 grids to float32.
SIZES = {("2-D", True): (5, 9), ("2-D", False): (4, 8), ("3-D", True): (3, 5, 9), ("3-D", False): (2, 4, 8)}
TARGETS = {"2-D": (11, 13), "3-D": (6, 7, 5)}


def evaluate(op, inputs, **attributes):
    """The evaluator's result of one node of operator set 20."""
    helper = onnx.helper
    values = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in inputs.items()
    ]
    out = helper.make_tensor_value_info("out", onnx.TensorProto.DOUBLE, None)
    graph = helper.make_graph([helper.make_node(op, list(inputs), ["out"], **attributes)], op, values, [out])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
    return onnx.reference.ReferenceEvaluator(model).run(None, inputs)[0]


def clamped_too_early(pixels, size, align_corners):
    """Where the evaluator's cubic samples with repeated borders are not those of an image with repeated borders.

    It moves a coordinate beyond the border onto the border pixel before it asks for the four taps, so the sample there
    is that pixel; but less than a pixel away, the taps are not all that pixel yet. PyTorch clamps the taps only.
    """
    edge = 0 if align_corners else 0.5
    return ((-1 < pixels) & (pixels < -edge)) | ((size - 1 + edge < pixels) & (pixels < size))


@pytest.mark.parametrize(
    "dimension, sampler_type, padding_mode, align_corners",
    of_both(rules_of(ONNX, 2), rules_of(ONNX, 3)),
)
def test_grid_sample(dimension, sampler_type, padding_mode, align_corners):
    sizes, target_shape = SIZES[dimension, align_corners], TARGETS[dimension]
    rng = np.random.default_rng(9)
    data = rng.normal(size=(2, 2, *sizes))
    span = np.array(sizes[::-1]).reshape(-1, *(1,) * len(sizes)) - align_corners
    middle = np.array(sizes[::-1]).reshape(span.shape) / 2 - 0.5
    pixels = np.round(8 * (middle + span * rng.normal(0, 0.7, (2, len(sizes), *target_shape)))) / 8
    if sampler_type == "nearest":  # halfway between two pixels the evaluator takes the even one, here it is the upper
        pixels += np.where(pixels % 2 == 0.5, 0.125, 0)
    grid = 2 * (pixels - middle) / span

    expected = evaluate(
        "GridSample", {"X": data, "grid": np.moveaxis(grid, 1, -1)},
        mode=ONNX.samplers[sampler_type], padding_mode=ONNX.paddings[padding_mode], align_corners=int(align_corners),
    )  # fmt: skip
    judged = np.full(expected.shape, True)
    if (sampler_type, padding_mode) == ("bicubic", "border"):
        for axis, size in enumerate(sizes[::-1]):
            judged &= ~clamped_too_early(pixels[:, [axis]], size, align_corners)
    assert judged.mean() > 0.3
    rules = {"padding_mode": padding_mode, "align_corners": align_corners}
    for found in (
        reference.grid_sampler(data, grid, sampler_type, **rules),
        so.GridSampler(data, grid, sampler_type, **rules),
    ):
        np.testing.assert_allclose(found[judged], expected[judged], rtol=0, atol=1e-13)


@either_corner_rule
@pytest.mark.parametrize("target_shape, identity", [((4, 7), IDENTITY["affine"]), ((4, 3, 7), IDENTITY_3D)])
def test_affine_grid(target_shape, identity, align_corners):
    """The evaluator computes in float64 and returns float32. An axis of one pixel makes it divide by zero."""
    rows = len(target_shape)
    loc = identity + 0.5 * np.random.default_rng(10).normal(size=(3, rows * (rows + 1)))
    theta, size = loc.reshape(3, rows, rows + 1), np.array([3, 1, *target_shape])
    expected = evaluate("AffineGrid", {"theta": theta, "size": size}, align_corners=int(align_corners))
    assert expected.dtype == "float32"
    for generate in (reference.grid_generator, so.GridGenerator):
        found = generate(loc, "affine", target_shape, align_corners=align_corners)
        np.testing.assert_allclose(found, np.moveaxis(expected, -1, 1), rtol=2**-23, atol=1e-15)


@pytest.fixture(scope="module")
def node_tests():
    """The official tests of the operators that ``OPS`` serves."""
    from onnx.backend.test.loader import load_model_tests

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of the other operators divide by zero, on purpose
        cases = load_model_tests(kind="node")
    served = {op.__name__ for op in so.onnx.OPS}
    return [case for case in cases if served & {node.op_type for node in case.model.graph.node}]


def test_official_node_tests(node_tests):
    """All of them, with their own tolerances."""
    failed = []
    for case in node_tests:
        names = [value.name for value in case.model.graph.input]
        evaluator = onnx.reference.ReferenceEvaluator(case.model, new_ops=so.onnx.OPS)
        for inputs, outputs in case.data_sets:
            for found, expected in zip(evaluator.run(None, dict(zip(names, inputs))), outputs, strict=True):
                same = found.shape == expected.shape and found.dtype == expected.dtype
                if not same or not np.allclose(found, expected, rtol=case.rtol, atol=case.atol):
                    failed.append(case.name)
    operators = {node.op_type for case in node_tests for node in case.model.graph.node}
    assert len(node_tests) >= 20 and {"GridSample", "AffineGrid", "DeformConv"} <= operators
    assert not failed
