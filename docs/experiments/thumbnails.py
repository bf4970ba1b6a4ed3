"""The gradient of a shrinking transformer: photographs are registered to thumbnails of themselves, by gradient descent.

A thumbnail's pixel is the mean of the photograph's under it. A transformer that takes one sample for each pixel sees others,
whose gradients say little about where to go. Run it with ``python docs/experiments/thumbnails.py``; it takes a minute.
"""

import json
import pathlib

import click
import numpy as np
from figures import LINES, plt, save
from runs import RESULTS

import spatial_op as so
from spatial_op.cli.photo import shipped

SIDE, SMALL = 256, 32  # pixels of a side of the photographs and of the thumbnails
FACTOR = SIDE // SMALL
# Samples along each axis of a pixel, by what the table calls them.
KINDS = {"one sample": False, "2 x 2": 2, "4 x 4": 4, "antialias=True": True}
STEPS, RATE = 120, 0.02
SPREAD = 0.06  # of the parameters where descent begins, about the right ones
FOUND = 0.25  # pixels of the thumbnail that corners may be off in the end

CORNERS = np.array([[-1, -1, 1], [1, -1, 1], [-1, 1, 1], [1, 1, 1]])


def photographs(rng, count):
    """Parts of the shipped photograph, twice as large, with a weave over it: (N, 1, SIDE, SIDE)."""
    photo = shipped().mean(0)
    y, x = np.mgrid[:SIDE, :SIDE]
    found = np.empty((count, 1, SIDE, SIDE), np.float32)
    for image in found:
        top, left = (rng.integers(0, size - SIDE) for size in photo.shape)
        angle, period = rng.uniform(0, np.pi), rng.uniform(2.5, 4.5)
        weave = np.cos(2 * np.pi / period * (np.cos(angle) * x + np.sin(angle) * y))
        image[0] = photo[top : top + SIDE, left : left + SIDE] + 0.15 * weave
    return found


def truths(rng, count):
    """Affine parameters: turned by up to 10 degrees, scaled by up to a tenth, moved by up to a twentieth of the width."""
    angle, scale = rng.uniform(-0.17, 0.17, count), rng.uniform(0.9, 1.1, count)
    cos, sin, move = scale * np.cos(angle), scale * np.sin(angle), rng.uniform(-0.1, 0.1, (2, count))
    return np.stack([cos, -sin, move[0], sin, cos, move[1]], axis=1)


def thumbnails(images, loc):
    """Warped in full size, and then the mean of each FACTOR x FACTOR pixels."""
    full = so.SpatialTransformer(images, loc, (SIDE, SIDE), padding_mode="border", align_corners=False)
    return full.reshape(len(full), 1, SMALL, FACTOR, SMALL, FACTOR).mean(axis=(3, 5))


def pulled(images, loc, targets, antialias):
    """The gradient of half the mean squared difference of each pair."""
    params = {"target_shape": (SMALL, SMALL), "padding_mode": "border", "align_corners": False, "antialias": antialias}
    out, pullback = so.vjp(so.SpatialTransformer, images, loc, grad_req=("null", "write"), **params)
    return pullback((out - targets) / SMALL**2)[1]


def corner_error(loc, truth):
    """How far corners are off in the mean, in pixels of the thumbnail."""
    moved = (loc - truth).reshape(-1, 2, 3) @ CORNERS.T
    return np.sqrt((moved**2).sum(axis=1)).mean(axis=1) * SMALL / 2


def descend(images, loc, truth, targets, antialias):
    """Errors before each step of Adam (Kingma and Ba 2015) and after the last one, (STEPS + 1, N); the cosine of the first step's direction."""
    first, second, errors, cosine = 0, 0, [corner_error(loc, truth)], None
    for step in range(1, STEPS + 1):
        grad = pulled(images, loc.astype("float32"), targets, antialias).astype("float64")
        if cosine is None:
            way = truth - loc
            cosine = -(grad * way).sum(axis=1) / np.sqrt((grad**2).sum(axis=1) * (way**2).sum(axis=1))
        first, second = 0.9 * first + 0.1 * grad, 0.99 * second + 0.01 * grad**2
        rate = RATE * 0.5 * (1 + np.cos(np.pi * step / STEPS))
        loc = loc - rate * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + 1e-12)
        errors.append(corner_error(loc, truth))
    return np.array(errors), cosine


def table(results):
    """A row for each kind."""
    lines = [
        "| samples of a pixel | cosine of the gradient and the way | error in the end, pixels | found |",
        "|---|---|---|---|",
    ]
    for name, one in results.items():
        lines.append(f"| {name} | {one['cosine']:.2f} | {one['error']:.2f} | {one['found']:.0%} |")
    return "\n".join(lines)


@click.command()
@click.option("--quick", is_flag=True, help="Eight pairs.")
@click.option(
    "--out", default=RESULTS, type=click.Path(file_okay=False, path_type=pathlib.Path), show_default=True,
    help="Folder for the numbers and the figure.",
)  # fmt: skip
def main(quick, out):
    """Register photographs to thumbnails with several numbers of samples, and print how well it goes."""
    rng, count = np.random.default_rng(0), 8 if quick else 24
    images, truth = photographs(rng, count), truths(rng, count)
    start = truth + SPREAD * rng.standard_normal(truth.shape)
    targets, results = thumbnails(images, truth.astype("float32")), {}
    figure, axis = plt.subplots(figsize=(5, 2.6), layout="constrained")
    for line, (name, antialias) in zip(LINES, KINDS.items()):
        errors, cosine = descend(images, start, truth, targets, antialias)
        results[name] = {
            "cosine": cosine.mean().item(), "error": np.median(errors[-1]).item(),
            "found": (errors[-1] < FOUND).mean().item(),
        }  # fmt: skip
        axis.semilogy(np.median(errors, axis=1), line, color="black", label=name)
    axis.set(xlabel="steps", ylabel="error of corners, pixels")
    axis.legend(fontsize=8)
    out.mkdir(parents=True, exist_ok=True)
    save(figure, out / "thumbnails.png")
    settings = {"pairs": count, "steps": STEPS, "rate": RATE, "spread": SPREAD}
    (out / "thumbnails.json").write_text(json.dumps({"settings": settings, "runs": results}, indent=1) + "\n")
    (out / "thumbnails.md").write_text(table(results) + "\n")
    click.echo(table(results))


if __name__ == "__main__":
    main()
