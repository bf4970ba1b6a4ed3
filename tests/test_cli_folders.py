"""The command `warp` on folders: what an interrupted run has done, and on streams."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from spatial_op.cli import folders, one_picture, streams
from spatial_op.cli.journal import NAME
from spatial_op.cli.main import cli

NAMES = [f"{number}.png" for number in range(6)]
TURN = ("--rotate", "90", "--expand")


@pytest.fixture
def photos(tmp_path):
    """A folder of pictures."""
    (tmp_path / "in").mkdir()
    for number, name in enumerate(NAMES):
        values = np.random.default_rng(number).integers(0, 256, (20, 30, 3), np.uint8)
        Image.fromarray(values).save(tmp_path / "in" / name)
    return tmp_path


@pytest.fixture
def written(monkeypatch):
    """Names of the pictures that are written."""
    names, write = [], one_picture.write

    def spy(path, picture, target):
        names.append(target.name)
        write(path, picture, target)

    monkeypatch.setattr(one_picture, "write", spy)
    return names


def run(photos, *options, source="in"):
    return CliRunner().invoke(cli, ["warp", str(photos / source), str(photos / "out"), *(options or TURN)])


def interrupt(photos, monkeypatch, after, *options):
    """A run that the user stops after so many pictures."""

    def stopping(jobs):
        yield from list(folders_completed(jobs))[:after]
        raise KeyboardInterrupt

    folders_completed = folders.as_completed
    with monkeypatch.context() as patch:
        patch.setattr(folders, "as_completed", stopping)
        patch.setattr(folders.ThreadPoolExecutor, "submit", submit_some(folders.ThreadPoolExecutor.submit, after))
        return run(photos, *options)


def submit_some(submit, count):
    """Jobs of which only the first ones are ever begun."""
    numbers = iter(range(10**6))

    def submitted(pool, function, *args):
        return submit(pool, function if next(numbers) < count else lambda *_: None, *args)

    return submitted


def turned(photos):
    """Whether every picture is there and right."""
    for name in NAMES:
        with Image.open(photos / "in" / name) as before, Image.open(photos / "out" / name) as after:
            np.testing.assert_array_equal(np.asarray(after), np.rot90(np.asarray(before)))
    return sorted(path.name for path in (photos / "out").iterdir()) == NAMES


def test_an_interrupted_run_goes_on(photos, monkeypatch, written):
    result = interrupt(photos, monkeypatch, 4)
    assert result.exit_code == 130
    assert (
        result.output == f"Interrupted: 4 of 6 pictures are in {photos / 'out'}; the same command goes on from there.\n"
    )
    assert sorted(written) == NAMES[:4] and (photos / "out" / NAME).exists()
    written.clear()
    result = run(photos)
    assert result.output == f"wrote {photos / 'out'} (6 pictures, 4 of them by an earlier run)\n"
    assert sorted(written) == NAMES[4:] and turned(photos)
    written.clear()
    assert run(photos).output == f"wrote {photos / 'out'} (6 pictures)\n"
    assert sorted(written) == NAMES, "a run that ended well is repeated"


def test_other_options_begin_anew(photos, monkeypatch, written):
    interrupt(photos, monkeypatch, 4, "--rotate", "3")
    written.clear()
    assert run(photos).exit_code == 0
    assert sorted(written) == NAMES and turned(photos)


@pytest.mark.parametrize("what", ["original", "result", "gone", "journal"])
def test_what_has_changed_since_is_done_again(photos, monkeypatch, written, what):
    interrupt(photos, monkeypatch, 4)
    written.clear()
    with Image.open(photos / "in" / "0.png") as picture:
        other = Image.fromarray(255 - np.asarray(picture))
    expected = ["0.png", *NAMES[4:]]
    if what == "original":
        other.save(photos / "in" / "0.png")
    elif what == "result":
        other.save(photos / "out" / "0.png")
    elif what == "gone":
        (photos / "out" / "0.png").unlink()
    else:  # cut while its last line was written
        lines = (photos / "out" / NAME).read_text().splitlines(keepends=True)
        place = next(number for number, line in enumerate(lines) if line.startswith('["0.png"'))
        lines.append(lines.pop(place)[:20])
        (photos / "out" / NAME).write_text("".join(lines))
    assert run(photos).exit_code == 0
    assert sorted(written) == expected and turned(photos)


def test_broken_files_are_tried_again_alone(photos, written):
    whole = (photos / "in" / "2.png").read_bytes()
    (photos / "in" / "2.png").write_bytes(whole[:90])
    result = run(photos)
    assert result.exit_code == 1 and "2.png: it cannot be read as a picture" in result.output
    result = run(photos)
    assert f"5 of 6 pictures are in {photos / 'out'}, 5 of them by an earlier run" in result.output
    (photos / "in" / "2.png").write_bytes(whole)
    written.clear()
    assert run(photos).exit_code == 0 and written == ["2.png"] and turned(photos)


def test_a_folder_whose_journal_is_of_another_kind(photos):
    (photos / "out").mkdir()
    (photos / "out" / NAME).write_bytes(b"\xff\xfe no text")
    assert run(photos).exit_code == 0 and turned(photos)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_the_key_that_interrupts(photos):
    """A process, and what it says; the same command goes on."""
    large = Image.fromarray(np.random.default_rng(0).integers(0, 256, (700, 700, 3), np.uint8))
    for number in range(30):
        large.save(photos / "in" / f"large{number}.png", compress_level=1)
    command = [sys.executable, "-m", "spatial_op", "warp", "in", "out", *TURN, "--workers", "1"]
    process = subprocess.Popen(command, cwd=photos, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 120
    while not (photos / "out" / NAME).exists():
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130 and errors.startswith("Interrupted: ") and errors.count("\n") == 1, errors
    assert not list((photos / "out").glob(".spatial_op-*/*")), "nothing is half written"
    result = run(photos)
    assert result.exit_code == 0 and "36 pictures" in result.output and "by an earlier run" in result.output


def process(photos, *options, **kwargs):
    """The command, as a process."""
    command = [sys.executable, "-m", "spatial_op", "warp", *options]
    return subprocess.run(command, cwd=photos, capture_output=True, timeout=120, **kwargs)


def test_streams(photos):
    """A picture in, a picture out, and nothing else; what it was, or what is asked for."""
    with open(photos / "in" / "0.png", "rb") as file:
        done = process(photos, "-", "-", *TURN, stdin=file)
    assert done.returncode == 0 and done.stderr == b"", done.stderr
    (photos / "out.png").write_bytes(done.stdout)
    done = process(photos, "in/0.png", "-", *TURN, "--format", "tif")
    (photos / "out.tif").write_bytes(done.stdout)
    done = process(photos, "-", "named.bmp", *TURN, input=(photos / "out.tif").read_bytes())
    assert done.stdout == b"wrote named.bmp (20 pixels high, 30 wide)\n", done
    with Image.open(photos / "in" / "0.png") as before:
        values = np.asarray(before)
    for name, turns, form in (("out.png", 1, "PNG"), ("out.tif", 1, "TIFF"), ("named.bmp", 2, "BMP")):
        with Image.open(photos / name) as after:
            assert after.format == form
            np.testing.assert_array_equal(np.asarray(after), np.rot90(values, turns))


def test_a_picture_goes_into_a_folder(photos):
    (photos / "out").mkdir()
    result = run(photos, source="in/0.png")
    assert result.output == f"wrote {photos / 'out' / '0.png'} (30 pixels high, 20 wide)\n"
    assert [path.name for path in (photos / "out").iterdir()] == ["0.png"]


def test_streams_that_cannot_be(photos, monkeypatch):
    def last(*options, **kwargs):
        result = CliRunner().invoke(cli, ["warp", *map(str, options), *TURN], **kwargs)
        assert result.exit_code in (1, 2), result.output
        return result.output.splitlines()[-1]

    one, out = photos / "in" / "0.png", photos / "out.png"
    assert last("-", out, input=b"no picture") == (
        "Error: standard input: it cannot be read as a picture: it is broken or of another kind."
    )
    assert last("-", out, input=b"") == "Error: standard input: nothing came from it."
    assert "expected a picture" in last("-", photos / "out")
    assert "IN is a folder and OUT is" in last(photos / "in", out)
    assert "--format is given and OUT is no '-'" in last(one, out, "--format", "png")
    assert "IN is a folder and OUT is '-', expected a folder" in last(photos / "in", "-")

    class Terminal:
        def isatty(self):
            return True

    for name, pair, words in (("stdin", ("-", out), "nothing is piped in"), ("stdout", (one, "-"), "this terminal")):
        with monkeypatch.context() as patch:
            patch.setattr(
                streams, "sys", type("Fake", (), {"stdin": sys.stdin, "stdout": sys.stdout, name: Terminal()})
            )
            assert words in last(*pair)
    assert not out.exists() and not (photos / "-").exists()


@pytest.mark.skipif(os.name == "nt", reason="shells")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("wa", "warp"),
        ("warp --rot", "--rotate"),
        ("warp a.png b.png --sampler lanc", "lanczos3"),
        ("warp a.png b.png --border refl", "reflection"),
        ("completion z", "zsh"),
    ],
)
def test_shells_complete(words, expected):
    """As Bash asks, through the variable that `completion` names."""
    env = {**os.environ, "_SPATIAL_OP_COMPLETE": "bash_complete", "COMP_WORDS": f"spatial_op {words}"}
    env["COMP_CWORD"] = str(len(words.split()))
    done = subprocess.run([sys.executable, "-m", "spatial_op"], env=env, capture_output=True, text=True, timeout=60)
    assert done.stdout == f"plain,{expected}\n", done


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_what_a_shell_is_told(shell):
    result = CliRunner().invoke(cli, ["completion", shell])
    assert result.exit_code == 0 and "_SPATIAL_OP_COMPLETE" in result.output and "spatial_op" in result.output


@pytest.mark.parametrize(
    "command", [(), ("warp",), ("completion",), ("compile",), ("demo",), ("bench",), ("check",), ("info",)]
)
def test_screens_fit_80_columns(command):
    result = CliRunner().invoke(cli, [*command, "--help"], terminal_width=80)
    assert result.exit_code == 0 and max(map(len, result.output.splitlines())) <= 80, result.output
