"""Exported models beside the operators, in ONNX Runtime and in ONNX's reference evaluator with our operators."""

import numpy as np
import pytest
from oracle import ONNX

import spatial_op as so
from spatial_op.paddings import PADDINGS
from spatial_op.samplers import SAMPLERS

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
from onnx.reference import ReferenceEvaluator  # noqa: E402

TITLE = "Exported to ONNX: largest difference"
AFFINE = {"target_shape": (7, 9)}
VOLUME = {"target_shape": (4, 5, 6)}

# Operator, parameters, shapes of the inputs.
CASES = {
    "affine": ("SpatialTransformer", AFFINE, (3, 2, 10, 12), (3, 6)),
    "affine, edges, border": (
        "SpatialTransformer", {**AFFINE, "align_corners": False, "padding_mode": "border"}, (3, 2, 10, 12), (3, 6),
    ),
    "affine, bicubic, reflection": (
        "SpatialTransformer", {**AFFINE, "sampler_type": "bicubic", "padding_mode": "reflection"}, (3, 2, 10, 12), (3, 6),
    ),
    "affine, volumes": ("SpatialTransformer", VOLUME, (3, 2, 6, 7, 8), (3, 12)),
    "translation, volumes": (
        "SpatialTransformer", {**VOLUME, "transform_type": "translation", "sampler_type": "nearest"}, (3, 2, 6, 7, 8), (3, 3),
    ),
    "attention, volumes": ("SpatialTransformer", {**VOLUME, "transform_type": "attention"}, (3, 2, 6, 7, 8), (3, 4)),
    "projective, volumes": ("SpatialTransformer", {**VOLUME, "transform_type": "projective"}, (3, 2, 6, 7, 8), (3, 15)),
    "translation": ("SpatialTransformer", {**AFFINE, "transform_type": "translation"}, (3, 2, 10, 12), (3, 2)),
    "attention": ("SpatialTransformer", {**AFFINE, "transform_type": "attention"}, (3, 2, 10, 12), (3, 3)),
    "projective": ("SpatialTransformer", {**AFFINE, "transform_type": "projective"}, (3, 2, 10, 12), (3, 8)),
    "tps": ("SpatialTransformer", {**AFFINE, "transform_type": "tps"}, (3, 2, 10, 12), (3, 32)),
    "GridSampler, nearest": ("GridSampler", {"sampler_type": "nearest"}, (3, 2, 10, 12), (3, 2, 5, 4)),
    "GridSampler, nearest_even": ("GridSampler", {"sampler_type": "nearest_even"}, (3, 2, 10, 12), (3, 2, 5, 4)),
    "BilinearSampler": ("BilinearSampler", {}, (3, 2, 10, 12), (3, 2, 5, 4)),
    "GridGenerator": ("GridGenerator", {"transform_type": "affine", **AFFINE}, (3, 6)),
    "GridGenerator, warp": ("GridGenerator", {"transform_type": "warp"}, (3, 2, 7, 9)),
    "GridGenerator, warp, volumes": ("GridGenerator", {"transform_type": "warp"}, (3, 3, 4, 5, 6)),
    "DeformableConvolution": (
        "DeformableConvolution",
        {"kernel": (3, 2), "pad": (1, 1), "num_filter": 6, "num_group": 2, "num_deformable_group": 2, "border": "zeros"},
        (3, 4, 8, 9), (3, 24, 8, 10), (6, 2, 3, 2), (6,),
    ),
    "ModulatedDeformableConvolution": (
        "ModulatedDeformableConvolution",
        {"kernel": (3, 3), "stride": (2, 1), "dilate": (1, 2), "num_filter": 4, "no_bias": True},
        (3, 4, 8, 9), (3, 18, 3, 5), (3, 9, 3, 5), (4, 4, 3, 3),
    ),
    "DeformableConvolution, signals": (
        "DeformableConvolution",
        {"kernel": (3,), "stride": (2,), "pad": (2,), "num_filter": 6, "num_group": 2, "num_deformable_group": 2, "border": "zeros"},
        (3, 4, 9), (3, 6, 6), (6, 2, 3), (6,),
    ),
    "ModulatedDeformableConvolution, signals": (
        "ModulatedDeformableConvolution", {"kernel": (2,), "dilate": (3,), "num_filter": 4, "no_bias": True},
        (3, 4, 9), (3, 2, 6), (3, 2, 6), (4, 4, 2),
    ),
}  # fmt: skip


def numbers(name, shapes, dtype="float32"):
    rng = np.random.default_rng(0)
    arrays = [rng.uniform(-1, 1, shape).astype(dtype) for shape in shapes]
    if name.startswith("projective"):  # denominators of one sign
        arrays[1][:, -2 if len(shapes[0]) == 4 else -3 :] *= 0.3
    return arrays


