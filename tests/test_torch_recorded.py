"""PyTorch: what is traced, exported or compiled computes for other inputs, batches and sizes, and holds no result of the example."""

import subprocess
import sys

import pytest

import spatial_op as so

torch = pytest.importorskip("torch")
from recorded_networks import CALLS, Network, Operator, images  # noqa: E402
from torch.fx.experimental.proxy_tensor import make_fx  # noqa: E402

from spatial_op.operators.table import OPERATORS  # noqa: E402

# PyTorch's own parts still use what it calls deprecated, and warn of what is young.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

TITLE = "A network, recorded: largest difference from eager"
BOUND = 3e-6
EXAMPLE = images(2, 8, 10)
# Other numbers; another batch; another size; both.
OTHERS = [images(2, 8, 10, seed=1), images(3, 8, 10), images(2, 13, 9), images(1, 7, 12)]
AUTO = torch.export.Dim.AUTO
SIZES = ({0: AUTO, 2: AUTO, 3: AUTO},)


def trace(network):
    return torch.jit.trace(network, (EXAMPLE,))


def trace_without_gradients(network):
    with torch.no_grad():
        return trace(network)


def trace_frozen(network):
    return torch.jit.freeze(trace(network.requires_grad_(False).eval()))


def symbolic(network):
    return make_fx(network, tracing_mode="symbolic", _allow_non_fake_inputs=True)(EXAMPLE)


def export(network, strict=False, sizes=SIZES):
    return torch.export.export(network, (EXAMPLE,), dynamic_shapes=sizes, strict=strict).module()


def export_strictly(network):
    return export(network, strict=True)


def export_by_name(network):
    sizes = {place: torch.export.Dim(name) for place, name in ((0, "batch"), (2, "height"), (3, "width"))}
    return export(network, sizes=(sizes,))


def compile_once(network):
    return torch.compile(network, fullgraph=True, dynamic=True, backend="aot_eager")  # no C++ to be compiled


WAYS = {
    "torch.jit.trace": trace,
    "torch.jit.trace under no_grad": trace_without_gradients,
    "torch.jit.freeze of a trace": trace_frozen,
    "torch.fx.symbolic_trace": torch.fx.symbolic_trace,
    "make_fx, symbolic": symbolic,
    "torch.export": export,
    "torch.export, strict": export_strictly,
    "torch.export, named sizes": export_by_name,
    "torch.compile": compile_once,
}


def differences(recorded, network):
    """The largest one for each other input, asked for twice: the second time TorchScript runs what it has optimised."""
    found = []
    for data in (*OTHERS, *OTHERS):
        expected, out = network(data), recorded(data)
        assert out.shape == expected.shape and out.dtype == expected.dtype
        found.append((out - expected).abs().max().item())
    return found[len(OTHERS) :]


@pytest.mark.parametrize("way", WAYS)
def test_a_network(way, record_property):
    torch.compiler.reset()
    network = Network()
    found = differences(WAYS[way](network), network)
    columns = ("", "other numbers", "other batch", "other size", "both")
    record_property("table", (TITLE, columns, (way, *(f"{value:.0e}" for value in found))))
    assert max(found) < BOUND


@pytest.mark.parametrize("way", ["torch.jit.trace", "torch.fx.symbolic_trace", "make_fx, symbolic", "torch.export"])
@pytest.mark.parametrize("name", CALLS)
def test_operators(name, way):
    network = Operator(CALLS[name])
    assert max(differences(WAYS[way](network), network)) < BOUND


def test_every_operator_is_here():
    assert {name.partition(",")[0] for name in CALLS} == set(OPERATORS)


@pytest.mark.parametrize("mode", ["real", "fake"])
def test_make_fx_for_the_sizes_of_the_example(mode):
    """These two write down sizes as numbers, whatever the operator; results they do not."""
    network = Network()
    recorded = make_fx(network, tracing_mode=mode, _allow_non_fake_inputs=True)(EXAMPLE)
    assert torch.equal(recorded(OTHERS[0]), network(OTHERS[0]))


@pytest.mark.parametrize("way", ["torch.jit.trace", "torch.fx.symbolic_trace", "torch.export", "torch.compile"])
def test_gradients(way):
    torch.compiler.reset()
    network = Network()
    recorded = WAYS[way](network)
    for data in OTHERS:
        leaves = [data.clone().requires_grad_() for _ in "ab"]
        for function, leaf in zip((network, recorded), leaves):
            function(leaf).square().sum().backward()
        torch.testing.assert_close(leaves[1].grad, leaves[0].grad)


@pytest.mark.parametrize("name", CALLS)
def test_layouts_are_those_that_were_planned(name):
    """Code is compiled for the strides of the result without numbers, whatever those of the images."""
    network = Operator(CALLS[name])
    for layout in (torch.contiguous_format, torch.channels_last):
        data = EXAMPLE.to(memory_format=layout)
        graph = make_fx(network, tracing_mode="symbolic", _allow_non_fake_inputs=True)(data)
        node = next(
            node for node in graph.graph.nodes if str(node.target) == f"spatial_op.{name.partition(',')[0]}.default"
        )
        assert node.meta["val"].stride() == out_of(graph, node, data).stride()


