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
