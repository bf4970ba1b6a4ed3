"""The code of the pages runs as it stands."""

import pathlib
import re

import pytest

from spatial_op.paddings import Padding
from spatial_op.samplers import SAMPLERS, Sampler
from spatial_op.transforms.row import Transform

ROOT = pathlib.Path(__file__).parents[1]
# The guides have tests of their own.
PAGES = [
    "README.md",
    "docs/index.md",
    *(f"docs/gradients/{path.name}" for path in (ROOT / "docs/gradients").glob("*.md")),
]


@pytest.mark.parametrize("page", sorted(PAGES))
def test_page(page, capsys):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.S)
    assert blocks
    if any("import torch" in block for block in blocks):
        pytest.importorskip("torch")
    code = "\n".join(blocks)
    exec(compile(code, page, "exec"), {})
    said = re.findall(r"^print\(.*\)  # (.*)$", code, re.M)
    assert capsys.readouterr().out.splitlines() == said


def test_every_block_is_known_to_a_test():
    """A page with code is one of these, or a guide."""
    with_code = {
        path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/**/*.md") if "```python" in path.read_text()
    }
    assert with_code <= {*PAGES, "docs/adding.md", "docs/moving.md"}


def test_pages_name_every_field_and_every_sampler():
    """The tables of rows, and the README's list."""
    page = (ROOT / "docs/adding.md").read_text()
    for row in (Transform, Sampler, Padding):
        assert f"`{row.__name__}({', '.join(row._fields)})`" in page
    (line,) = re.findall(r"^\* \*\*complete\*\*:(.*?)^\*", (ROOT / "README.md").read_text(), re.M | re.S)
    assert set(SAMPLERS) <= set(re.findall(r"\w+", line))


def test_speed_tables_are_those_of_the_numbers(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs")
    import speed

    numbers = speed.measured()
    assert numbers and speed.tables(numbers) == (speed.HERE / "tables.md").read_text()
    for result in numbers.values():
        assert {row["peer"] for row in result["rows"]} - {None} <= {
            *speed.STYLES,
            *speed.LIMITS,
        }
