"""The guides to moving off MXNet run as they stand."""

import pathlib
import re
import shutil

import pytest
from record_checkpoints import FOLDER

pytest.importorskip("torch")

DOCS = pathlib.Path(__file__).parents[1] / "docs"

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Cannot decide type:UserWarning"),
]


def code_of(page):
    """The blocks of a page, one after the other, and what they promise to print."""
    code = "\n".join(re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.S))
    said = re.findall(r"^(?:print\(.*\)  )?# (.*)$", code, re.M)
    return compile(code, page, "exec"), said


def test_the_guide_runs(tmp_path, monkeypatch, record_property):
    """Its own assertions hold, and its losses go down."""
    pytest.importorskip("mxnet")
    monkeypatch.chdir(tmp_path)
    space = {}
    exec(code_of("moving.md")[0], space)
    assert space["losses"] == sorted(space["losses"], reverse=True)
    row = [f"{space['losses'][0]:.3f} to {space['losses'][-1]:.3f}", f"{space['difference']:.1e}"]
    record_property("table", ("From Gluon to PyTorch", ["loss while training", "difference of outputs"], row))


def test_first_steps_with_mxnet_run(capsys):
    """They print what they say."""
    pytest.importorskip("mxnet")
    code, said = code_of("first_steps/mxnet.md")
    exec(code, {})
    assert capsys.readouterr().out.splitlines() == said


def test_the_guide_without_mxnet_runs(tmp_path, monkeypatch, capsys):
    """It prints what it says, beside the files that it reads."""
    monkeypatch.chdir(shutil.copytree(FOLDER, tmp_path / "files"))
    code, said = code_of("moving_without_mxnet.md")
    exec(code, {})
    assert capsys.readouterr().out.splitlines() == said
