"""The commands and their options; what they do is in the files of the same names."""

import itertools

import click

from .. import __version__
from .cases import CASES, GROUPS

NUMBERS = itertools.count()
LISTED_CASES = "\b\nCases, all float32:\n" + "\n".join(
    "\n".join([f"  {group}", *(f"{next(NUMBERS):6}  {case.label}" for case in cases)])
    for group, cases in GROUPS.items()
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="spatial_op %(version)s")
def cli():
    r"""Spatial transformer operators for NumPy arrays: exact, parallel and differentiable.

    \b
    Start with:
      python -m spatial_op demo     warp a photograph and look at the figure
      python -m spatial_op check    compare this machine's numbers with MXNet's
      python -m spatial_op bench    compare the speed with other libraries
      python -m spatial_op warp     warp images, folders of them and zarr arrays of any size
    """


@cli.command()
@click.argument("image", required=False, type=click.Path())
@click.option(
    "--out",
    default="spatial_op_demo.png",
    show_default=True,
    type=click.Path(dir_okay=False),
    help="Where to write the figure; the ending chooses the format (png, pdf, svg).",
)
def demo(image, out):
    """Warp a photograph and draw a figure.

    Four transforms are applied to IMAGE, a grey, RGB or RGBA picture; without one, to a photograph that comes with
    scikit-image. Prints how closely the results agree with a plain NumPy evaluation, a check of the gradients, and the
    speed. Writes one figure.
    """
    from . import demo

    demo.run(image, out)


@cli.command()
def check():
    """Check that results agree with MXNet's.

    Compares results and gradients with those recorded from MXNet 1.9.1, and with MXNet and PyTorch themselves where
    they are installed. The exit code is 0 if everything agrees and 1 otherwise.
    """
    from . import check

    raise SystemExit(check.run())


@cli.command(epilog=LISTED_CASES)
@click.option("--json", "path", type=click.Path(dir_okay=False, writable=True), help="Write all numbers to this file.")
@click.option(
    "--threads",
    multiple=True,
    type=click.IntRange(min=1),
    help="Number of threads, for every library; can be repeated. Default: 1, then all.",
)
@click.option("--quick", is_flag=True, help="Fewer repetitions: a rough answer, sooner.")
@click.option(
    "--case",
    "numbers",
    multiple=True,
    type=click.IntRange(0, len(CASES) - 1),
    help="Number of a case; can be repeated. Default: all cases.",
)
def bench(path, threads, quick, numbers):
    """Compare the speed with other libraries.

    These are MXNet, PyTorch, Kornia, OpenCV, torchvision and ONNX Runtime, whichever are installed. Each runs in this process
    in turn with spatial_op, call by call, on the same numbers; its result is compared first. Shown is the ratio of the
    median times: 2x means that the library takes twice as long as spatial_op. Deformable convolutions also run beside two
    limits, which do less work: the plain convolution of the same sizes, and the bare products of the matrices.
    """
    from . import bench

    raise SystemExit(bench.run(path, threads, quick, numbers))


def numbers(context, parameter, text):
    """Numbers separated by commas or spaces."""
    if text is None:
        return None
    try:
        return [float(word) for word in text.replace(",", " ").split()]
    except ValueError:
        raise click.BadParameter(f"{text!r} are not numbers; separate them by commas, like 1,0,20,0,1,0.") from None


@cli.command()
@click.argument("source", metavar="IN", type=click.Path(exists=True))
@click.argument("target", metavar="OUT", type=click.Path())
@click.option("--affine", callback=numbers, metavar="6 NUMBERS", help="Rows of a 2x3 matrix, in pixels.")
@click.option("--rotate", type=float, metavar="DEGREES", help="Turn counter-clockwise, about the image's centre.")
@click.option("--homography", callback=numbers, metavar="9 NUMBERS", help="Rows of a 3x3 matrix, in pixels.")
@click.option("--size", metavar="HxW", help="Height and width of the result, in pixels. Default: the input's.")
@click.option(
    "--sampler", type=click.Choice(["bilinear", "nearest", "bicubic"]), default="bilinear", show_default=True,
    help="How to sample between pixels.",
)  # fmt: skip
@click.option(
    "--padding", type=click.Choice(["zeros", "border"]), default="zeros", show_default=True,
    help="What lies outside the image: nothing, or its edge repeated.",
)  # fmt: skip
@click.option("--chunk", type=click.IntRange(min=1), help="Height and width of a zarr result's chunks.")
@click.option("--workers", type=click.IntRange(min=1), help="Threads. Default: all cores.")
def warp(source, target, affine, rotate, homography, size, sampler, padding, chunk, workers):
    """Warp an image, a folder of images, or a zarr array of any size.

    IN and OUT are both pictures, both folders of pictures, or both zarr arrays (names ending in .zarr) of shape
    (..., height, width). A zarr array may be larger than memory: each chunk of OUT is computed from those chunks of IN that
    it needs.

    Matrices map a pixel (x, y) of OUT to the point of IN where it is sampled; (0, 0) is the centre of the first pixel.
    """
    from . import warp

    warp.run(source, target, affine, rotate, homography, size, sampler, padding, chunk, workers)
