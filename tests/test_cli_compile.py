"""The first call: what the log says of it, and how `compile` prepares it, in folders that may be read-only later."""

import contextlib
import io
import logging
import os
import pathlib
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from programs import copy_package, run

import spatial_op as so
from spatial_op.cli import compile, info, progress, usual
from spatial_op.cli.main import cli
from spatial_op.dtypes import DTYPES, PICTURES
from spatial_op.kernels import build, disk, kernel
from spatial_op.operators.table import OPERATORS

LOG = """
import logging
logging.basicConfig(format="%(levelname)s %(name)s %(message)s", stream=sys.stdout)
logging.getLogger("spatial_op").setLevel(LEVEL)
"""
CALL = """
flow = np.zeros((1, 2, 1, 3), "float32")
assert so.GridGenerator(flow, "warp")[0, 0, 0].tolist() == [-1, 0, 1]
"""
FLOW = "GridGenerator warp float32, forward and gradients"


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The package elsewhere, where no compiled code lies beside it."""
    return copy_package(tmp_path_factory.mktemp("copy"))


@pytest.fixture
def program(package, tmp_path):
    """Runs a program with the package's copy and this log level; returns what the log says."""

    def start(code, cache, level="INFO", **env):
        prelude = LOG.replace("LEVEL", repr(level))
        return run(
            prelude + code, cache, size=2, root=package, XDG_CACHE_HOME=str(tmp_path / "home"), **env
        ).splitlines()

    return start


@pytest.fixture
def command():
    """Runs the command line here."""

    def invoke(*arguments):
        result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return invoke


def without_times(lines):
    return [line.rpartition(" in ")[0] or line for line in lines]


def test_the_log_says_what_is_compiled(program, tmp_path):
    """And how long it took; nothing when the code is found on disk."""
    (line,) = program(CALL, tmp_path)
    words, _, seconds = line.rpartition(" in ")
    assert words == f"INFO spatial_op compiled {FLOW}"
    assert seconds.endswith(" s") and 0 < float(seconds[:-2]) < 60
    assert program(CALL, tmp_path) == []


def test_the_log_tells_of_found_code_to_those_who_look_closely(program, tmp_path):
    first, second = (without_times(program(CALL, tmp_path, "DEBUG")) for _ in range(2))
    assert first == [f"DEBUG spatial_op compiling {FLOW}", f"INFO spatial_op compiled {FLOW}"]
    assert second == [f"DEBUG spatial_op loaded {FLOW}"]


def test_the_log_is_silent_unless_asked(package, tmp_path):
    assert run(CALL, tmp_path, size=2, root=package) == ""


def test_records_carry_name_seconds_and_folder(program, tmp_path):
    code = """
class Handler(logging.Handler):
    def emit(self, record):
        print(record.kernel, record.seconds > 0, record.folder)
logging.getLogger().handlers[:] = [Handler()]
"""
    assert program(code + CALL, tmp_path) == [f"{FLOW} True {tmp_path / 'spatial_op'}"]


CALLS = {
    "SpatialTransformer translation bilinear float32, forward, 1 channel": ("translation", "bilinear", "f4", 1),
    "SpatialTransformer projective nearest_even float64, forward, 2 to 4 channels": (
        "projective",
        "nearest_even",
        "f8",
        4,
    ),
    "SpatialTransformer tps bicubic float32, forward, 5 to 8 channels": ("tps", "bicubic", "f2", 5),
    "SpatialTransformer attention nearest float32, forward, 9 to 16 channels": ("attention", "nearest", "f4", 16),
    "SpatialTransformer affine bilinear float64, forward, 17 channels or more": ("affine", "bilinear", "f8", 17),
}


