"""The command `warp`: its options and its help."""

import click

from ..paddings import PADDINGS
from ..samplers import SAMPLERS
from .fills import Fills
from .geometry import Geometry
from .opacity import picks
from .pictures import ENDINGS
from .sections import REST, Command, option
from .values import Factors, Matrix, Number, Numbers, Parts, Sizes

MAP, RESULT, PIXELS, ARRAYS = "Where pixels move", "Size of the result", "How pixels are computed", "Arrays"

EXAMPLES = """\b
Examples:
  {0} photo.jpg turned.jpg --rotate 30 --expand --fill white
  {0} photo.jpg small.jpg --size 480x --antialias
  {0} page.jpg flat.jpg --homography 9,6,630,8,640,470,4,475
  {0} photos/ turned/ --rotate 90 --expand
  {0} slide.zarr aligned.zarr --affine 1,0.02,35.5,-0.02,1,12
  cat photo.png | {0} - - --scale 2 | display
""".format("spatial_op warp")


@click.command(cls=Command, epilog=EXAMPLES, short_help="Warp pictures, folders of them and arrays.")
@click.argument("source", metavar="IN", type=click.Path(exists=True, allow_dash=True))
@click.argument("target", metavar="OUT", type=click.Path(allow_dash=True))
@option(
    MAP,
    "--homography",
    type=Matrix(8, 9, example="0,0,639,20,639,460,0,479"),
    metavar="8 NUMBERS",
    help="Four points of IN, x,y each, that become the corners of OUT: those of its top left, top right, bottom right and "
    "bottom left corner. OUT is as large as the longest sides say. Or 9 numbers: rows of a 3x3 matrix.",
)
@option(MAP, "--affine", type=Matrix(6, example="1,0,20,0,1,0"), metavar="6 NUMBERS", help="Rows of a 2x3 matrix.")
@option(MAP, "--rotate", type=Number("30"), metavar="DEGREES", help="Turn counter-clockwise, about the centre.")
@option(
    MAP,
    "--scale",
    type=Factors(1, 2, example="1.5 or 2,0.5"),
    metavar="FACTOR",
    help="Enlarge, about the centre; below 1 shrinks, below 0 mirrors. Two factors are those of x,y.",
)
@option(
    MAP, "--translate", type=Numbers(2, example="20,-5"), metavar="X,Y", help="Move by so many pixels, right and down."
)
@option(
    RESULT, "--expand", is_flag=True, default=None, help="Make OUT so large that it holds all of the turned picture."
)
@option(
    RESULT,
    "--crop",
    type=Parts(),
    metavar="HxW[+Y+X]",
    help="Keep this part: height x width, Y pixels from the top and X from the left, else from the top left corner. It may "
    "reach beyond the picture.",
)
@option(
    RESULT,
    "--size",
    type=Sizes(),
    metavar="HxW",
    help="Resize the result to this height x width. One of them (480x or x640) keeps the proportions, and so does 50%.",
)
@option(
    PIXELS,
    "--sampler",
    type=click.Choice(list(SAMPLERS)),
    metavar="NAME",
    default="bilinear",
    show_default=True,
    help=f"What lies between pixels: {', '.join(SAMPLERS)}.",
)
@option(
    PIXELS,
    "--antialias",
    is_flag=True,
    help="Where pixels shrink, average all that one of OUT covers. Without it fine patterns flicker.",
)
@option(
    PIXELS,
    "--border",
    "--padding",
    "border",
    type=click.Choice(list(PADDINGS)),
    metavar="NAME",
    default="zeros",
    show_default=True,
    help="What lies outside the picture: zeros (black, or transparent), border (its edge repeated), reflection (its mirror "
    "image) or wrap (the picture again).",
)
@option(
    PIXELS,
    "--fill",
    type=Fills(),
    metavar="COLOUR",
    help="What lies outside instead of zeros: a name like white or transparent, #ffeedd, or the picture's own numbers, like "
    "255 or 0,0,65535.",
)
@option(
    ARRAYS,
    "--chunk",
    type=click.IntRange(min=1),
    metavar="N",
    help="Height and width of a zarr array's chunks. Default: IN's.",
)
@option(ARRAYS, "--axes", metavar="LETTERS", help="What the axes are, one letter for each, like yxc or tcyx.")
@option(
    REST,
    "--format",
    "form",
    type=click.Choice([ending[1:] for ending in ENDINGS.values()]),
    metavar="NAME",
    help=f"What '-' for OUT gets: {', '.join(ending[1:] for ending in ENDINGS.values())}. Default: what IN is.",
)
@option(REST, "--workers", type=click.IntRange(min=1), metavar="N", help="Threads. Default: all cores.")
def warp(source, target, sampler, antialias, border, fill, chunk, axes, form, workers, **steps):
    """Warp a picture, a folder of pictures, or an array of any size.

    IN and OUT are both pictures, both folders of pictures, both NumPy arrays (.npy) or both zarr arrays (.zarr). A picture
    may be '-', standard input or output, and goes into OUT if this is a folder. IN is not changed; files of the same names
    in OUT are replaced, a zarr array must be new.

    Options are done in this order, however they are written: --homography, --affine, --rotate, --scale, --expand,
    --translate, --crop, --size. Pixels are sampled once, at the end. Coordinates are pixels, x first; (0, 0) is the centre
    of the first pixel. A matrix maps a pixel (x, y) of OUT to the point of IN where it is sampled.

    Pictures are BMP, GIF, JPEG, PNG, TIFF or WebP. All pages are warped. Dtype, opacity, colour profile, resolution,
    durations and the quality of a JPEG file are kept. A photograph is warped as it is seen, whichever way the camera was
    held. With --sampler nearest or nearest_even a palette's numbers are kept; otherwise they become colours.

    A folder is done to its end, whichever files are broken; hidden files are left out. A zarr array, or the first level of
    an OME-Zarr image, may be larger than memory. What an interrupted run has done of either is not done again by the same
    command. Height and width of an array are the axes named y and x, or the last two; say --axes where colours may come
    last.
    """
    geometry = Geometry(**steps)
    if not any(value is not None for value in steps.values()):
        names = ", ".join(f"--{name}" for name in geometry._fields)
        raise click.UsageError(f"there is nothing to do; expected is at least one of {names}.")
    if antialias and picks(sampler):
        raise click.UsageError(f"--antialias averages and --sampler {sampler} keeps numbers; leave one of them out.")
    if fill is not None and border != "zeros":
        raise click.UsageError(f"--fill and --border {border} both say what lies outside; leave one of them out.")
    from . import warp

    warp.run(source, target, warp.Request(geometry, sampler, border, fill, antialias), form, workers, chunk, axes)
