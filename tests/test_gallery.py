"""Every program of the gallery runs, shows one picture, and prints what it says."""

import importlib
import pathlib
import re

import pytest

from docs import blocks

FOLDER = pathlib.Path(__file__).parents[1] / "docs" / "gallery"
PROGRAMS = sorted(FOLDER.glob("*.py"))


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_program(path, tmp_path, monkeypatch, capsys):
    """Numbers are those of the comments behind ``print``."""
    code = path.read_text()
    for module in re.findall(r"^(?:import|from) (matplotlib|scipy|skimage|sklearn|torch|jax|dask)\b", code, re.M):
        pytest.importorskip(module)
    plt = importlib.import_module("matplotlib.pyplot")
    plt.switch_backend("Agg")
    shown = []
    monkeypatch.setattr(plt, "show", lambda: shown.extend(plt.get_fignums()))
    monkeypatch.chdir(tmp_path)
    exec(compile(code, path, "exec"), {"__name__": "__main__"})
    plt.close("all")
    assert len(shown) == 1, "a program shows one picture"
    assert not list(tmp_path.iterdir()), "and leaves no files behind"
    assert capsys.readouterr().out.splitlines() == blocks.promised(code)


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_program_is_short(path):
    """At most fifty lines of code, without comments, docstrings and empty lines; its sentence on the thumbnail is there."""
    docstring, _, code = path.read_text().removeprefix('"""\n').partition('"""')
    assert len([line for line in code.splitlines() if line and not line.startswith("#")]) <= 50
    title, rule, empty, sentence = docstring.splitlines()[:4]
    assert set(rule) == {"="} and len(rule) == len(title) and not empty and sentence
