"""The commands and their options; what they do is in the files of the same names."""

import itertools

import click

from .. import __version__
from .completion import completion
from .groups import CASES, GROUPS
from .usual import CHOICES, USUAL
from .warp_command import warp

NUMBERS = itertools.count()
LISTED_CASES = "\b\nCases, all float32:\n" + "\n".join(
    "\n".join([f"  {group}", *(f"{next(NUMBERS):6}  {case.label}" for case in cases)])
    for group, cases in GROUPS.items()
)


class Commands(click.Group):
    """The commands, in the order in which people need them."""

    def list_commands(self, ctx):
        """Their names."""
        return list(self.commands)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="spatial_op %(version)s")
def cli():
    """Spatial transformer operators for NumPy arrays: exact, parallel and differentiable.

    Start with `demo`, which warps a photograph and draws a figure.
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


cli.add_command(warp)


def several(name, words):
    """An option of `compile` that can be repeated."""
    usual = "all" if USUAL[name] == CHOICES[name] else ", ".join(USUAL[name])
    words = f"{words} One of {', '.join(CHOICES[name])}; can be repeated. Default: {usual}."
    return click.option(f"--{name}", multiple=True, type=click.Choice(CHOICES[name]), metavar="NAME", help=words)


@cli.command("compile")
@several("operator", "Name of an operator.")
@several("transform", "Type of a transform.")
@several("sampler", "How to sample between pixels.")
@several(
    "dtype",
    "Dtype of the images; float16 is computed in float32 and shares its kernels. Integers have forward passes only.",
)
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
    """Show the versions and the folders of compiled code."""
    from . import info

    info.run()


cli.add_command(completion)
