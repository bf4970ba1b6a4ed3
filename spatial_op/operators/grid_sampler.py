"""``GridSampler`` and MXNet's ``BilinearSampler``: sample images at the points of a grid."""

from .. import check
from ..dtypes import IMAGES
from . import Operator, arguments, filling, unrounded
from .antialias import antialiased, check_means, check_samples
from .coverage import ALONE, called, results
from .dispatch import applied
from .plans import planned, recall, remember


def prepare(
    data,
    grid,
    sampler_type="bilinear",
    name=None,
    *,
    padding_mode="zeros",
    align_corners=True,
    points_inside=False,
    fill_value=0.0,
    coverage=False,
    antialias=False,
    out_dtype=None,
    op="GridSampler",
):
    """Check a call, unless one like it passed before."""
    params = None, sampler_type, padding_mode, align_corners, points_inside, fill_value, antialias, out_dtype, op
    facts, plan = recall(data, grid, params, arguments.named("", sampler_type, padding_mode, data))
    plan = plan or remember(facts, checked(data, grid, *params[1:]))
    return antialiased(called(op, {"data": data, "grid": grid}, plan, coverage), plan, antialias)


def checked(data, grid, sampler_type, padding_mode, align_corners, points_inside, fill_value, antialias, out_dtype, op):
    """The plan of a call, if all is right."""
    arguments.image(op, data, getattr(grid, "ndim", 0) - 2, IMAGES)
    rows = arguments.sampling(op, sampler_type, padding_mode, align_corners)
    arguments.labels(op, data, sampler_type, rows[0])
    inside = check.flag(op, "points_inside", points_inside) and movable(*rows)
    arguments.grid(op, grid, data)
    check_samples(op, antialias, data.ndim - 2)
    check_means(op, antialias, data.dtype)
    fill = filling.checked(op, fill_value, padding_mode, data.shape[1], data.dtype)
    written = unrounded.checked(op, out_dtype, data.dtype)
    return planned(op, data, grid, grid.shape[2:], None, rows, align_corners, inside, fill, out_dtype=written)


def movable(sampler, padding):
    """Whether points can be moved inside without a change of what finite ones sample.

    Not of samplers with wide taps, which reach outside from inside. Where outside is nothing, only those that are no number are
    moved, for a sampler without slopes.
    """
    reach = len(sampler.taps(0.5))
    return reach == 1 or (reach == 2 and padding.mirror is not None)


def prepare_bilinear(
    data, grid, cudnn_off=None, name=None, *, padding_mode="zeros", align_corners=True, out_dtype=None
):
    """Check a call of ``BilinearSampler``."""
    return prepare(
        data, grid, padding_mode=padding_mode, align_corners=align_corners, out_dtype=out_dtype, op="BilinearSampler"
    )


def result(shapes, coverage=False, **_):
    """The result's shape, of both operators."""
    images, channels = shapes["data"][:2]
    return (arguments.samples(images, shapes["grid"][0]), 1 if coverage == ALONE else channels, *shapes["grid"][2:])


