"""How Sphinx builds these pages: ``sphinx-build -W docs site``."""

import importlib.util
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

import spatial_op

project = "spatial_op"
release = version = spatial_op.__version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx-mathjax-offline",  # formulas also where there is no network
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_gallery.gen_gallery",
]
sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "gallery_pages",
    "filename_pattern": r"\.py$",  # all are run
    "image_srcset": ["2x"],
    "thumbnail_size": (400, 340),
    "download_all_examples": False,
    "reference_url": {"spatial_op": None},  # names in the code lead to the reference
    "doc_module": ("spatial_op",),
    "backreferences_dir": "gallery_pages/backreferences",
    "min_reported_time": 60,
    "write_computation_times": False,
    "show_signature": False,
}
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["experiments/results/*", "gallery/*", "gallery_pages/backreferences/*", "speed/*"]  # parts of pages
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["narrow.css", "gallery.css"]
html_title = "spatial_op"
html_show_copyright = False
autodoc_mock_imports = [] if importlib.util.find_spec("mxnet") else ["mxnet"]  # its wheel imports on old stacks only
napoleon_use_ivar = True


def escape(app, kind, name, thing, options, lines):
    """Docstrings are plain text: a star before a name and bars around one mean themselves, outside of code."""
    for number, line in enumerate(lines):
        parts = line.split("``")
        parts[::2] = [re.sub(r"(?<=, )\*(?=\w)|\|", r"\\\g<0>", part) for part in parts[::2]]
        if not line.lstrip().startswith(">>>"):
            lines[number] = "``".join(parts)


def setup(app):
    """Before the sections are read."""
    app.connect("autodoc-process-docstring", escape, priority=100)
