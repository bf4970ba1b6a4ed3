"""The code of the pages runs as it stands."""

import importlib
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
    "docs/pixels.md",
    "docs/jax.md",
    "docs/second_order.md",
    "docs/pytorch.md",
    "docs/landmarks.md",
    *(f"docs/gradients/{path.name}" for path in (ROOT / "docs/gradients").glob("*.md")),
]


@pytest.mark.parametrize("page", sorted(PAGES))
def test_page(page, capsys):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.S)
    assert blocks
    for framework in ("torch", "jax", "cv2"):
        if any(f"import {framework}" in block for block in blocks):
            pytest.importorskip(framework)
    code = "\n".join(blocks)
    exec(compile(code, page, "exec"), {})
    said = re.findall(r"^print\(.*\)  # (.*)$", code, re.M)
    assert capsys.readouterr().out.splitlines() == said


def test_every_block_is_known_to_a_test():
    """A page with code is one of these, or a guide."""
    with_code = {
        path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/**/*.md") if "```python" in path.read_text()
    }
    assert with_code <= {
        *PAGES,
        "docs/adding.md",
        "docs/exporting.md",
        "docs/moving.md",
        "docs/moving_without_mxnet.md",
    }


def test_pages_name_every_field_and_every_sampler():
    """The tables of rows, and the README's list."""
    page = (ROOT / "docs/adding.md").read_text()
    for row in (Transform, Sampler, Padding):
        assert f"`{row.__name__}({', '.join(row._fields)})`" in page
    (line,) = re.findall(r"^\* \*\*complete\*\*:(.*?)^\*", (ROOT / "README.md").read_text(), re.M | re.S)
    assert set(SAMPLERS) <= set(re.findall(r"\w+", line))


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
    assert len(rows) == 2 + len(speed.groups(numbers["current"])[speed.SUMMARISED]) and "geometric mean" in rows[-1]
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