def GridSampler(
    data,
    grid,
    sampler_type="bilinear",
    out=None,
    name=None,
    *,
    padding_mode="zeros",
    align_corners=True,
    points_inside=False,
    fill_value=0.0,
    coverage=False,
    antialias=False,
    out_dtype=None,
):
    """Sample each image of a batch, or each volume or signal, at the points of its own grid.

    Conventions: images are (batch, channels, height, width), volumes (batch, channels, depth, height, width), signals
    (batch, channels, width). A grid holds, for each pixel of the output, the point of the input where it is sampled,
    normalised, x first: -1 and +1 are the centres of the first and last pixel (``align_corners=True``, as MXNet) or their
    outer edges (``False``).

    Parameters
    ----------
    data : (N, C, H, W), (N, C, D, H, W) or (N, C, W) array
        Images: float16, float32 or float64, complex64 or complex128, integers of one or two bytes; or labels, booleans
        and wider integers, for "nearest" and "nearest_even". In any memory layout. They are not written to.
    grid : (N, 2, H_out, W_out), (N, 3, D_out, H_out, W_out) or (N, 1, W_out) float array
        Normalised x and y, of volumes x, y and z, of signals x, as precise as ``data`` or more so; float32 will do for
        integers. It is read where it lies, also if it is a view of an array (N, H_out, W_out, 2), whose coordinates stand
        side by side. One image goes with any number of grids, and one grid with any number of images; the gradient of the
        one is the sum over the others.
    sampler_type : str
        "bilinear", "nearest" (the pixel at floor(x + 1/2), as the paper), "nearest_even" (the same, but halfway between two
        pixels the even one, as PyTorch and ONNX), "bicubic" (Keys' kernel with a = -0.75), "catmull_rom" (with a = -0.5),
        "lanczos3" (six pixels, weights divided by their sum), "mitchell" or "cubic_bspline", which blur. Volumes have the
        same along z: they are sampled trilinearly, tricubically and so on.
    out : (N, C, H_out, W_out), (N, C, D_out, H_out, W_out) or (N, C, W_out) array, optional
        Where to write the result: of ``data``'s dtype, sharing no memory with the inputs.
    name
        Accepted as by MXNet, and ignored.
    padding_mode : str
        What lies outside the image: "zeros", "border" (its edge repeated), "reflection" (its mirror image, about the
        pixels or edges that are the normalised -1 and +1) or "wrap" (the image again, one pixel after its last).
    align_corners : bool
        See the conventions.
    points_inside : bool
        Whether points outside are moved into the image before it is sampled, as by PyTorch, instead of that the image goes
        on beyond its border. What finite points sample stays the same. But at the border pixels' own centres the
        gradient of a grid is zero; an infinite coordinate is the border's, or in a mirror the first pixel's, as is NaN; and
        with "zeros" such a point is outside for "nearest" and "nearest_even". It has no effect on the other samplers with
        "zeros", nor on "bicubic".
    fill_value : number or sequence of C numbers
        What lies outside where ``padding_mode`` says "zeros", in all channels or in each. It is mixed as it is; the result of integers is
        rounded after that, halves to even, so that 0.5 becomes 0.
    coverage : bool or str
        True: return a second array, how much of each sample's weight lies inside the image, whatever the padding; "only": return
        that alone, which can be differentiated, as ``vjp`` and ``jvp`` do.
    antialias : bool, int or tuple of int
        How many samples of its own area an output pixel is the mean of, for outputs that shrink their images: one number for
        all axes or one for each, (ny, nx), of volumes (nz, ny, nx), from 1 to 16. True chooses the least number for each
        image and axis at which samples are at most 9/8 of a source pixel apart, or 16; where nothing shrinks that is 1.
    out_dtype : dtype, optional
        The dtype of the result; that of ``data`` unless given. "float32" with integers of one or two bytes: the numbers before
        they are rounded, through which every framework passes gradients to coordinates. ``data`` is not converted.

    Returns
    -------
    out : (N, C, H_out, W_out), (N, C, D_out, H_out, W_out) or (N, C, W_out) array of ``data``'s dtype, or of ``out_dtype``
        A sample whose coordinate is NaN or infinite is NaN, but for ``points_inside``; a sample far outside is what the
        padding says. Integers are rounded, halves to even, and kept in their range; what is NaN is 0.
    coverage : (N, 1, ...) array of ``data``'s dtype, or real numbers as precise
        If it is asked for: 1 for samples inside, 0 for those outside, and between them at the border.

    Raises
    ------
    ValueError
        If a shape or a name is wrong, or ``out`` overlaps an input.
    TypeError
        If a type or dtype is wrong.

    Notes
    -----
    ``out[n, c, i, j] = sum_{h, w} data[n, c, h, w] k(x - w) k(y - h)`` where (x, y) is ``grid[n, :, i, j]`` in pixels and
    k the sampling kernel; bilinear, k(t) = max(0, 1 - |t|). Source: Jaderberg et al., "Spatial Transformer Networks",
    2015, equations 3 and 5. Coordinates are computed in ``grid``'s dtype; one that its precision cannot tell from a
    whole pixel is that pixel, so a grid of the identity reproduces the data bit for bit. A fill f is what ``data`` has outside:
    the result is that of ``data - f`` and zeros, plus f. Gradients: ``vjp``.

    With ``antialias``, sample i of n along an axis lies (i + 1/2) / n - 1/2 output pixels from the pixel's centre, where the
    grid is taken to be linear: ``grid + dx grid_x + dy grid_y``, the slopes being half the differences of a point's
    neighbours, or at an edge that from the only one. How much an image shrinks along an axis is the largest length of such a
    slope, in source pixels. Two or three arrays like the grid, its slopes, are made. Gradients take the numbers of samples as
    given.

    Examples
    --------
    >>> import numpy as np
    >>> import spatial_op as so
    >>> data = np.arange(12.0).reshape(1, 1, 3, 4)
    >>> x, y = np.array([[-1.0, 0.0, 1.0]]), np.array([[0.0, 0.0, 0.0]])
    >>> so.GridSampler(data, np.stack([x, y])[None])[0, 0]
    array([[4. , 5.5, 7. ]])
    """
    params = {
        "sampler_type": sampler_type, "padding_mode": padding_mode, "align_corners": align_corners, "points_inside": points_inside,
        "fill_value": fill_value, "antialias": antialias,
    }  # fmt: skip
    return results(GridSampler, (data, grid), out, name, coverage, unrounded.asked(params, out_dtype))


