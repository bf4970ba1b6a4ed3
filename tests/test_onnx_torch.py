"""Networks that PyTorch exports to ONNX, beside themselves: in ONNX Runtime, for other batches and sizes than the example's."""

import pathlib
import re
import warnings

import pytest

import spatial_op as so

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")
from recorded_networks import CALLS, Network, Operator, flow, images, sample, warp  # noqa: E402

from spatial_op.operators.table import OPERATORS  # noqa: E402

GUIDE = pathlib.Path(__file__).parents[1] / "docs/exporting.md"
TITLE = "A network by all ways: largest difference from eager"
BOUND = 5e-6
EXAMPLE = images(2, 8, 10)
# Two batches, two sizes, none the example's.
OTHERS = [images(batch, *sizes, seed=1) for batch in (1, 3) for sizes in ((9, 12), (14, 7))]
AUTO = torch.export.Dim.AUTO
MORE = {
    "nearest": warp("affine", sampler_type="nearest"),
    "nearest_even": warp("affine", sampler_type="nearest_even", align_corners=False),
    "GridSampler, nearest": sample(sampler_type="nearest", padding_mode="border"),
    "translation": warp("translation"),
    "attention": warp("attention", sampler_type="nearest"),
    "projective": warp("projective", padding_mode="reflection"),
}


def export(network, example=EXAMPLE, opset=20, sizes=None):
    """The model, in ONNX Runtime."""
    sizes = ({0: AUTO, 2: AUTO, 3: AUTO},) if sizes is None else sizes
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's own
        program = torch.onnx.export(
            network.eval(), (example,), dynamo=True, dynamic_shapes=sizes, opset_version=opset, verbose=False,
            custom_translation_table=so.onnx.translations(),
        )  # fmt: skip
    model = program.model_proto
    onnx.checker.check_model(model, full_check=True)
    return model, runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


def difference(session, network, data):
    with torch.no_grad():
        expected = network(data).numpy()
    (out,) = session.run(None, {session.get_inputs()[0].name: data.numpy()})
    assert out.shape == expected.shape and out.dtype == expected.dtype
    return abs(out - expected).max()


@pytest.mark.parametrize("name", [*CALLS, *MORE])
def test_operators(name):
    network = Operator({**CALLS, **MORE}[name])
    model, session = export(network)
    assert {node.domain for node in model.graph.node} <= {""}
    assert max(difference(session, network, data) for data in OTHERS) < BOUND


def test_every_operator_is_translated():
    assert {str(node) for node in so.onnx.translations()} == {f"spatial_op.{name}.default" for name in OPERATORS}


@pytest.mark.parametrize("opset", [20, 22, 23])
def test_operator_sets_and_names(opset):
    network, sizes = Network(), ({0: "batch", 2: "height", 3: "width"},)
    model, session = export(network, opset=opset, sizes=sizes)
    assert {entry.domain: entry.version for entry in model.opset_import}[""] == opset
    assert session.get_inputs()[0].shape == ["batch", 3, "height", "width"]
    assert max(difference(session, network, data) for data in OTHERS) < BOUND


@pytest.mark.parametrize(
    "params", [{"target_shape": (4, 5, 6)}, {"target_shape": (4, 5, 6), "sampler_type": "nearest"}]
)
def test_volumes(params):
    def call(data):
        loc = torch.eye(3, 4).reshape(1, 12) + 0.1 * data.mean((2, 3, 4))[:, :1]
        return so.SpatialTransformer(data, loc, **params)

    network = Operator(call)
    _, session = export(network, images(2, 5, 6, 7), sizes=({0: AUTO, 2: AUTO, 3: AUTO, 4: AUTO},))
    assert difference(session, network, images(3, 7, 5, 4)) < BOUND


def test_splines_have_a_fixed_target():
    def call(data, size=(6, 5)):
        loc = torch.from_numpy(so.identity_loc("tps", 1)) + 0.1 * data.mean((2, 3))[:, :1]
        return so.SpatialTransformer(data, loc, size, "tps")

    network = Operator(call)
    _, session = export(network)
    assert max(difference(session, network, data) for data in OTHERS) < BOUND
    refused(lambda: export(Operator(lambda data: call(data, data.shape[2:]))), "target_shape changes with the image")


def test_what_cannot_be_written_is_refused():
    border = Operator(sample(sampler_type="bicubic", padding_mode="border"))
    refused(lambda: export(border), "sampler_type is 'bicubic' and padding_mode 'border'")
    refused(lambda: export(Operator(flow), opset=18), "GridGenerator was to be written in operator set 18")


def refused(call, sentence):
    """The sentence is the cause of what PyTorch raises."""
    with pytest.raises(torch.onnx.errors.OnnxExporterError) as caught:
        call()
    error, causes = caught.value, []
    while error:
        causes.append(error)
        error = error.__cause__
    assert isinstance(causes[-1], ValueError) and str(causes[-1]).startswith(f"export: {sentence}")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_former_exporter_is_refused(tmp_path):
    with pytest.raises(
        TypeError, match="SpatialTransformer: torch.onnx.export was called with dynamo=False, .* dynamo=True"
    ):
        torch.onnx.export(Network().eval(), (EXAMPLE,), tmp_path / "model.onnx", dynamo=False)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
def test_the_guide(tmp_path, monkeypatch, capsys):
    """Its code runs as it stands, and says what it says there."""
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.S)
    exec(compile(code, str(GUIDE), "exec"), {})
    (said,) = re.findall(r"^print\(.*\)  # (.*)$", code, re.M)
    assert capsys.readouterr().out.splitlines()[-1] == said


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_all_ways(record_property):
    """One network, two batches, two sizes."""
    torch.compiler.reset()
    network = Network().eval()
    _, session = export(network)
    sizes = ({0: AUTO, 2: AUTO, 3: AUTO},)
    ways = {
        "traced": torch.jit.trace(network, (EXAMPLE,)),
        "exported": torch.export.export(network, (EXAMPLE,), dynamic_shapes=sizes).module(),
        "compiled": torch.compile(network, fullgraph=True, dynamic=True),
    }
    columns = ["", *("x".join(map(str, data.shape)) for data in OTHERS)]
    found = {name: [(way(data) - network(data)).abs().max().item() for data in OTHERS] for name, way in ways.items()}
    found["ONNX Runtime"] = [difference(session, network, data) for data in OTHERS]
    for name, numbers in found.items():
        record_property("table", (TITLE, columns, (name, *(f"{value:.1e}" for value in numbers))))
        assert max(numbers) < BOUND