def out_of(graph, node, data):
    """What a node of a graph returns."""
    found = []

    class Seen(torch.fx.Interpreter):
        def run_node(self, one):
            found.append((one, super().run_node(one)))
            return found[-1][1]

    Seen(graph).run(data)
    return dict(found)[node]


def test_batches_of_many_sizes_compile_twice():
    """Once for the first one, once for any."""
    torch.compiler.reset()
    network, graphs = Network(), []

    def count(graph, inputs):
        graphs.append(graph)
        return graph.forward

    compiled = torch.compile(network, fullgraph=True, backend=count)
    for batch in range(2, 16):
        data = images(batch, 8, 10)
        assert torch.equal(compiled(data), network(data))
    assert len(graphs) == 2


def test_errors_of_other_sizes_are_still_raised():
    """The graph computes for any size that fits, and says which does not."""

    def warp(data, loc):
        return so.SpatialTransformer(data, loc, target_shape=data.shape[2:])

    locs = [torch.from_numpy(so.identity_loc("affine", batch)) for batch in (2, 3)]
    sizes = ({0: AUTO, 2: AUTO, 3: AUTO}, {0: AUTO})
    exported = torch.export.export(Two(warp), (EXAMPLE, locs[0]), dynamic_shapes=sizes).module()
    assert torch.equal(exported(OTHERS[1], locs[1]), warp(OTHERS[1], locs[1]))
    for recorded in (exported, torch.jit.trace(warp, (EXAMPLE, locs[0]))):
        with pytest.raises(Exception, match=r"loc has shape \(2, 6\), expected \(3, 6\)"):
            recorded(OTHERS[1], locs[0])
    with pytest.raises(Exception, match=r"loc has shape \(3, 6\), expected \(2, 6\)"):
        torch.export.export(Two(warp), (EXAMPLE, locs[1]), dynamic_shapes=sizes)


class Two(torch.nn.Module):
    """What can be exported."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, data, loc):
        return self.function(data, loc)


@pytest.mark.parametrize("params", [{"target_shape": torch.tensor([3, 4])}, {"target_shape": (torch.tensor(3), 4)}])
@pytest.mark.parametrize("record", ["real", "fake", "symbolic"])
def test_numbers_that_would_be_kept_are_refused(record, params):
    with pytest.raises(TypeError, match="SpatialTransformer: target_shape is an array in compiled or recorded code"):
        make_fx(lambda data: so.SpatialTransformer(data, torch.zeros(2, 6), **params), tracing_mode=record)(EXAMPLE)


def test_traced_numbers():
    """Whole numbers are inputs like others; what would become a constant is refused."""

    def warp(data, size):
        return so.SpatialTransformer(data, torch.eye(2, 3).reshape(1, 6).expand(data.shape[0], 6), target_shape=size)

    traced = torch.jit.trace(warp, (EXAMPLE, torch.tensor([3, 4])))
    assert torch.equal(traced(OTHERS[0], torch.tensor([5, 2])), warp(OTHERS[0], (5, 2)))
    with pytest.raises(TypeError, match="target_shape is an array in compiled or recorded code"):
        torch.jit.trace(warp, (EXAMPLE, torch.tensor([3.0, 4.0])))


def test_torchscript_is_refused_in_a_sentence():
    holder = torch.nn.Sequential(so.torch.SpatialTransformer((3, 4)))
    with pytest.raises(TypeError, match="^SpatialTransformer: torch.jit.script was asked .* call torch.jit.trace or"):
        torch.jit.script(holder)
    with pytest.raises(TypeError, match="^DeformConv2d: torch.jit.script was asked"):
        torch.jit.script(Network())


LOAD = """
import sys
import torch
import spatial_op.torch

traced, exported, packaged, results = sys.argv[1:]
data, expected = torch.load(results)
loaded = [torch.jit.load(traced), torch.export.load(exported).module(), torch._inductor.aoti_load_package(packaged)]
for network in loaded:
    assert (network(data) - expected).abs().max() < 3e-6
"""


def test_another_process_loads_them(tmp_path):
    """AOTInductor's packages call the operators too, where ``spatial_op.torch`` was imported."""
    network, data = Network().eval(), OTHERS[3]
    paths = [str(tmp_path / name) for name in ("traced.pt", "exported.pt2", "packaged.pt2", "results.pt")]
    torch.jit.save(trace(network), paths[0])
    with torch.no_grad():
        exported = torch.export.export(network, (EXAMPLE,), dynamic_shapes=SIZES)
        torch.export.save(exported, paths[1])
        torch._inductor.aoti_compile_and_package(exported, package_path=paths[2])
        torch.save((data, network(data)), paths[3])
    subprocess.run([sys.executable, "-W", "ignore", "-c", LOAD, *paths], check=True, timeout=300)
