"""The command line: what a person or a script relies on."""

import io
import json
import logging
import struct
import subprocess
import sys
import types
import zlib

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import spatial_op
from spatial_op import __main__
from spatial_op.cli import (
    agreement,
    bench,
    check,
    child,
    demo,
    evaluate,
    first_call,
    peers,
    photo,
    progress,
    results,
    small,
    text,
    timing,
    warps,
)
from spatial_op.cli.groups import CASES, GROUPS, NAMES, SMALL
from spatial_op.cli.main import cli

# Other packages' imports of each other.
pytestmark = [pytest.mark.filterwarnings(f"ignore::DeprecationWarning:{name}") for name in ("matplotlib", "mxnet")]


@pytest.fixture
def run():
    def invoke(*arguments):
        result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return invoke


@pytest.fixture
def alone(monkeypatch):
    """No other library."""
    for module in (bench, check, demo):
        monkeypatch.setattr(module, "available", lambda rows=None: ([], []))


@pytest.fixture
def hurried(monkeypatch):
    """Time each call once."""
    monkeypatch.setattr(demo, "race", lambda functions, **_: timing.race(functions, 0, least=1))


def picture(path, mode, size=(40, 30)):
    values = np.random.default_rng(0).integers(0, 256, (*size[::-1], 4), np.uint8)
    Image.fromarray(values).convert(mode).save(path)
    return path


@pytest.mark.parametrize("mode, kind", [("L", "grey"), ("RGB", "RGB"), ("RGBA", "RGBA")])
def test_demo_draws_a_figure(run, alone, hurried, tmp_path, mode, kind):
    out = tmp_path / "figure.png"
    result = run("demo", picture(tmp_path / "in.png", mode), "--out", out)
    assert result.exit_code == 0, result.output
    assert f"40 x 30 pixels, {kind}\n" in result.output
    with Image.open(out) as figure:
        assert figure.format == "PNG" and min(figure.size) > 600 and figure.info["dpi"][0] > 149
        pixels = np.asarray(figure.convert("RGB"))
    middle = int(0.55 * pixels.shape[1])
    for warp in warps.WARPS:
        colour = [int(warp.colour[at : at + 2], 16) for at in (1, 3, 5)]
        drawn = (pixels == colour).all(axis=2)
        assert drawn[:, :middle].sum() > 1000 and drawn[:, middle:].sum() > 5000


INPUTS = ("data", "loc", "offset", "mask", "weight")


def test_demo_numbers(run, alone, hurried, tmp_path):
    output = run("demo", picture(tmp_path / "in.png", "RGB"), "--out", tmp_path / "figure.png").output
    numbers = {line.split()[0]: line.split()[1:] for line in output.splitlines() if line.startswith("  ")}
    for warp in warps.WARPS:
        single, double = map(float, numbers[warp.title])
        assert single < 1e-5 and double < 1e-12
    found = [line.split() for line in output.splitlines() if line.split()[-4:-3] and line.split()[-4] in INPUTS]
    assert sorted(row[-4] for row in found) == sorted([*INPUTS, "data"])
    assert all(float(row[-1]) < 1e-6 for row in found)


class Terminal(io.StringIO):
    """Where progress is watched."""

    def isatty(self):
        return True


