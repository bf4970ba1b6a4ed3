"""What a saved symbol has of spatial operators, read without MXNet."""

import json
import re

import numpy as np
import pytest
from record_checkpoints import FOLDER

import spatial_op as so

# MXNet uses what NumPy has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

# Each operator of MXNet's: its name in a file, the names of its inputs there, the texts of its parameters, and what they mean.
WARP = {"target_shape": "(4, 5)", "transform_type": "affine", "sampler_type": "bilinear", "cudnn_off": "True"}
TAPS = {"kernel": "(3, 3)", "pad": "(1L, 1L)", "num_filter": "4", "no_bias": "1", "workspace": "512", "layout": "None"}
MEANT = {"kernel": (3, 3), "pad": (1, 1), "num_filter": 4, "no_bias": True, "layout": None}
CASES = {
    "SpatialTransformer": ("SpatialTransformer", "data loc", WARP,
                           {"target_shape": (4, 5), "transform_type": "affine", "sampler_type": "bilinear"}),
    "GridGenerator": ("GridGenerator", "data", {"transform_type": "warp", "target_shape": "[0, 0]"},
                      {"transform_type": "warp", "target_shape": (0, 0)}),
    "BilinearSampler": ("BilinearSampler", "data grid", {}, {}),
    "DeformableConvolution": ("_contrib_DeformableConvolution", "data offset weight", TAPS, MEANT),
    "ModulatedDeformableConvolution": ("_contrib_ModulatedDeformableConvolution", "data offset mask weight bias",
                                       {**TAPS, "no_bias": "False", "im2col_step": "64"}, {**MEANT, "no_bias": False}),
}  # fmt: skip


def graph_of(operator, inputs, words, layout="attrs", name="here"):
    """A graph of one node and its variables, in one of the layouts of MXNet's versions."""
    variables = [{"op": "null", "name": f"the_{label}", "inputs": []} for label in inputs]
    entries = [[number, 0] if layout == "param" else [number, 0, 0] for number in range(len(inputs))]
    layouts = {layout: words}
    if layout != "attrs":  # old versions kept rates of learning beside the parameters
        layouts["attr"] = {**layouts.get("attr", {}), "lr_mult": "0.1"}
    return {"nodes": [*variables, {"op": operator, "name": name, "inputs": entries, **layouts}]}


def test_every_operator_of_mxnet_has_a_case():
    from spatial_op.operators.table import OPERATORS

    assert set(CASES) == set(OPERATORS) - {"GridSampler"}, "MXNet's own has no sampler of any kind"


@pytest.mark.parametrize("layout", ["attrs", "attr", "param"])
@pytest.mark.parametrize("name", CASES)
def test_every_operator_in_every_layout(name, layout):
    operator, inputs, words, meant = CASES[name]
    (node,) = so.mxnet.describe(graph_of(operator, inputs.split(), words, layout))
    assert (node.name, node.operator) == ("here", name)
    assert node.inputs == {label: f"the_{label}" for label in inputs.split()} and node.params == meant
    calls = []

    class Recorder:
        def __getattr__(self, attribute):
            return lambda *args, **kwargs: calls.append((attribute, args, kwargs))

    exec(node.call, {"spatial_op": Recorder(), **{f"the_{label}": label for label in inputs.split()}})
    assert calls == [(name, tuple(inputs.split()), meant)]


def test_nodes_of_ours_are_known():
    """What ``convert`` made, with what MXNet does not have."""
    words = {"op_type": "spatial_op.GridSampler", "sampler_type": "bicubic", "align_corners": "False"}
    (node,) = so.mxnet.describe(graph_of("Custom", ["data", "grid"], words))
    assert node.params == {"sampler_type": "bicubic", "align_corners": False}
    assert node.call == "here = spatial_op.GridSampler(the_data, the_grid, sampler_type='bicubic', align_corners=False)"
    assert so.mxnet.describe(graph_of("Custom", ["data"], {"op_type": "another"})) == []


