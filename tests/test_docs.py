"""The code of the pages runs as it stands."""

import ast
import importlib
import pathlib
import re
import shlex
import subprocess
import sys

import numpy as np
import pytest

import spatial_op as so
from spatial_op.paddings import Padding
from spatial_op.samplers import SAMPLERS, Sampler
from spatial_op.transforms.row import Transform

ROOT = pathlib.Path(__file__).parents[1]
# The guides have tests of their own, and so has the page that needs MXNet.
ELSEWHERE = [
    "docs/adding.md",
    "docs/exporting.md",
    "docs/first_steps/mxnet.md",
    "docs/moving.md",
    "docs/moving_without_mxnet.md",
    "docs/threads.md",
]
WRITTEN = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md")]
PAGES = [
    name
    for path in WRITTEN
    if "```python" in path.read_text() and (name := path.relative_to(ROOT).as_posix()) not in ELSEWHERE
]


@pytest.fixture
def blocks(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs")
    return importlib.import_module("blocks")


@pytest.mark.parametrize("page", sorted(PAGES))
def test_page(page, blocks, capsys, tmp_path, monkeypatch):
    """It prints what it says, and draws what it shows. Only the README reads files of the checkout."""
    code = blocks.program(ROOT / page)
    for framework in ("torch", "jax", "cv2", "dask", "zarr", "onnxruntime", "skimage"):
        if re.search(rf"^(import|from) {framework}\b", code, re.M):
            pytest.importorskip(framework)
    monkeypatch.chdir(ROOT if page == "README.md" else tmp_path)
    exec(compile(code, page, "exec"), {})
    assert capsys.readouterr().out.splitlines() == blocks.promised(code)
    for drawn in tmp_path.glob("*.png"):
        same_picture(drawn, (ROOT / page).with_name(drawn.name))


def test_threads(blocks):
    """In a process of its own, since its workers are forked, and JAX warns of that."""
    pytest.importorskip("torch")
    page = ROOT / "docs/threads.md"
    done = subprocess.run([sys.executable, blocks.__file__, page], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == blocks.promised(blocks.program(page))


def same_picture(drawn, shown):
    """To the rounding of a byte."""
    image = pytest.importorskip("PIL.Image")
    a, b = (np.asarray(image.open(path).convert("RGB"), int) for path in (drawn, shown))
    assert a.shape == b.shape and abs(a - b).max() <= 1, f"{shown} is not what its page draws"


def test_the_picture_of_the_command_line(tmp_path, monkeypatch):
    """The page's command draws it, of the photograph that the others use."""
    testing, data = pytest.importorskip("click.testing"), pytest.importorskip("skimage.data")
    pytest.importorskip("dask")
    from PIL import Image

    from spatial_op.cli.main import cli

    page = ROOT / "docs/first_steps/command_line.md"
    (command,) = re.findall(r"^python -m spatial_op (warp photo.jpg .*)$", page.read_text(), re.M)
    monkeypatch.chdir(tmp_path)
    Image.fromarray(data.chelsea()).save("photo.png")
    command = command.replace("photo.jpg", "photo.png")  # without JPEG's rounding
    result = testing.CliRunner().invoke(cli, shlex.split(command))
    assert result.exit_code == 0, result.output
    same_picture(tmp_path / "turned.png", page.with_name("turned.png"))


@pytest.mark.parametrize(
    ("folder", "programs"),
    [("pictures", ["docs.pictures", "docs.tile", "docs.command_line"]), ("textbook", ["docs.textbook.pictures"])],
)
def test_programs_draw_the_pictures(folder, programs, tmp_path, monkeypatch):
    """All of them, and no others; how, differs with the version of Matplotlib."""
    pytest.importorskip("matplotlib")
    pytest.importorskip("skimage")
    for program in map(importlib.import_module, programs):
        monkeypatch.setattr(program, "HERE", tmp_path)
        for draw in program.PICTURES:
            draw()
    drawn, shown = ({path.name for path in where.glob("*.png")} for where in (tmp_path, ROOT / "docs" / folder))
    assert drawn == shown


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_local_links(path):
    """To files that are there."""
    text = re.sub(r"```.*?```|`[^`\n]*`", "", path.read_text(), flags=re.S)
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if not re.match(r"[a-z]+:", target):
            assert (path.parent / target).exists(), target


@pytest.mark.parametrize("page", sorted(path.name for path in ROOT.glob("docs/textbook/*.md")))
def test_the_text_book_shows_what_it_means(page):
    """Each piece of ``reference`` is there, and begins after the docstring if it begins within a function."""
    text = (ROOT / "docs/textbook" / page).read_text()
    pieces = re.findall(r"```\{literalinclude\} (\S+)\n(.*?)```", text, re.S)
    assert pieces
    for path, options in pieces:
        options = dict(re.findall(r"^:([\w-]+): (.*)$", options, re.M))
        code = (ROOT / "docs/textbook" / path).read_text()
        if name := options.get("pyobject"):
            (node,) = [node for node in ast.parse(code).body if getattr(node, "name", None) == name]
            code = ast.get_source_segment(code, node)
        first = options.get("start-at", "")
        begun = [line.strip() for line in code.splitlines() if first in line]
        assert begun and (not first or begun[0].startswith(first)), f"{path} has no {first!r}"
        assert options.get("end-at", "").strip('"') in code[code.index(first) :]


def test_the_citation_names_this_version():
    assert f"\nversion: {so.__version__}\n" in (ROOT / "CITATION.cff").read_text()


def test_the_reference_lists_every_public_name():
    listed = set(re.findall(r"`~?(spatial_op\.[\w.]+)`", (ROOT / "docs/api.md").read_text()))
    public = {f"spatial_op.{name}" for name in so.__all__}
    for name in so.FRAMEWORKS:
        tree = ast.parse((ROOT / f"spatial_op/{name}.py").read_text())
        (names,) = [
            ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
        ]
        public |= {f"spatial_op.{name}.{each}" for each in names}
    assert listed - {"spatial_op.contrib"} == public
    described = "".join(path.read_text() for path in ROOT.glob("docs/api/*.md"))
    assert all(re.search(rf"{re.escape(name)}\b", described) for name in public)


def test_pages_name_every_field_and_every_sampler():
    """The tables of rows, and the conventions' line."""
    page = (ROOT / "docs/adding.md").read_text()
    for row in (Transform, Sampler, Padding):
        assert f"`{row.__name__}({', '.join(row._fields)})`" in page
    (line,) = re.findall(r"^\| `sampler_type` \| `bilinear`.*", (ROOT / "docs/conventions.md").read_text(), re.M)
    assert set(SAMPLERS) <= set(re.findall(r"\w+", line))


def test_commands_say_what_the_page_says(tmp_path):
    """All of them, in their order, in one folder."""
    pytest.importorskip("dask")
    command_line = importlib.import_module("docs.command_line")
    command_line.prepare(tmp_path)
    pairs = list(command_line.commands())
    assert len(pairs) >= command_line.DRAWN and all(said or command.startswith("rm ") for command, said in pairs)
    assert [(command, command_line.run(command, tmp_path)) for command, _ in pairs] == pairs


def test_the_page_lists_the_steps_in_their_order():
    from spatial_op.cli.geometry import STEPS

    page = (ROOT / "docs/command_line.md").read_text()
    rows = re.findall(r"^\| `--(\w+)", page, re.M)
    assert list(dict.fromkeys(rows)) == list(STEPS)


@pytest.fixture
def speed(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs")
    return importlib.import_module("speed")


def test_speed_tables_are_those_of_the_numbers(speed):
    numbers = speed.measured()
    assert numbers and speed.tables(numbers) == (speed.HERE / "tables.md").read_text()
    readme = speed.README.read_text()
    assert speed.with_summary(readme, numbers) == readme
    for result in numbers.values():
        assert {row["peer"] for row in result["rows"]} - {None} <= {
            *speed.STYLES,
            *speed.LIMITS,
        }


def test_the_table_of_a_readme_is_replaced(speed):
    """What is between the comments is; nothing else, and nothing without them."""
    numbers = speed.measured()
    before, after = "Words.\n\n" + speed.BORDERS[0], speed.BORDERS[1] + "\nMore.\n"
    once = speed.with_summary(f"{before}| old |\n{after}", numbers)
    assert once.startswith(before) and once.endswith(after) and "| old |" not in once
    rows = [line for line in once.splitlines() if line.startswith("| ")]
    assert len(rows) == 2 + len(speed.SHOWN) == 6 and "geometric mean of" in rows[-1]
    assert speed.with_summary(once, numbers) == once
    assert speed.with_summary("Words.\n", numbers) == "Words.\n"


def test_tables_of_first_calls_and_of_disagreements(speed):
    """What the numbers in the documentation may not have."""
    first = [
        {"case": "First call: GridGenerator, float32", "step": "forward", "cache": cache, "cpu_s": seconds}
        for cache, seconds in (("empty", 0.5), ("full", 0.25))
    ]
    assert "| GridGenerator, float32: forward | 0.50 | 0.25 |" in speed.first_calls({"first_calls": first})
    assert speed.first_calls({"first_calls": []}) == []
    other = {"peer": "A", "case": "B: C", "threads": 2, "what": "result", "difference": 0.01, "allowed": 0.001}
    assert "| A | B: C | 2 | result | 1.0e-02 | 1.0e-03 |" in speed.disagreements({"disagreements": [other]})


def test_all_peers_have_a_style(speed):
    from spatial_op.cli.peers import PEERS

    assert {peer.name for peer in PEERS} <= {*speed.STYLES, *speed.LIMITS}