@pytest.mark.parametrize("name", CASES)
def test_runtimes_compute_the_same(name, record_property):
    """With the batch of the example and with another one."""
    function, params, *shapes = CASES[name]
    op, arrays = getattr(so, function), numbers(name, shapes)
    model = so.onnx.export(op, *arrays, **params)
    labels = [value.name for value in model.graph.input]
    assert labels == list(op.operator.inputs[: len(arrays)])
    standard = {node.op_type for node in model.graph.node}
    assert {node.domain for node in model.graph.node} == {""}
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    evaluator = ReferenceEvaluator(model, new_ops=so.onnx.OPS)
    differences = []
    for batch in (3, 2):
        values = [value if label in op.operator.shared else value[:batch] for label, value in zip(labels, arrays)]
        expected = op(*values, **params)
        for run in (session.run, evaluator.run):
            (out,) = run(None, dict(zip(labels, values)))
            assert out.shape == expected.shape and out.dtype == expected.dtype
            np.testing.assert_allclose(out, expected, rtol=2e-5, atol=2e-5)
            differences.append(abs(out - expected).max())
    largest = f"{max(differences[::2]):.1e}", f"{max(differences[1::2]):.1e}"
    nodes = ", ".join(sorted(standard & {"AffineGrid", "GridSample", "DeformConv"}) or ["arithmetic"])
    record_property("table", (TITLE, ["", "nodes", "ONNX Runtime", "evaluator with OPS"], [name, nodes, *largest]))


def evaluate(op_type, inputs, new_ops, **attributes):
    """One node in the evaluator."""
    helper = onnx.helper
    values = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), None)
        for name, value in inputs.items()
    ]
    out = helper.make_tensor_value_info("out", values[0].type.tensor_type.elem_type, None)
    node = helper.make_node(op_type, list(inputs), ["out"], **attributes)
    model = helper.make_model(
        helper.make_graph([node], op_type, values, [out]), opset_imports=[helper.make_opsetid("", 20)]
    )
    return ReferenceEvaluator(model, new_ops=new_ops).run(None, inputs)[0]


@pytest.mark.parametrize("axes", [2, 3])
def test_the_evaluators_own_operators_agree(axes):
    """With ONNX's defaults, and with other attributes."""
    rng = np.random.default_rng(1)
    sizes, target = (4, 5, 6)[:axes], (3, 4, 2)[:axes]
    data = rng.normal(size=(2, 3, *sizes)).astype("float32")
    theta = rng.uniform(-1, 1, (2, axes, axes + 1)).astype("float32")
    inputs = {"theta": theta, "size": np.array([2, 3, *target], np.int64)}
    for attributes in ({}, {"align_corners": 1}):
        mine, theirs = (evaluate("AffineGrid", inputs, ops, **attributes) for ops in (so.onnx.OPS, None))
        assert mine.shape == (2, *target, axes)
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-5)
        inputs_of_sample = {"X": data, "grid": mine}
        for more in ({}, {"mode": "nearest", "padding_mode": "border", **attributes}):
            mine_sampled, theirs_sampled = (
                evaluate("GridSample", inputs_of_sample, ops, **more) for ops in (so.onnx.OPS, None)
            )
            np.testing.assert_allclose(mine_sampled, theirs_sampled, rtol=1e-4, atol=1e-5)