def test_what_is_not_provided_is_named():
    words = {"pooled_size": "7", "no_trans": "True", "spatial_scale": "0.0625"}
    (node,) = so.mxnet.describe(graph_of("_contrib_DeformablePSROIPooling", ["data", "rois"], words, name="a\nb"))
    assert node[1:4] == (
        "DeformablePSROIPooling",
        {"input0": "the_data", "input1": "the_rois"},
        {"pooled_size": 7, "no_trans": True, "spatial_scale": 0.0625},
    )
    assert node.call == "# a_b: spatial_op has no DeformablePSROIPooling"
    (node,) = so.mxnet.describe(graph_of("Custom", ["data"], {"op_type": "spatial_op.Later\n"}))
    assert node.call == "# here: spatial_op has no Later_"
    others = ("Crop", "Convolution", "_contrib_SpatialTransformer", "DeformableConvolution", "ROIPooling")
    assert not any(so.mxnet.describe(graph_of(other, ["data"], {})) for other in others)


@pytest.mark.parametrize(
    ("name", "variable"), [("a/b.c-d", "a_b_c_d"), ("0_fwd", "_0_fwd"), ("lambda", "_lambda"), ("\xfc", "\xfc")]
)
def test_names_become_variables(name, variable):
    graph = graph_of("BilinearSampler", ["data", "grid"], {}, name=name)
    split = {"op": "SliceChannel", "name": name, "inputs": [[0, 0, 0]]}
    graph["nodes"] = [*graph["nodes"], split, {**graph["nodes"][-1], "inputs": [[3, 0, 0], [3, 2, 0]]}]
    node = so.mxnet.describe(graph)[-1]
    assert node.inputs == {"data": name, "grid": f"{name}[2]"}
    assert node.call == f"{variable} = spatial_op.BilinearSampler({variable}, {variable}[2])"


def test_bodies_of_loops_are_read():
    body = graph_of("GridGenerator", ["data"], CASES["GridGenerator"][2])
    loop = {"op": "_foreach", "name": "loop", "inputs": [], "subgraphs": [body]}
    nodes = graph_of("BilinearSampler", ["data", "grid"], {}, name="after")["nodes"]
    for _ in range(5000):
        loop = {**loop, "subgraphs": [{"nodes": [loop]}]}
    found = so.mxnet.describe({"nodes": [*nodes, loop]})
    assert [(node.name, *node.inputs.values()) for node in found] == [
        ("after", "the_data", "the_grid"),
        ("here", "the_data"),
    ]


def test_files_texts_and_dicts(tmp_path):
    path = FOLDER / "module-symbol.json"
    (node,) = so.mxnet.describe(path)
    assert (node.name, node.inputs) == ("part", {"data": "data", "loc": "loc"})
    assert node.params == {"target_shape": (6, 6), "transform_type": "affine", "sampler_type": "bilinear"}
    for same in (str(path), path.read_text(), f"\n{path.read_text()}", json.loads(path.read_text())):
        assert so.mxnet.describe(same) == [node]
    (node,) = so.mxnet.describe(FOLDER / "gluon-symbol.json")
    assert node.operator == "ModulatedDeformableConvolution" and list(node.inputs) == [
        "data",
        "offset",
        "mask",
        "weight",
        "bias",
    ]
    with pytest.raises(FileNotFoundError):
        so.mxnet.describe("missing-symbol.json")


def altered(**changes):
    graph = graph_of(*CASES["BilinearSampler"][:1], ["data", "grid"], {"a": "b"})
    graph["nodes"][-1].update(changes)
    return graph


WRONG = [
    {}, {"nodes": None}, {"nodes": {}}, {"nodes": [5]}, {"nodes": [{"op": "null"}]}, altered(op=5), altered(name=None),
    altered(inputs=None), altered(inputs=[0, 1]), altered(inputs=[[0]]), altered(inputs=[[3, 0]]), altered(inputs=[[-1, 0]]),
    altered(inputs=[[0, -1]]), altered(inputs=[["0", 0]]), altered(inputs=[[True, 0]]), altered(attrs=[]), altered(attrs={"a": 5}),
    altered(param={"a": None}), altered(subgraphs={}), altered(subgraphs=[{}]),
]  # fmt: skip