@pytest.mark.parametrize("name", CALLS)
def test_names_are_those_of_the_tables(name, monkeypatch):
    """Operator, transform, sampler, dtype, what for."""
    transform, sampler, dtype, channels = CALLS[name]
    called = []
    monkeypatch.setattr(kernel.Kernel, "__call__", lambda self, *_: called.append(self.name))
    build.forward.cache_clear()
    data = np.zeros((1, channels, 4, 4), dtype)
    so.SpatialTransformer(data, so.identity_loc(transform, 1, dtype), (4, 4), transform, sampler)
    build.forward.cache_clear()
    assert called[0] == name


def test_a_folder_that_was_prepared_is_used_when_it_is_read_only(program, tmp_path):
    """As in an image: nothing is compiled, and what is new is kept elsewhere."""
    prepared, own = tmp_path / "prepared", tmp_path / "own"
    assert len(program(CALL, prepared)) == 1
    code = f"""
from spatial_op.kernels import disk
import pathlib
disk.places = lambda: map(pathlib.Path, {[str(prepared / "spatial_op"), str(own)]!r})
disk.folder = lambda: pathlib.Path({str(own)!r})
"""
    own.mkdir()
    assert program(code + CALL, None) == [] and not list(own.iterdir())
    more = 'assert so.GridGenerator(so.identity_loc("affine"), "affine", (1, 2))[0, 0, 0].tolist() == [-1, 1]'
    assert len(program(code + more, None)) == 1
    assert len(list(own.iterdir())) == 1 and len(list((prepared / "spatial_op").iterdir())) == 1


def test_a_read_only_folder(program, tmp_path):
    """The same with the permissions themselves, for users whom they bind."""
    prepared = tmp_path / "prepared"
    program(CALL, prepared)
    place = prepared / "spatial_op"
    place.chmod(0o555)
    try:
        if os.access(place, os.W_OK):
            pytest.skip("this user can write anywhere")
        assert program(CALL, prepared) == []
    finally:
        place.chmod(0o755)


def test_a_damaged_file_in_a_read_only_folder_is_passed_by(program, tmp_path):
    prepared, own = tmp_path / "prepared", tmp_path / "own"
    program(CALL, prepared)
    (file,) = (prepared / "spatial_op").iterdir()
    file.write_bytes(file.read_bytes()[:-1])
    own.mkdir()
    code = f"""
from spatial_op.kernels import disk
import pathlib
disk.places = lambda: map(pathlib.Path, {[str(prepared / "spatial_op"), str(own)]!r})
disk.folder = lambda: pathlib.Path({str(own)!r})
"""
    assert len(program(code + CALL, None)) == 1 and len(list(own.iterdir())) == 1
    assert program(code + CALL, None) == []


COMPILE = """
from spatial_op.__main__ import main
main({!r})
"""
SOME = ["compile", "--operator", "GridGenerator", "--operator", "SpatialTransformer", "--channels", "grey"]


@pytest.fixture
def compiled(package, tmp_path):
    """Runs the command with the package's copy; returns what it prints."""

    def start(*arguments):
        return run(COMPILE.format([*SOME, *arguments]), tmp_path, size=2, root=package).splitlines()

    return start


def test_compile_prepares_what_calls_need(program, compiled, tmp_path):
    """A process that follows compiles nothing: whole images, a strong shrinking, gradients."""
    lines = compiled()
    assert lines[-1].endswith(f"new ones are kept in {tmp_path / 'spatial_op'}")
    assert [line.split()[-1] for line in lines[1:-2]] == ["now"] * (len(lines) - 3)
    code = """
for size, target in ((30, 40), (300, 2), (3, 500)):
    data = np.ones((2, 1, size, size), "float32")
    out, pullback = so.vjp(so.SpatialTransformer, data, so.identity_loc("affine", 2), target_shape=(target, target))
    pullback(out)
    out, pullback = so.vjp(so.GridGenerator, so.identity_loc("affine", 2), transform_type="affine", target_shape=(target, target))
    pullback(out)
"""
    assert program(code, tmp_path) == []
    assert [line.split()[-1] for line in compiled()[1:-2]] == ["before"] * (len(lines) - 3)