COMMANDS = {
    "check": ((), "Comparing"),
    "demo": (("--out", "figure.png"), "Demonstration"),
    "bench": (("--quick", "--case", "0", "--threads", "1"), "1 thread"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_draw_a_bar_that_says_what_is_compiled(run, alone, hurried, monkeypatch, tmp_path, command):
    """For those who watch; on standard error. The log says that something is compiled while a library gets ready."""
    terminal, job, log = Terminal(), peers.Ours.job, logging.getLogger("spatial_op")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(progress, "sys", types.SimpleNamespace(stderr=terminal))

    def compiling(self, problem):
        log.debug("compiling", extra={"kernel": "SOMETHING"})
        log.info("compiled", extra={"kernel": "SOMETHING", "seconds": 1.0})
        return job(self, problem)

    monkeypatch.setattr(peers.Ours, "job", compiling)
    options, label = COMMANDS[command]
    output = run(command, *options).output
    frames = terminal.getvalue().split("\r")
    bars = [frame for frame in frames if f"{label}  [" in frame]
    assert "  0%" in bars[0] and any("100%" in bar for bar in bars) and f"{label}  [" not in output
    said = ["compiling SOMETHING" in bar for bar in bars]
    assert any(said) and not said[0] and not said[-1]


def test_the_independent_evaluation_is_right_on_a_ramp():
    ramp = np.arange(12.0).reshape(1, 3, 4)
    half_a_pixel = evaluate.warp(ramp, [[1, 0, 1 / 3], [0, 1, 0], [0, 0, 1]], (3, 4))
    np.testing.assert_allclose(half_a_pixel[0], [[0.5, 1.5, 2.5, 1.5], [4.5, 5.5, 6.5, 3.5], [8.5, 9.5, 10.5, 5.5]])


def test_the_shipped_photograph_needs_no_network():
    assert photo.shipped().shape == (3, 300, 451)


HEADER = struct.pack(">4sIIBBBBB", b"IHDR", 10**5, 10**5, 8, 2, 0, 0, 0)
HUGE = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + HEADER + struct.pack(">II4s", zlib.crc32(HEADER), 0, b"IDAT")


@pytest.mark.parametrize(
    "content, sentence",
    [(None, "no such file"), (b"no picture", "use a PNG or JPEG file"), (HUGE, "use a PNG or JPEG file")],
)
def test_a_bad_image_is_one_sentence(run, tmp_path, content, sentence):
    path = tmp_path / "bad.png"
    if content:
        path.write_bytes(content)
    result = run("demo", path, "--out", tmp_path / "figure.png")
    assert result.exit_code == 2
    assert result.output.startswith(f"Error: cannot open {path}: ") and sentence in result.output
    assert result.output.count("\n") == 1 and not (tmp_path / "figure.png").exists()


@pytest.mark.parametrize("out", ["missing/figure.png", "figure.unknown"])
def test_a_figure_that_cannot_be_written_is_one_sentence(run, tmp_path, out):
    result = run("demo", picture(tmp_path / "in.png", "L"), "--out", tmp_path / out)
    assert result.exit_code == 2 and "Error: cannot write the figure to" in result.output


def test_check_passes_here(run):
    result = run("check")
    assert result.exit_code == 0, result.output
    assert "MXNet 1.9.1 as recorded, float64" in result.output
    assert result.output.splitlines()[-1].startswith("all ") and "FAILED" not in result.output


@pytest.mark.parametrize("key", ["out", "grad_data", "grad_loc"])
def test_check_notices_a_wrong_number(run, alone, monkeypatch, key):
    arrays = check.load_golden()
    case = next(name.partition("/")[0] for name in arrays if "float64" in name)
    arrays[f"{case}/{key}"].flat[1] += 1e-9
    monkeypatch.setattr(check, "load_golden", lambda: arrays)
    result = run("check")
    assert result.exit_code == 1
    assert "FAILED" in result.output and result.output.splitlines()[-1].startswith("1 of ")


@pytest.mark.parametrize("result, expected, found", [([1.0, np.nan], [2.0, np.nan], 0.5), ([np.nan], [1.0], np.inf)])
def test_difference_pairs_nan_with_nan(result, expected, found):
    assert check.difference(result, expected) == found


def test_bench_writes_json(run, tmp_path):
    path = tmp_path / "bench.json"
    result = run("bench", "--quick", "--case", 0, "--only", "small calls", "--threads", 1, "--json", path)
    assert result.exit_code == 0, result.output
    written = json.loads(path.read_text())
    assert written["machine"]["cores"] >= 1 and written["machine"]["versions"]["NumPy"] == np.__version__
    (case,) = written["cases"]
    assert (case["case"], case["group"], case["data"]) == (NAMES[0], next(iter(GROUPS)), list(CASES[0].data))
    assert {row["pass"] for row in written["rows"]} == {"forward", "forward_backward"}
    for row in written["rows"]:
        assert row["threads"] == 1 and row["case"] == NAMES[0] and row["ours_ms"] > 0
        assert row["peer"] is None or row["ratio"] == pytest.approx(row["peer_ms"] / row["ours_ms"])
    assert all(call["microseconds"] > 0 for call in written["calls"]) and written["disagreements"] == []
    found = {(call["case"], call["pass"]) for call in written["calls"] if call["library"] == "spatial_op"}
    assert found == {(name, kind) for name in SMALL for kind in small.PASSES}


def test_names_of_cases_differ():
    assert len({*NAMES, *SMALL, *first_call.names()}) == len(NAMES) + len(SMALL) + len(first_call.names())


@pytest.fixture
def timeless(alone, monkeypatch):
    """No time is taken: each call is said to take a millisecond, and nothing is computed."""
    for module in (bench, small):
        monkeypatch.setattr(module, "race", lambda functions, *_, **__: [1e-3 for _ in functions])
    taken = [["step", 0.5, 0.6]]
    monkeypatch.setattr(first_call, "child", lambda *_: taken)
    monkeypatch.setattr(first_call, "show", lambda records: None)


PATTERNS = {
    "gridsampler: *random grid on [-1.5": {name for name in NAMES if "random grid on [-1.5, 1.5]" in name},
    "beside OpenCV*4096": {
        name for name in NAMES if name.startswith("SpatialTransformer, affine, beside") and "4096" in name
    },
    "First call: Grid*64": {"First call: GridGenerator, float64", "First call: GridSampler, float64"},
    "small calls": set(SMALL),
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_parts_are_chosen_by_name(pattern):
    cases, calls, first = bench.chosen((), (pattern,))
    assert {*(NAMES[number] for number in cases), *calls, *first} == PATTERNS[pattern] != set()


def test_nothing_chosen_is_all_and_an_unknown_name_is_refused(run):
    assert [len(part) for part in bench.chosen((), ())] == [len(NAMES), len(SMALL), len(first_call.names())]
    assert bench.chosen((3,), ("GridGenerator: 16x6",))[0] == [3, FIRST["GridGenerator"]]
    result = run("bench", "--only", "nothing of this kind")
    assert result.exit_code == 2 and "no case has such a name" in result.output


def test_parts_add_up_to_the_whole(run, timeless, tmp_path):
    """One file of two parts, of which the second measures a case again."""
    path = tmp_path / "bench.json"
    assert (
        run("bench", "--threads", 1, "--case", 0, "--case", 1, "--only", "First call: Grid", "--json", path).exit_code
        == 0
    )
    first = json.loads(path.read_text())
    first["rows"][0]["ours_ms"] = 7.0
    path.write_text(json.dumps(first))
    assert (
        run("bench", "--threads", 1, "--case", 0, "--case", 2, "--only", "First call: S", "--json", path).exit_code == 0
    )
    both = json.loads(path.read_text())
    assert [case["case"] for case in both["cases"]] == list(NAMES[:3])
    assert [(row["case"], row["pass"]) for row in both["rows"]] == [
        (name, kind) for name in NAMES[:3] for kind in bench.PASSES
    ]
    assert {row["ours_ms"] for row in both["rows"]} == {1.0}
    assert len(both["first_calls"]) == 2 * (4 + 3)


def test_numbers_of_another_machine_are_not_added_to(run, timeless, tmp_path):
    path = tmp_path / "bench.json"
    run("bench", "--threads", 1, "--case", 0, "--json", path)
    written = json.loads(path.read_text())
    written["machine"]["versions"]["NumPy"] = "0.1"
    written["machine"]["processor"] = "Abacus"
    path.write_text(json.dumps(written))
    result = run("bench", "--threads", 1, "--case", 1, "--json", path)
    assert result.exit_code == 1 and "NumPy 0.1" in result.output and "Abacus" in result.output
    assert json.loads(path.read_text()) == written


def test_a_file_that_cannot_be_written_is_told_before_anything_is_measured(run, timeless, monkeypatch, tmp_path):
    monkeypatch.setattr(bench, "measure", lambda *_: pytest.fail("something was measured"))
    result = run("bench", "--threads", 1, "--case", 0, "--json", tmp_path / "missing" / "bench.json")
    assert result.exit_code == 1 and "Error: cannot write" in result.output


def test_a_run_that_ends_early_leaves_what_it_has(run, timeless, monkeypatch, tmp_path):
    path = tmp_path / "bench.json"
    monkeypatch.setattr(small, "measure", lambda *_: sys.exit(7))
    result = run("bench", "--threads", 1, "--case", 0, "--only", "small", "--json", path)
    assert result.exit_code == 7 and len(json.loads(path.read_text())["rows"]) == 2


@pytest.mark.parametrize("content", ["{", "[1]", '{"machine": {}}'])
def test_what_is_no_file_of_numbers_is_not_written_to(run, timeless, tmp_path, content):
    path = tmp_path / "bench.json"
    path.write_text(content)
    result = run("bench", "--threads", 1, "--case", 1, "--json", path)
    assert result.exit_code == 1 and "choose another file" in result.output and path.read_text() == content


def test_a_library_that_agrees_now_does_not_disagree_any_more():
    machine = {"versions": {}}
    key = {"threads": 1, "case": "a", "peer": "Other"}
    timed, differing = (results.empty(machine, False) for _ in range(2))
    timed["rows"], differing["disagreements"] = [{**key, "pass": "forward"}], [key]
    assert results.merged(differing, timed)["disagreements"] == [] and results.merged(differing, timed)["rows"]
    assert results.merged(timed, differing)["rows"] == [] and results.merged(timed, differing)["disagreements"] == [key]


def test_first_calls_are_measured_in_processes_of_their_own():
    """With an empty cache more is computed than with a full one."""
    records = first_call.measure("First call: GridGenerator, float32")
    assert [(each["cache"], each["step"]) for each in records] == [
        (cache, step) for cache in ("empty", "full") for step in ("forward", "gradients")
    ]
    forward, gradients, forward_again, gradients_again = (each["cpu_s"] for each in records)
    assert 0 < gradients_again < gradients and 0 < forward_again


@pytest.mark.parametrize("call", [name for name in child.CALLS if "Convolution" not in name])
@pytest.mark.parametrize("dtype", first_call.DTYPES)
def test_what_processes_do_can_be_done(call, dtype):
    for step in child.CALLS[call](dtype).values():
        step()


def test_first_calls_are_shown(capsys):
    taken = {step: 1.0 for step in ("forward", "gradients")}
    records = [
        {"call": call, "dtype": "float32", "step": step, "cache": cache, "cpu_s": 1.25 + (cache == "full")}
        for call in ("GridSampler", child.FOLLOWING) for step in taken for cache in first_call.CACHES
    ]  # fmt: skip
    first_call.show(records)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["GridSampler", "float32", "1.25", "1.25", "2.25", "2.25"] in lines and [
        "gradients",
        "1.25",
        "2.25",
    ] in lines


def test_bench_without_other_libraries(run, alone):
    result = run("bench", "--quick", "--case", 0, "--threads", 1)
    assert result.exit_code == 0 and "ms" in result.output and "geometric" not in result.output


def test_bench_times_no_library_that_computes_something_else(run, monkeypatch, tmp_path):
    class Wrong(peers.Ours):
        name = "Wrong"

        def job(self, problem):
            job = super().job(problem)
            return job._replace(forward_backward=lambda: tuple(1.01 * value for value in job.forward_backward()))

    monkeypatch.setattr(bench, "available", lambda: ([Wrong()], []))
    path = tmp_path / "bench.json"
    result = run("bench", "--quick", "--case", 0, "--threads", 1, "--json", path)
    assert result.exit_code == 0
    (line,) = (line.split() for line in result.output.splitlines() if line.startswith("  Wrong"))
    assert line[-3:] == ["result", "9.9e-03", "1.0e-04"] and " ".join(line[1:-4]) == NAMES[0]
    written = json.loads(path.read_text())
    (record,) = written["disagreements"]
    assert {name: record[name] for name in ("peer", "case", "threads", "what")} == {
        "peer": "Wrong", "case": NAMES[0], "threads": 1, "what": "result",
    }  # fmt: skip
    assert record["difference"] == pytest.approx(0.0099, rel=0.01) and {row["peer"] for row in written["rows"]} == {
        None
    }


def test_bench_compares_a_library_by_its_own_rule(run, monkeypatch):
    class Other(peers.Ours):
        name = "Other"

        def own(self, problem):
            return problem._replace(params={**problem.params, "padding_mode": "border"})

    monkeypatch.setattr(bench, "available", lambda: ([Other()], []))
    assert run("bench", "--quick", "--case", 0, "--threads", 1).exit_code == 0


def test_bench_times_limits_without_a_comparison(run, monkeypatch):
    class Less(peers.Ours):
        name, limit = "Less", True

        def job(self, problem):
            return peers.Job(lambda: 0, lambda: (0,), np.asarray)

    monkeypatch.setattr(bench, "available", lambda: ([Less()], []))
    result = run("bench", "--quick", "--case", 0, "--threads", 1)
    assert result.exit_code == 0 and "* marks a limit" in result.output
    assert [line.split()[-2:] for line in result.output.splitlines() if "  case  " in line] == 2 * [["Less", "*"]]


def test_bench_refuses_more_threads_than_there_are(run):
    result = run("bench", "--threads", 100000)
    assert result.exit_code == 2 and "Error: --threads 100000" in result.output


def test_bench_prints_a_table_for_each_group(run, alone, monkeypatch):
    monkeypatch.setattr(bench, "race", lambda functions, *_, **__: [1e-3 for _ in functions])
    numbers = [0, 1, FIRST["GridGenerator"]]
    output = run("bench", "--threads", 1, *(word for number in numbers for word in ("--case", number))).output
    tables = [
        line.split("spatial_op")[0].split(None, 1)[1].strip() for line in output.splitlines() if "  case  " in line
    ]
    assert tables == 2 * ["SpatialTransformer, affine", "GridGenerator"]
    assert all(output.count(f"  {number}  ") == 2 and CASES[number].label in output for number in numbers)


def test_bench_has_a_mean_where_there_is_more_than_one_case(run, monkeypatch):
    class Same(peers.Ours):
        name = "Same"

    monkeypatch.setattr(bench, "available", lambda: ([Same()], []))
    monkeypatch.setattr(
        bench, "race", lambda functions, *_, **__: [1e-3 * (1 + number) for number, _ in enumerate(functions)]
    )
    assert "geometric" not in run("bench", "--threads", 1, "--case", 0).output
    output = run("bench", "--threads", 1, "--case", 0, "--case", 1).output
    means = [line.split()[-1] for line in output.splitlines() if "geometric mean" in line]
    assert means == ["2.00x", "2.00x"]


FIRST = {group: CASES.index(cases[0]) for group, cases in GROUPS.items()}


def smaller(case):
    """The same on an eighth of the sizes, all of them different."""

    def less(shape):
        return tuple(size // 8 + number for number, size in enumerate(shape))

    return case._replace(data=(2, case.data[1], *less(case.data[2:])), target=less(case.target))


# Each library and what it has of: affine, projective, a spline, both kinds of grid, their generators, a volume.
KINDS = [CASES[number] for number in (0, 14)] + [
    smaller(case)
    for case in CASES
    if case.data not in ((64, 1, 28, 28), (64, 3, 64, 64), (16, 1, 256, 256), (1, 3, 512, 512), (1, 3, 1024, 1024))
    and case.details
    in (
        "projective",
        "random grid",
        "height x width x channels",
        "smooth grid",
        "affine",
        "warp",
        "GridSampler, smooth grid",
    )
    or (case.data == (1, 3, 512, 512) and "tps" in case.details)
    or (case.data == (1, 3, 64, 64) and "channels" in case.details)
]


# Convolutions of both kinds and with each parameter, small.
CONVOLUTIONS = [
    case._replace(data=(2, 8, 9, 11), target=(4, 5, 6) if case.details == "stride 2" else (4, 9, 11))
    for case in CASES
    if case.details in ("4 deformable groups", "2 groups", "stride 2")
]
AVAILABLE = peers.available()[0]


@pytest.mark.parametrize("case", [*KINDS, *CONVOLUTIONS], ids=lambda case: case.label)
@pytest.mark.parametrize("peer", [peer for peer in AVAILABLE if not peer.limit], ids=lambda peer: peer.name)
def test_every_library_agrees_on_a_case(peer, case):
    problem = case.problem()
    if peer.supports(problem):
        shared = peer.own(problem)
        assert agreement.disagreement(shared, peers.Ours().job(shared), peer.job(shared)) is None


@pytest.mark.parametrize("case", CONVOLUTIONS, ids=lambda case: case.label)
@pytest.mark.parametrize("peer", [peer for peer in AVAILABLE if peer.limit], ids=lambda peer: peer.name)
def test_limits_are_of_the_same_size(peer, case):
    problem = case.problem()
    job = peer.job(problem)
    assert all(
        np.size(job.to_numpy(out)) == problem.out_grad.size for out in (job.forward(), job.forward_backward()[0])
    )


def test_images_in_the_layout_of_opencv():
    """Both sides are given images whose channels lie side by side, and return such."""
    problem = next(case for case in CASES if case.data == (1, 4, 64, 64) and "channels" in case.details).problem()
    plain = next(case for case in CASES if case.data == (1, 4, 64, 64) and case.details == "scale 1.1").problem()
    assert plain.inputs[0].flags.c_contiguous
    out = peers.Ours().job(problem).forward()
    assert out.transpose(0, 2, 3, 1).flags.c_contiguous and np.array_equal(out, peers.Ours().job(plain).forward())
    assert problem.inputs[0][0].transpose(1, 2, 0).flags.c_contiguous


def test_channels_last_is_a_layout():
    torch = pytest.importorskip("torch")
    (peer,), _ = peers.available((peers.PyTorchChannelsLast,))
    assert peer.laid_out(torch.zeros(2, 3, 4, 5)).is_contiguous(memory_format=torch.channels_last)


def test_mxnet_is_given_its_rule_at_the_border():
    first, second = (convolution("stride 2", kind).problem() for kind in ("Def", "Mod"))
    assert peers.MXNet.own(None, first).option("border") == "mxnet"
    assert peers.MXNet.own(None, second) is second


def convolution(details, kind=""):
    """The small convolution of that description."""
    return next(case for case in CONVOLUTIONS if case.details == details and case.problem().operator.startswith(kind))


def test_torchvisions_arguments(monkeypatch):
    """By a stand-in with its signature: its wheels fit one version of PyTorch each."""
    torch = pytest.importorskip("torch")
    problem = convolution("stride 2", "Mod").problem()

    def deform_conv2d(data, offset, weight, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), mask=None):
        arrays = [tensor.numpy() for tensor in (data, offset, mask, weight, bias)]
        options = {"kernel": (3, 3), "num_filter": len(weight), "stride": stride, "pad": padding, "dilate": dilation}
        return torch.from_numpy(spatial_op.ModulatedDeformableConvolution(*arrays, **options))

    module = types.SimpleNamespace(__version__="0", ops=types.SimpleNamespace(deform_conv2d=deform_conv2d))
    monkeypatch.setitem(sys.modules, "torchvision", module)
    (peer,), _ = peers.available((peers.TorchVision,))
    assert peer.supports(problem)
    assert (peer.job(problem).forward().numpy() == peers.Ours().job(problem).forward()).all()


def test_old_versions_of_onnx_runtime_lack_the_operator(monkeypatch):
    for name in ("onnx", "onnxruntime"):
        monkeypatch.setitem(sys.modules, name, types.SimpleNamespace(__version__="1.24.4"))
    found, (sentence,) = peers.available((peers.ONNXRuntime,))
    assert found == [] and sentence.startswith("ONNX Runtime is installed but cannot be used")


ABLE = {
    "scale 1.1": {"MXNet", "PyTorch", "OpenCV"},
    "bicubic": {"PyTorch"},
    "border": {"PyTorch", "OpenCV"},
    "projective": {"PyTorch", "OpenCV"},
    "tps of 16 points": {"PyTorch", "PyTorch, basis kept", "Kornia"},
    "random grid": {"MXNet", "PyTorch", "OpenCV", "OpenVINO"},
    "random grid on [-3, 3]": {"MXNet", "PyTorch", "PyTorch, channels last", "OpenCV", "OpenVINO"},
    "scale 1.1, height x width x channels": {"MXNet", "PyTorch", "OpenCV"},
    "warp": {"MXNet", "PyTorch"},
    "SpatialTransformer, affine": {"PyTorch"},
    "GridSampler, smooth grid": {"PyTorch"},
    "stride 2": {"MXNet", "torchvision", "ONNX Runtime", "PyTorch, plain convolution", "NumPy, bare products"},
}


@pytest.mark.parametrize("details", ABLE)
def test_every_library_is_asked_for_what_it_has(details):
    problem = smaller(next(case for case in CASES if case.details == details)).problem()
    assert {row.name for row in peers.PEERS if row.supports(row, problem)} == ABLE[details]


@pytest.mark.parametrize("wrong, agrees", [(np.r_[[1.0] * 9999, 3.0], True), (np.full(10000, 1.01), False)])
def test_a_grids_gradient_may_differ_at_single_kinks(wrong, agrees):
    problem = smaller(CASES[FIRST["GridSampler"]]).problem()
    *_, (measure, bound) = agreement.bounds(problem)
    assert (measure(np.ones(10000), wrong) <= bound) == agrees


def test_libraries_that_cannot_be_imported_are_named():
    class Missing(peers.Peer):
        name, package, install = "Missing", "no_such_package_here", "pip install it"

    class Broken(peers.Peer):
        name, install = "Broken", "pip install another"

        def __init__(self):
            raise AttributeError("module 'numpy' has no attribute 'bool'")

    found, missing = peers.available((Missing, Broken))
    assert found == []
    assert missing == [
        "Missing is not installed; to compare with it: pip install it",
        "Broken is installed but cannot be used; to compare with it: pip install another",
    ]


def test_race_takes_turns():
    calls = []
    medians = timing.race([lambda: calls.append("a"), lambda: calls.append("b")], seconds=0, least=3)
    assert calls == ["a", "b"] * 4 and len(medians) == 2 and min(medians) > 0


def test_race_rests_where_threads_of_others_may_still_wait(monkeypatch):
    calls = []
    monkeypatch.setattr(timing.time, "sleep", calls.append)
    monkeypatch.setattr(timing, "repeat", lambda function, seconds: function(seconds) or [seconds])
    functions = [lambda seconds=None, name=name: calls.append((name, seconds)) for name in "ab"]
    timing.race(functions, seconds=0, least=2, rest=0.1)
    turns = [turn for name in "ab" for turn in (0.1, (name, 0.05), (name, 0.05))]
    assert calls == [("a", None), ("b", None), *turns, *turns]


def test_repeat_calls_until_the_time_is_up():
    assert len(timing.repeat(lambda: None, 0)) == 1 and len(timing.repeat(lambda: None, 0.01)) > 10


def test_tables_are_aligned():
    assert list(text.table([("a", "bc"), ("long", 1), ("d", None)])) == ["  a     bc", "  long   1", "  d"]


@pytest.mark.parametrize("package, command", [("click", "check"), ("matplotlib", "demo"), ("skimage", "demo")])
def test_a_missing_package_is_one_sentence(package, command, tmp_path):
    code = f"import sys; sys.modules[{package!r}] = None; from spatial_op.__main__ import main; main([{command!r}])"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == ""
    assert package in done.stderr and done.stderr.endswith(
        'install it with: pip install ".[demo]" in a checkout of spatial_op\n'
    )
    assert done.stderr.count("\n") == 1


def test_other_import_errors_are_not_hidden(monkeypatch):
    monkeypatch.setitem(sys.modules, "spatial_op.cli.main", None)
    with pytest.raises(ImportError):
        __main__.main(["check"])


def test_importing_the_package_imports_no_command_line():
    code = "import sys, spatial_op; sys.exit(any(name in sys.modules for name in ('click', 'matplotlib', 'numba')))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_help_names_the_commands(run):
    output = run("--help").output
    assert all(f"  {name} " in output for name in ("demo", "check", "bench"))
