"""Run the commands of ``command_line.md`` and draw what the first of them make: ``python docs/command_line.py``."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

import matplotlib
import numpy as np
from PIL import Image

from spatial_op.cli.photo import shipped

matplotlib.use("Agg")
from matplotlib import pyplot as plt

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/command_line.md"
HERE = ROOT / "docs/pictures"
DRAWN = 6


def commands():
    """Pairs of a command and what it says, as the page has them."""
    for block in re.findall(r"```console\n(.*?)```", PAGE.read_text(), re.S):
        for part in block.split("$ ")[1:]:
            command, _, said = part.partition("\n")
            yield command, said


def prepare(folder):
    """The files that the page speaks of."""
    cat = Image.fromarray(np.uint8(np.rint(255 * shipped().transpose(1, 2, 0))))
    cat.save(folder / "cat.png")
    (folder / "photos").mkdir()
    for name in ("one", "two", "three"):
        cat.resize((60, 40)).save(folder / "photos" / f"{name}.png")
    (folder / "photos" / "broken.png").write_bytes(b"no picture")


def run(command, folder):
    """What a command says, on either stream."""
    bin = folder / ".bin"
    if not bin.exists():
        bin.mkdir()
        script = bin / "spatial_op"
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m spatial_op "$@"\n')
        script.chmod(0o755)
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    env = {**os.environ, "PATH": f"{bin}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": path}
    done = subprocess.run(
        command, shell=True, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return done.stdout


def results():
    """One picture of the first results, under the options that made them."""
    figure, axes = plt.subplots(3, 2, figsize=(7, 8), layout="constrained")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        prepare(folder)
        for axis, (command, _) in zip(axes.flat, list(commands())[:DRAWN]):
            run(command, folder)
            name, options = re.fullmatch(r"spatial_op warp \S+ (\S+) (.*)", command).groups()
            with Image.open(folder / name) as picture:
                axis.imshow(picture, interpolation="nearest")
            axis.set_title(re.sub(r" (?=--)", "\n", options), fontsize=8, family="monospace", loc="left")
            axis.set(xticks=[], yticks=[])
    figure.savefig(HERE / "command_line.png", dpi=100)
    plt.close(figure)


PICTURES = (results,)

if __name__ == "__main__":
    for draw in PICTURES:
        draw()