def BilinearSampler(
    data, grid, cudnn_off=None, out=None, name=None, *, padding_mode="zeros", align_corners=True, out_dtype=None
):
    """Sample each image of a batch bilinearly at the points of its own grid: MXNet's operator.

    Conventions: those of ``GridSampler``, which this is with ``sampler_type="bilinear"``.

    Parameters
    ----------
    data : (N, C, H, W), (N, C, D, H, W) or (N, C, W) array
        Images, or volumes and signals, which MXNet does not have; floats, complex numbers or integers of one or two bytes.
    grid : (N, 2, H_out, W_out), (N, 3, D_out, H_out, W_out) or (N, 1, W_out) float array
        Normalised coordinates, x first.
    cudnn_off
        Accepted as by MXNet, and ignored.
    out : (N, C, H_out, W_out), (N, C, D_out, H_out, W_out) or (N, C, W_out) array, optional
        Where to write the result.
    name
        Accepted as by MXNet, and ignored.
    padding_mode : str
        "zeros" (MXNet), "border", "reflection" or "wrap".
    align_corners : bool
        Whether -1 and +1 are the centres of the border pixels (MXNet) or their outer edges.
    out_dtype : dtype, optional
        As of ``GridSampler``.

    Returns
    -------
    out : (N, C, H_out, W_out), (N, C, D_out, H_out, W_out) or (N, C, W_out) array of ``data``'s dtype, or of ``out_dtype``

    Raises
    ------
    ValueError
        If a shape or a name is wrong, or ``out`` overlaps an input.
    TypeError
        If a type or dtype is wrong.

    Examples
    --------
    >>> import numpy as np
    >>> import spatial_op as so
    >>> data = np.arange(9.0).reshape(1, 1, 3, 3)
    >>> grid = so.GridGenerator(so.identity_loc("affine", dtype="float64"), "affine", (5, 5))
    >>> so.BilinearSampler(data, grid)[0, 0, 1]
    array([1.5, 2. , 2.5, 3. , 3.5])
    """
    params = {"padding_mode": padding_mode, "align_corners": align_corners}
    return applied(BilinearSampler, (data, grid), out, name, unrounded.asked(params, out_dtype))


GridSampler.operator = Operator(("data", "grid"), prepare, result, single=("data", "grid"), numbers=("data",))
BilinearSampler.operator = Operator(
    ("data", "grid"), prepare_bilinear, result, single=("data", "grid"), numbers=("data",)
)