@pytest.mark.parametrize("graph", WRONG, ids=range(len(WRONG)))
def test_what_is_no_symbol_is_refused(graph):
    sentence = (
        r"describe: symbol is {}, which is not the JSON of a symbol, expected nodes .*; pass a file that MXNet .*\."
    )
    for given, kind in ((graph, "a dict"), (json.dumps(graph), "a text")):
        with pytest.raises(ValueError) as caught:
            so.mxnet.describe(given)
        assert re.fullmatch(sentence.format(kind), str(caught.value)), caught.value


def test_what_is_no_json_is_refused(tmp_path):
    deep = tmp_path / "deep.json"
    deep.write_text('{"nodes": ' + "[" * 200_000)
    for wrong in (FOLDER / "module-0005.params", "{no json", deep):
        with pytest.raises(ValueError) as caught:
            so.mxnet.describe(wrong)
        sentence = r"describe: symbol is .*, which is no JSON \(.*\), expected .*; read a \.params file with spatial_op\.mxnet\.load_params\."
        assert re.fullmatch(sentence, str(caught.value)), caught.value
    for wrong in (None, 5, b"{}", [], np.zeros(2)):
        with pytest.raises(
            TypeError, match=r"^describe: symbol is a .*, expected a path, text or dict of JSON; pass for .*\.$"
        ):
            so.mxnet.describe(wrong)


def test_texts_without_end_are_words():
    for text in ("(" * 100_000, "-" * 100_000 + "1", "9" * 100_000):
        (node,) = so.mxnet.describe(graph_of("BilinearSampler", ["data"], {"padding_mode": text}))
        assert node.params == {"padding_mode": text}


def composed(mx):
    """A symbol of every operator, as MXNet composes it."""
    data, grid, flow, offset, mask = map(mx.sym.var, ("data", "grid", "flow", "offset", "mask"))
    sizes = {"kernel": (3, 3), "pad": (1, 1), "num_filter": 2}
    first = mx.sym.contrib.DeformableConvolution(data, offset, name="first", **sizes)
    second = mx.sym.contrib.ModulatedDeformableConvolution(first, offset, mask, name="second", no_bias=True, **sizes)
    moved = mx.sym.BilinearSampler(second, grid, name="moved")
    points = mx.sym.GridGenerator(flow, transform_type="warp", name="points")
    halves = mx.sym.SliceChannel(mx.sym.BilinearSampler(moved, points, name="again"), num_outputs=2, name="halves")
    return mx.sym.SpatialTransformer(halves[1], None, (4, 5), "affine", "bilinear", name="last")


def test_calls_compute_what_the_symbol_computes():
    mx = pytest.importorskip("mxnet")
    network, rng = composed(mx), np.random.default_rng(0)
    given = {
        "data": (2, 2, 5, 6),
        "grid": (2, 2, 7, 6),
        "flow": (2, 2, 7, 6),
        "offset": (2, 18, 5, 6),
        "mask": (2, 9, 5, 6),
    }
    shapes = {
        **given,
        "last_loc": (2, 6),
        "first_weight": (2, 2, 3, 3),
        "first_bias": (2,),
        "second_weight": (2, 2, 3, 3),
    }
    values = {name: rng.uniform(-1, 1, shape).astype("float32") for name, shape in shapes.items()}
    nodes = so.mxnet.describe(network.tojson())
    assert [node.name for node in nodes] == ["first", "second", "moved", "points", "again", "last"]
    space = {"spatial_op": so, **values}
    for node in nodes[:-1]:
        exec(node.call, space)
    space["halves"] = np.split(space["again"], 2, axis=1)
    exec(nodes[-1].call, space)
    bound = network.bind(mx.cpu(), {name: mx.nd.array(value) for name, value in values.items()})
    np.testing.assert_allclose(space["last"], bound.forward()[0].asnumpy(), rtol=1e-4, atol=1e-5)
    converted = so.mxnet.describe(so.mxnet.convert(network).tojson())
    assert [node[:3] for node in converted] == [node[:3] for node in nodes]
    assert [node.params for node in converted] == [node.params for node in nodes]