def test_compile_makes_no_other_operators_kernels(package, tmp_path):
    """Grey images and volumes along grids, and no more."""
    words = ["compile", "--operator", "GridSampler", "--volumes", "--channels", "grey", "--no-gradients"]
    lines = run(COMPILE.format(words), tmp_path, size=2, root=package).splitlines()
    assert {line.rpartition("  ")[0].strip().rpartition("  ")[0].strip() for line in lines[1:-2]} == {
        "loop over threads",
        "GridSampler bilinear float32, forward, 1 channel",
        "GridSampler bilinear float32, forward, scattered",
        "GridSampler bilinear float32 volumes, forward, scattered",
    }


def test_compile_without_gradients(compiled):
    names = "\n".join(compiled("--no-gradients"))
    assert ", forward" in names and ", gradients" not in names


def test_compile_takes_rows_of_the_tables(command):
    """Each choice reaches a call; what a kind has not is left out."""
    calls = compile.calls((1, 2, 3), **usual.CHOICES)
    asked = {
        (
            operator.__name__,
            inputs[0].ndim - 2,
            inputs[0].dtype.name,
            params.get("transform_type"),
            params.get("sampler_type"),
        )
        for operator, inputs, params in calls
    }
    assert {name for name, *_ in asked} == {*OPERATORS, "warp"}
    for dtype in map(str, PICTURES):
        assert ("SpatialTransformer", 2, dtype, "affine", "nearest") in asked
        assert ("GridSampler", 3, dtype, None, "bicubic") in asked
        assert {("warp", ndim - 2, dtype, None, "bilinear") for ndim in (2, 3, 4)} <= asked
        assert not any(name in compile.OF_FLOATS and kind == dtype for name, _, kind, _, _ in asked)
    for dtype in map(str, DTYPES):
        for transform in set(usual.CHOICES["transform"]) - {usual.FLOW}:
            for sampler in usual.CHOICES["sampler"]:
                assert ("SpatialTransformer", 2, dtype, transform, sampler) in asked
        assert ("GridGenerator", 2, dtype, usual.FLOW, None) in asked
        assert {("ModulatedDeformableConvolution", axes, dtype, None, None) for axes in (2, 3)} <= asked
        for axes in (1, 3):
            assert ("SpatialTransformer", axes, dtype, "affine", "nearest_even") in asked
            assert ("GridSampler", axes, dtype, None, "bicubic") in asked
            assert ("GridGenerator", axes, dtype, usual.FLOW, None) in asked
            assert ("SpatialTransformer", axes, dtype, "tps", "bilinear") not in asked


def test_each_call_is_one_that_operators_take():
    """All checks pass, so nothing is left out by an error."""
    for operator, inputs, params in compile.calls((1, 2, 3), **usual.CHOICES):
        if operator is not so.warp:
            operator.operator.prepare(*inputs, **params)


@pytest.mark.parametrize("dtype", ["uint8", "float64"])
def test_compile_prepares_pictures(package, program, tmp_path, dtype):
    """By every kind of map, grey and in colour, near and shrunk."""
    words = ["compile", "--operator", "warp", "--dtype", dtype]
    words += [word for name in ("affine", "projective", "warp") for word in ("--transform", name)]
    lines = run(COMPILE.format([*words, "--channels", "grey", "--channels", "RGB"]), tmp_path, size=2, root=package)
    assert " forward" in lines and "gradients" not in lines
    code = f"""
for shape in ((40, 50), (300, 200, 3)):
    image = np.ones(shape, "{dtype}")
    for scale in (0.5, 60):
        for last in (0, 0.01):
            so.warp(image, [[scale, 0, 1], [0, scale, 0], [0, last, 1]], (30, 3))
    so.warp(image, displacement=np.zeros((2, *shape[:2])))
    so.warp(image, displacement=np.random.default_rng(0).uniform(-90, 90, (2, *shape[:2])))
"""
    assert program(code, tmp_path) == []


