"""Every program of the gallery runs, shows one picture, and prints what it says."""

import importlib.util
import pathlib
import re

import pytest

from docs import blocks

FOLDER = pathlib.Path(__file__).parents[1] / "docs" / "gallery"
PROGRAMS = sorted(FOLDER.glob("*.py"))


@pytest.fixture
def threads():
    """PyTorch's, as they were."""
    if not importlib.util.find_spec("torch"):
        yield
        return
    torch = importlib.import_module("torch")
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_program(path, threads, tmp_path, monkeypatch, capsys):
    """Numbers are those of the comments behind ``print``."""
    code = path.read_text()
    for module in re.findall(r"^(?:import|from) (matplotlib|scipy|skimage|sklearn|torch|dask)\b", code, re.M):
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
    assert code.count("print(") == len(blocks.promised(code)), "every print says what it prints"


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_program_is_short(path):
    """At most sixty narrow lines of code, without text and empty lines."""
    code = path.read_text().split('"""', 2)[2]
    assert len([line for line in code.splitlines() if line and not line.startswith("#")]) <= 60


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_program_has_a_title_and_a_sentence(path):
    """Which the page of thumbnails shows."""
    title, rule, empty, *text = path.read_text().split('"""')[1].strip().splitlines()
    sentence = " ".join("\n".join(text).split("\n\n")[0].split())
    assert rule == "=" * len(title) and not empty
    assert sentence.endswith(".") and sentence.count(". ") == 0 and len(sentence) <= 120


def test_there_are_a_dozen():
    assert len(PROGRAMS) >= 12