def test_nodes_fit_into_a_larger_graph():
    """A network's own names, and a wider loc."""
    data, loc = numbers("", [(2, 3, 6, 7), (2, 6)])
    parts, constants = so.onnx.nodes(
        so.SpatialTransformer,
        data,
        loc.astype("float64"),
        names=("image", "theta"),
        output="warped",
        target_shape=(4, 5),
    )
    helper = onnx.helper
    values = [
        helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, data.shape),
        helper.make_tensor_value_info("theta", onnx.TensorProto.DOUBLE, loc.shape),
    ]
    last = helper.make_node("Neg", ["warped"], ["out"])
    out = helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, None)
    graph = helper.make_graph([*parts, last], "network", values, [out], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (result,) = session.run(None, {"image": data, "theta": loc.astype("float64")})
    np.testing.assert_allclose(-result, so.SpatialTransformer(data, loc, (4, 5)), rtol=1e-5, atol=1e-5)


def test_what_cannot_be_exported_is_refused(monkeypatch):
    from spatial_op import transforms

    data, loc = numbers("", [(2, 4, 6, 7), (2, 6)])
    with pytest.raises(ValueError, match="loc has 1 samples and data has 2, expected as many, since ONNX shares none"):
        so.onnx.export(so.SpatialTransformer, data, loc[:1], target_shape=(4, 4))
    with pytest.raises(ValueError, match="sampler_type is 'bicubic' and padding_mode 'border'"):
        so.onnx.export(
            so.SpatialTransformer, data, loc, target_shape=(4, 4), sampler_type="bicubic", padding_mode="border"
        )
    for label, table, known in (
        ("sampler_type", SAMPLERS, ONNX.samplers),
        ("padding_mode", PADDINGS, ONNX.paddings),
    ):
        for name in set(table) - set(known):
            with pytest.raises(ValueError, match=f"export: {label} is '{name}', expected '.*since ONNX has no other"):
                so.onnx.export(so.SpatialTransformer, data, loc, target_shape=(4, 4), **{label: name})
    with pytest.raises(TypeError, match="export: op is .*, expected an operator of this package"):
        so.onnx.export(np.sin, data)
    with pytest.raises(TypeError, match="SpatialTransformer got 3 inputs, expected data, loc"):
        so.onnx.export(so.SpatialTransformer, data, loc, (4, 4))
    offset, weight = numbers("", [(2, 18, 4, 5), (4, 4, 3, 3)])
    params = {"kernel": (3, 3), "num_filter": 4, "no_bias": True}
    with pytest.raises(ValueError, match="border of DeformableConvolution is 'mxnet', expected 'zeros'"):
        so.onnx.export(so.DeformableConvolution, data, offset, weight, **params)
    with pytest.raises(ValueError, match=r"pad of DeformableConvolution is \(-1, 0\)"):
        so.onnx.export(so.DeformableConvolution, data, offset[:, :, :2], weight, pad=(-1, 0), border="zeros", **params)
    volumes = [np.ones(shape, "float32") for shape in ((1, 1, 2, 2, 2), (1, 3, 2, 2, 2), (1, 1, 1, 1, 1), (1,))]
    with pytest.raises(ValueError, match="data of DeformableConvolution has 5 axes, expected images or signals"):
        so.onnx.export(so.DeformableConvolution, *volumes, kernel=(1, 1, 1), num_filter=1, border="zeros")
    monkeypatch.setitem(transforms.TRANSFORMS, "bent", transforms.TRANSFORMS["projective"])
    with pytest.raises(ValueError, match="transform_type is 'bent', whose grid is not linear"):
        so.onnx.export(
            so.SpatialTransformer, data, np.ones((2, 8), "float32"), target_shape=(4, 4), transform_type="bent"
        )


@pytest.mark.parametrize("sampler_type", ["nearest", "nearest_even"])
@pytest.mark.parametrize("padding_mode", ONNX.paddings)
@pytest.mark.parametrize("align_corners", [True, False])
def test_halfway_between_pixels(sampler_type, padding_mode, align_corners):
    """ONNX Runtime takes the pixel that the operator takes: shrunk images, shifts by whole pixels, grids of half pixels."""
    rng = np.random.default_rng(2)
    rules = {"sampler_type": sampler_type, "padding_mode": padding_mode, "align_corners": align_corners}
    for sizes, target in (((12, 7), (6, 21)), ((112, 50), (56, 25)), ((6, 4, 5), (3, 8, 10)), ((1, 9), (4, 4))):
        axes = len(sizes)
        span = np.maximum(np.array(sizes[::-1]) - align_corners, 1)
        data = rng.normal(size=(2, 2, *sizes)).astype("float32")
        loc = so.identity_loc("affine", 2, axes=axes)
        loc[:, axes :: axes + 1] += 2 * rng.integers(-5, 5, (2, axes)) / span
        cases = [(so.SpatialTransformer, loc, {"target_shape": target, **rules})]
        if axes == 2:
            shift = loc[:, axes :: axes + 1].copy()
            cases.append(
                (so.SpatialTransformer, shift, {"transform_type": "translation", "target_shape": target, **rules})
            )
        pixels = rng.integers(-1, 2 * np.reshape(sizes[::-1], (-1, *(1,) * axes)), (2, axes, *target)) / 2
        middle = (np.reshape(sizes[::-1], (-1, *(1,) * axes)) - 1) / 2
        grid = (2 * (pixels - middle) / span.reshape(middle.shape)).astype("float32")
        cases.append((so.GridSampler, grid, rules))
        for op, given, params in cases:
            model = so.onnx.export(op, data, given, **params)
            assert model.graph.node[-1].op_type == "GridSample"
            session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
            (out,) = session.run(None, dict(zip([value.name for value in session.get_inputs()], (data, given))))
            np.testing.assert_array_equal(out, op(data, given, **params))