def test_compile_without_a_folder(command, monkeypatch):
    monkeypatch.setattr(disk, "folder", lambda: None)
    result = command(*SOME)
    assert result.exit_code == 1 and result.output.count("\n") == 1
    assert (
        result.output.startswith("Error: no folder for compiled code can be written to")
        and "NUMBA_CACHE_DIR" in result.output
    )


def test_compile_on_a_full_disk(package, tmp_path):
    pytest.importorskip("resource")
    full = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
    code = (
        full
        + f"""
from click.testing import CliRunner
from spatial_op.cli.main import cli
result = CliRunner().invoke(cli, {SOME + ["--no-gradients"]!r})
print(result.exit_code, result.output.splitlines()[-1])
"""
    )
    assert run(code, tmp_path, size=2, root=package).endswith("could not be written there; is the disk full?\n")


def test_compile_without_a_compiler(command, monkeypatch):
    monkeypatch.setattr(kernel, "COMPILED", False)
    result = command(*SOME)
    assert result.exit_code == 1 and result.output.startswith("Error: NUMBA_DISABLE_JIT is set")


def test_info_names_the_folders(command, monkeypatch, tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    (here / "a.kernel").write_bytes(b"x" * 2**20)
    (here / "b.part").write_bytes(b"x")
    monkeypatch.setattr(disk, "places", lambda: iter((there, here)))
    monkeypatch.setattr(disk, "folder", lambda: here)
    lines = [line.split() for line in command("info").output.splitlines()]
    assert [str(there), "0", "0.0"] in lines
    assert [str(here), "1", "1.0", "new", "kernels", "go", "here"] in lines
    monkeypatch.setattr(disk, "folder", lambda: None)
    assert "NUMBA_CACHE_DIR" in command("info").output
    assert info.kernels(pathlib.Path(tmp_path, "nowhere")) == []


class Terminal(io.StringIO):
    """A stream that says that it is one."""

    def isatty(self):
        return True


def tell(words, **more):
    logging.getLogger("spatial_op").debug(words, extra={"kernel": "SOMETHING", **more})


def watched(monkeypatch, terminal, items, act):
    """What a bar over the items writes."""
    monkeypatch.setattr(sys, "stderr", terminal)
    seen = []
    with progress.progress(items, "Working", lambda item: f"item {item}") as shown:
        for item in shown:
            act(item)
            seen.append(item)
    assert seen == list(items)
    return terminal.getvalue()


def test_bars_say_what_is_compiled_while_it_is(monkeypatch):
    def act(item):
        if item == 1:
            tell("compiling")
            tell("compiled", seconds=1.0)

    frames = watched(monkeypatch, Terminal(), (0, 1, 2), act).split("\r")
    said = ["compiling SOMETHING" in frame for frame in frames]
    assert (
        sum(said) == 1
        and "item 0" in frames[said.index(True) - 2] + frames[1]
        and "item 1" in frames[said.index(True) + 1]
    )
    assert "compiling" not in watched(monkeypatch, Terminal(), (0, 1), lambda item: None)


def test_nothing_is_drawn_where_nobody_looks(monkeypatch):
    assert watched(monkeypatch, io.StringIO(), (0, 1), lambda item: tell("compiling")) == ""


def test_bars_leave_the_log_as_it_was(monkeypatch):
    log = logging.getLogger("spatial_op")
    before = log.level, list(log.handlers)
    with contextlib.suppress(KeyError):
        watched(monkeypatch, Terminal(), (0,), lambda item: {}[item])
    assert (log.level, log.handlers) == before


def test_lines_above_the_bar_of_another_library(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress.lines():
        tell("compiling")
    assert terminal.getvalue().strip() == "compiling SOMETHING"
    quiet = io.StringIO()
    monkeypatch.setattr(sys, "stderr", quiet)
    with progress.lines():
        tell("compiling")
    assert quiet.getvalue() == ""
