"""The pages become a site without a warning, the gallery's programs among them, which run once more."""

import importlib.util
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
NEEDED = ("sphinx", "myst_parser", "sphinx_gallery", "furo", "torch", "jax", "dask")


@pytest.mark.skipif(not all(map(importlib.util.find_spec, NEEDED)), reason="pip install '.[docs]' is needed")
def test_the_site_is_built_without_a_warning(tmp_path):
    """In a folder of its own: Sphinx writes the gallery's pages beside the others."""
    checkout, site = tmp_path / "checkout", tmp_path / "site"
    checkout.mkdir()
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, checkout)
        elif path.name != "docs":
            (checkout / path.name).symlink_to(path)
    shutil.copytree(ROOT / "docs", checkout / "docs", ignore=shutil.ignore_patterns("gallery_pages", "__pycache__"))
    words = ["-W", "-q", str(checkout / "docs"), str(site)]
    done = subprocess.run([sys.executable, "-m", "sphinx", *words], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    programs = [path.stem for path in (ROOT / "docs" / "gallery").glob("*.py")]
    pages = [site / "index.html", *(site / "gallery_pages" / f"{name}.html" for name in programs)]
    assert programs and all(page.stat().st_size > 5000 for page in pages)
