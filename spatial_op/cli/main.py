"""The commands and their options; what they do is in the files of the same names."""

import itertools
import math

import click

from .. import __version__
from ..adapters.dask_boxes import PADDINGS
from ..samplers import SAMPLERS
from .groups import CASES, GROUPS
from .usual import CHOICES, USUAL

NUMBERS = itertools.count()
LISTED_CASES = "\b\nCases, all float32:\n" + "\n".join(
    "\n".join([f"  {group}", *(f"{next(NUMBERS):6}  {case.label}" for case in cases)])
    for group, cases in GROUPS.items()
)


FIRST_STEPS = "\b\nStart with:\n" + "\n".join(
    f"  python -m spatial_op {name:7}  {words}"
    for name, words in (
        ("demo", "warp a photograph and look at the figure"),
        ("check", "compare this machine's numbers with MXNet's"),
        ("bench", "compare the speed with other libraries"),
        ("warp", "warp images, folders of them and zarr arrays of any size"),
        ("compile", "compile kernels before they are needed"),
    )
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, epilog=FIRST_STEPS)
@click.version_option(__version__, message="spatial_op %(version)s")
def cli():
    """Spatial transformer operators for NumPy arrays: exact, parallel and differentiable."""


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
@click.option("--json", "path", type=click.Path(dir_okay=False, writable=True), help="Add all numbers to this file.")
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
@click.option(
    "--only",
    "patterns",
    multiple=True,
    metavar="PATTERN",
    help="Part of the names of cases, like 'GridSampler', 'OpenCV*4096', 'small calls' or 'first call'; * stands for any "
    "text; can be repeated.",
)
def bench(path, threads, quick, numbers, patterns):
    """Compare the speed with other libraries.

    These are MXNet, PyTorch, Kornia, OpenCV, OpenVINO, torchvision and ONNX Runtime, whichever are installed. Each runs in this process
    in turn with spatial_op, call by call, on the same numbers; its result is compared first. Shown is the ratio of the
    median times: 2x means that the library takes twice as long as spatial_op. Deformable convolutions also run beside two
    limits, which do less work: the plain convolution of the same sizes, and the bare products of the matrices.

    Then come small calls, and the first calls of processes, which compile: in fresh processes, in seconds of processor time.

    Parts of all this may run one after the other, on the same machine and with the same versions, and add to the same file; of
    what is measured twice the newer numbers stay.
    """
    from . import bench

    raise SystemExit(bench.run(path, threads, quick, numbers, patterns))


def numbers(context, parameter, text):
    """Numbers separated by commas or spaces."""
    if text is None:
        return None
    try:
        found = [float(word) for word in text.replace(",", " ").split()]
    except ValueError:
        raise click.BadParameter(f"{text!r} are not numbers; separate them by commas, like 1,0,20,0,1,0.") from None
    if not all(map(math.isfinite, found)):
        raise click.BadParameter(f"{text!r} holds an entry that is no finite number, expected finite ones.")
    return found


def finite(context, parameter, number):
    """A number that is neither infinite nor NaN."""
    if number is not None and not math.isfinite(number):
        raise click.BadParameter(f"{number} is no finite number, expected degrees, like 30.")
    return number


@cli.command()
@click.argument("source", metavar="IN", type=click.Path(exists=True))
@click.argument("target", metavar="OUT", type=click.Path())
@click.option("--affine", callback=numbers, metavar="6 NUMBERS", help="Rows of a 2x3 matrix, in pixels.")
@click.option(
    "--rotate", type=float, callback=finite, metavar="DEGREES", help="Turn counter-clockwise, about the image's centre."
)
@click.option("--homography", callback=numbers, metavar="9 NUMBERS", help="Rows of a 3x3 matrix, in pixels.")
@click.option("--size", metavar="HxW", help="Height and width of the result, in pixels. Default: the input's.")
@click.option(
    "--sampler", type=click.Choice(list(SAMPLERS)), default="bilinear", show_default=True,
    help="How to sample between pixels.",
)  # fmt: skip
@click.option(
    "--padding", type=click.Choice(PADDINGS), default="zeros", show_default=True,
    help="What lies outside the image: nothing, or its edge repeated.",
)  # fmt: skip
@click.option("--chunk", type=click.IntRange(min=1), help="Height and width of a zarr result's chunks. Default: IN's.")
@click.option("--axes", metavar="LETTERS", help="What a zarr array's axes are, one letter for each, like yxc or tcyx.")
@click.option("--workers", type=click.IntRange(min=1), help="Threads. Default: all cores.")
def warp(source, target, affine, rotate, homography, size, sampler, padding, chunk, axes, workers):
    """Warp an image, a folder of images, or a zarr array of any size.

    IN and OUT are both pictures, both folders of pictures, or both zarr arrays (names ending in .zarr). IN is not changed;
    pictures of the same names in OUT are replaced, a zarr array must be new. Hidden files of a folder are left out.

    Pictures are BMP, GIF, JPEG, PNG, TIFF or WebP. All pages are warped. Dtype, opacity, colour profile, resolution,
    durations and the quality of a JPEG file are kept. A photograph is warped as it is seen, whichever way the camera was
    held. With --sampler nearest or nearest_even a palette's numbers are kept; otherwise they become colours.

    A zarr array, or the first level of an OME-Zarr image, may be larger than memory: each chunk of OUT is computed from those
    chunks of IN that it needs. Height and width are the axes named y and x, or the last two; say --axes where colours may
    come last.

    Matrices map a pixel (x, y) of OUT to the point of IN where it is sampled; (0, 0) is the centre of the first pixel.
    """
    from . import warp

    warp.run(source, target, affine, rotate, homography, size, sampler, padding, chunk, workers, axes)


def several(name, words):
    """An option of `compile` that can be repeated."""
    usual = "all" if USUAL[name] == CHOICES[name] else ", ".join(USUAL[name])
    choice = click.Choice(CHOICES[name])
    return click.option(f"--{name}", multiple=True, type=choice, help=f"{words} Can be repeated. Default: {usual}.")


@cli.command("compile")
@several("operator", "Name of an operator.")
@several("transform", "Type of a transform.")
@several("sampler", "How to sample between pixels.")
@several("dtype", "Dtype of the images; float16 is computed in float32 and shares its kernels.")
@several("channels", "Channels of the images; RGB and RGBA share their kernels.")
@click.option("--volumes", is_flag=True, help="Volumes as well as images.")
@click.option("--signals", is_flag=True, help="Signals as well as images.")
@click.option(
    "--gradients/--no-gradients", default=True, show_default=True, help="Backward passes as well as forward ones."
)
def prepare(**options):
    """Compile kernels before they are needed.

    The first call of a kind compiles its kernels, which takes some tenths of a second each; they are kept on disk for later
    processes. This command does so beforehand, in the image of a container or before tests, for every combination of what
    it is asked for. Padding and corner rules need no kernels of their own, nor do sizes.

    The folder is the first that can be written to of: NUMBA_CACHE_DIR if that variable is set, the package's own, and the
    user's cache. All of them are looked in, so a folder may be read-only later. Code is for the processor that it was
    compiled on; on one of another kind it is not used. The exit code is 1 if nothing could be kept.
    """
    from . import compile

    raise SystemExit(compile.run(**options))


@cli.command()
def info():
    """Show the machine, the versions and the folders of compiled code."""
    from . import info

    info.run()
