"""``demo``: warp a photograph, say how right and how fast that was, and draw it."""

from typing import NamedTuple

import click
import numpy as np

import spatial_op

from . import evaluate, machine, photo, taps, text
from .cases import affine_problem, rotation, sizes, waves
from .peers import MXNet, OpenCV, Ours, PyTorch, available
from .progress import progress
from .timing import race
from .warps import WARPS, normalised, parameters

BATCH = 8
KINDS = {1: "grey", 3: "RGB", 4: "RGBA"}
DEFORMED = {"kernel": (3, 3), "pad": (1, 1), "num_filter": 4, "no_bias": True}


class Failure(click.ClickException):
    """One sentence for the user."""

    exit_code = 2


class Table(NamedTuple):
    """A title, rows, how many columns are words, and sentences below."""

    title: str
    rows: list
    left: int = 1
    notes: tuple = ()


def run(path, out):
    """Write the figure and print the tables."""
    from . import figure

    image = load(path)
    channels, height, width = image.shape
    source = path or "the photograph of a cat that comes with scikit-image"
    click.echo(f"Input: {source}, {width} x {height} pixels, {KINDS[channels]}\n")
    layers, tables = photo.with_opacity(image), []
    steps = {
        "drawing the figure": lambda: draw(figure, layers, out),
        "comparing with NumPy": lambda: tables.append(agreement(layers)),
        "checking gradients": lambda: tables.append(gradients()),
        "timing": lambda: tables.append(speed(image)),
    }
    with progress(steps, "Demonstration", str) as shown:
        for step in shown:
            steps[step]()
    for table in tables:
        click.secho(table.title, bold=True)
        text.show(table.rows, left=table.left)
        for sentence in table.notes:
            click.echo(f"  {sentence}")
        click.echo()
    click.echo(f"Figure: {out}")


def draw(figure, layers, out):
    """Write the figure, or one sentence on why it cannot be written."""
    means = [taps.mean(layers, places) for places in tap_places(layers)]
    try:
        figure.draw(layers, warp(layers, "float32"), means, out)
    except (OSError, ValueError) as error:
        raise Failure(f"cannot write the figure to {out}: {error}.") from error


def load(path):
    """The image, or one sentence on why there is none."""
    if path is None:
        return photo.shipped()
    try:
        return photo.read(path)
    except OSError as error:
        reason = error.strerror or "it is no picture that can be read; use a PNG or JPEG file"
        raise Failure(f"cannot open {path}: {reason[0].lower()}{reason[1:]}.") from error


def warp(image, dtype):
    """All warps of one image, in one call."""
    batch = np.repeat(image[None].astype(dtype), len(WARPS), axis=0)
    loc = parameters(*image.shape[1:], dtype)
    return spatial_op.SpatialTransformer(batch, loc, target_shape=image.shape[1:], transform_type="projective")


def tap_places(image):
    """Where the taps of a plain and of the deformable convolution lie."""
    return taps.squares(*image.shape[1:]), taps.circles(*image.shape[1:])


def agreement(image):
    """Each warp and plain NumPy."""
    rows = [("", "float32", "float64")]
    height, width = image.shape[1:]
    for row, single, double in zip(WARPS, warp(image, "float32"), warp(image, "float64")):
        expected = evaluate.warp(image, normalised(row.matrix, height, width), (height, width))
        rows.append((row.title, *(text.small(np.abs(result - expected).max()) for result in (single, double))))
    places = taps.circles(height, width)
    expected = np.mean([evaluate.sample(image, y.ravel(), x.ravel()) for y, x in zip(*places)], axis=0)
    found = (taps.mean(image.astype(dtype), places).reshape(expected.shape) for dtype in ("float32", "float64"))
    rows.append(("Deformable convolution", *(text.small(np.abs(result - expected).max()) for result in found)))
    return Table("Largest difference from an independent evaluation in NumPy (pixel values run from 0 to 1)", rows)


def gradients():
    """Directional derivatives, and what the gradients say of them."""
    rows = [("", "input", "quotient", "gradient", "difference")]
    fade = np.sin(np.linspace(0, np.pi, 48)) ** 2
    data = waves((2, 3, 48, 48), "float64") * fade * fade[:, None]
    for operator, inputs, params in (
        (spatial_op.SpatialTransformer, rotated_inputs(data), {"target_shape": (40, 56)}),
        (spatial_op.ModulatedDeformableConvolution, deformed_inputs(data), DEFORMED),
    ):
        label = operator.__name__
        for name, numeric, exact in directional_derivatives(operator, inputs, params):
            difference = abs(numeric - exact) / abs(exact)
            rows.append((label, name, f"{numeric:.7f}", f"{exact:.7f}", text.small(difference)))
            label = ""
    return Table("Derivative in a random direction: difference quotient and gradient, in float64", rows, left=2)


def rotated_inputs(data):
    """Inputs of a transformer."""
    return [data, rotation(0.5, 0.9, (0.03, -0.02), len(data), "float64")]


def deformed_inputs(data):
    """Inputs of a deformable convolution whose taps stay a tenth of a pixel away from whole pixels."""
    rng = np.random.default_rng(1)
    size = data.shape[2:]
    offset = rng.integers(-3, 3, (2, 18, *size)) + rng.uniform(0.1, 0.9, (2, 18, *size))
    return [data, offset, rng.standard_normal((2, 9, *size)), rng.standard_normal((4, 3, 3, 3))]


def directional_derivatives(operator, inputs, params, step=1e-7, seed=0):
    """Name of the input, central difference and inner product with the gradient."""
    rng = np.random.default_rng(seed)
    out, pullback = spatial_op.vjp(operator, *inputs, **params)
    upper = rng.standard_normal(out.shape)
    for number, (name, grad) in enumerate(zip(operator.operator.inputs, pullback(upper))):
        direction = rng.standard_normal(grad.shape)
        ends = []
        for sign in (1, -1):
            moved = list(inputs)
            moved[number] = inputs[number] + sign * step * direction
            ends.append(np.vdot(upper, operator(*moved, **params)))
        yield name, (ends[0] - ends[1]) / (2 * step), np.vdot(grad, direction)


def speed(image):
    """The time that this package and the others take for a batch of the photograph."""
    data = np.repeat(image[None].astype("float32"), BATCH, axis=0)
    problem = affine_problem(data, rotation(0.5, 0.9, (0.03, -0.02), BATCH, "float32"), image.shape[1:])
    peers, missing = available((MXNet, PyTorch, OpenCV))
    peers = [Ours(), *(peer for peer in peers if peer.supports(problem))]
    jobs = [peer.job(problem) for peer in peers]
    forward = race([job.forward for job in jobs], seconds=0.5, least=3)
    both = [job.forward_backward for job in jobs if job.forward_backward]
    both = iter(race(both, seconds=1.0, least=3))
    both = [next(both) if job.forward_backward else None for job in jobs]
    title = f"Milliseconds to rotate {sizes(data.shape)} pixels, float32, up to {machine.cores()} threads"
    rows = [("", "forward", "", "forward + backward", "")]
    for peer, one, two in zip(peers, forward, both):
        rows.append((f"{peer.name} {peer.version}", *milliseconds(one, forward[0]), *milliseconds(two, both[0])))
    return Table(title, rows, notes=missing)


def milliseconds(seconds, ours):
    """A time and how it compares with ours."""
    if seconds is None:
        return "-", ""
    return f"{1e3 * seconds:.1f}", "" if seconds == ours else f"{seconds / ours:.1f}x"
