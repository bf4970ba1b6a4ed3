"""The guide to moving off MXNet runs as it stands."""

import pathlib
import re

import pytest

pytest.importorskip("mxnet")
pytest.importorskip("torch")

GUIDE = pathlib.Path(__file__).parents[1] / "docs" / "moving.md"

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Cannot decide type:UserWarning"),
]


def test_the_guide_runs(tmp_path, monkeypatch, record_property):
    """Its own assertions hold, and its losses go down."""
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.S)
    space = {}
    exec(compile("\n".join(blocks), str(GUIDE), "exec"), space)
    assert space["losses"] == sorted(space["losses"], reverse=True)
    row = [f"{space['losses'][0]:.3f} to {space['losses'][-1]:.3f}", f"{space['difference']:.1e}"]
    record_property("table", ("From Gluon to PyTorch", ["loss while training", "difference of outputs"], row))
