"""``SpatialTransformer``: warp images by a transform whose parameters a network predicts."""

from .. import check
from ..dtypes import IMAGES
from . import Operator, arguments, filling, unrounded
from .antialias import antialiased, check_means, check_samples
from .coverage import ALONE, called, results
from .plans import planned, recall, remember

NAME = "SpatialTransformer"


def prepare(
    data,
    loc,
    target_shape=None,
    transform_type="affine",
    sampler_type="bilinear",
    cudnn_off=None,
    name=None,
    *,
    padding_mode="zeros",
    align_corners=True,
    fill_value=0.0,
    coverage=False,
    antialias=False,
    out_dtype=None,
):
    """Check a call, unless one like it passed before."""
    params = target_shape, transform_type, sampler_type, padding_mode, align_corners, fill_value, antialias, out_dtype
    facts, plan = recall(data, loc, params, arguments.named(transform_type, sampler_type, padding_mode, data))
    plan = plan or remember(facts, checked(data, loc, *params))
    return antialiased(called(NAME, {"data": data, "loc": loc}, plan, coverage), plan, antialias)


def checked(
    data, loc, target_shape, transform_type, sampler_type, padding_mode, align_corners, fill_value, antialias, out_dtype
):
    """The plan of a call, if all is right."""
    axes = arguments.image(NAME, data, len(check.entries(target_shape)), IMAGES)
    transform = arguments.transform(NAME, axes, transform_type)
    rows = arguments.sampling(NAME, sampler_type, padding_mode, align_corners)
    arguments.labels(NAME, data, sampler_type, rows[0])
    arguments.parameters(
        NAME, "loc", arguments.rows(loc, transform_type, axes), transform_type, transform, data.shape[0]
    )
    check.precise(NAME, "loc", loc, data)
    check_samples(NAME, antialias, axes)
    check_means(NAME, antialias, data.dtype)
    target_shape = check.target_shape(NAME, target_shape, axes, least=0)
    fill = filling.checked(NAME, fill_value, padding_mode, data.shape[1], data.dtype)
    written = unrounded.checked(NAME, out_dtype, data.dtype)
    return planned(NAME, data, loc, target_shape, transform, rows, align_corners, fill=fill, out_dtype=written)


def shapes(data_shape, transform_type="affine", **_):
    """The shape of ``loc``, if ``data`` has images, volumes or signals; of splines, with MXNet's 16 control points."""
    axes = len(data_shape) - 2
    if axes not in arguments.SIZES:
        return {}
    return {"loc": (data_shape[0], len(arguments.transform(NAME, axes, transform_type).identity(16)))}


def result(shapes, target_shape, coverage=False, **_):
    """The result's shape."""
    images, channels = shapes["data"][:2]
    return (arguments.samples(images, shapes["loc"][0]), 1 if coverage == ALONE else channels, *target_shape)


def SpatialTransformer(
    data,
    loc,
    target_shape=None,
    transform_type="affine",
    sampler_type="bilinear",
    cudnn_off=None,
    out=None,
    name=None,
    *,
    padding_mode="zeros",
    align_corners=True,
    fill_value=0.0,
    coverage=False,
    antialias=False,
    out_dtype=None,
):
    """Warp each image of a batch, or each volume or signal, by its own transform.

    Conventions: images are (batch, channels, height, width), volumes (batch, channels, depth, height, width), signals
    (batch, channels, width). The transform maps a pixel of the output to the point of the input where it is sampled, both
    in normalised coordinates, x first: -1 and +1 are the centres of the first and last pixel (``align_corners=True``, as
    MXNet) or their outer edges (``False``). A size of 1 lies at 0.

    Parameters
    ----------
    data : (N, C, H, W), (N, C, D, H, W) or (N, C, W) array
        Images: float16, float32 or float64, complex64 or complex128, integers of one or two bytes; or labels, booleans
        and wider integers, for "nearest" and "nearest_even". In any memory layout. They are not written to.
    loc : (N, P) float array
        Transform parameters, normalised, as precise as ``data`` or more so; float32 will do for integers. P follows from
        ``transform_type``. Of "affine" also matrices (N, 2, 3), of volumes (N, 3, 4), of signals (N, 1, 2). One image goes
        with any number of transforms, and one transform with any number of images; the gradient of the one is the sum over
        the others.
    target_shape : (int, int), (int, int, int) or (int,)
        (Depth,) height and width of the output, of signals the width alone, in pixels; (0, 0), MXNet's default, counts as left out.
    transform_type : str
        "affine": P = 6, row-major 2x3 matrix, of volumes P = 12, 3x4, of signals P = 2, 1x2; "translation": P = 2, (tx, ty),
        of volumes (tx, ty, tz), of signals (tx,); "attention": P = 3, s and then a translation's; "projective": P = 8, row-major
        3x3 homography whose last entry is 1, of volumes P = 15, 4x4, of signals P = 3, 2x2 (where its denominator is 0 the
        sample is NaN); of images "tps": P = 2 K, a thin plate spline: source x of the K control points, then their source y, for
        destinations on a regular lattice over [-1, 1]^2, row by row, K being a perfect square, at least 4 and at most
        4,096 (64 x 64), and "tps_points": P = 7 + 6 K, one around any K points, which ``tps_loc`` makes of pairs of these.
    sampler_type : str
        "bilinear", "nearest" (the pixel at floor(x + 1/2), as the paper), "nearest_even" (the same, but halfway between two
        pixels the even one, as PyTorch and ONNX), "bicubic" (Keys' kernel with a = -0.75), "catmull_rom" (with a = -0.5),
        "lanczos3" (six pixels, weights divided by their sum), "mitchell" or "cubic_bspline", which blur. Volumes have the
        same along z: they are sampled trilinearly, tricubically and so on.
    cudnn_off
        Accepted as by MXNet, and ignored.
    out : (N, C, *target_shape) array, optional
        Where to write the result: of ``data``'s dtype, sharing no memory with the inputs.
    name
        Accepted as by MXNet, and ignored.
    padding_mode : str
        What lies outside the image: "zeros", "border" (its edge repeated), "reflection" (its mirror image, about the
        pixels or edges that are the normalised -1 and +1) or "wrap" (the image again, one pixel after its last).
    align_corners : bool
        See the conventions.
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
    out : (N, C, *target_shape) array of ``data``'s dtype, or of ``out_dtype``
        A sample whose coordinate is NaN or infinite is NaN; a sample far outside is what the padding says. Integers are
        rounded, halves to even, and kept in their range; what is NaN is 0.
    coverage : (N, 1, *target_shape) array of ``data``'s dtype, or real numbers as precise
        If it is asked for: 1 for samples inside, 0 for those outside, and between them at the border.

    Raises
    ------
    ValueError
        If a shape, a name or a size is wrong, or ``out`` overlaps an input.
    TypeError
        If a type or dtype is wrong.

    Notes
    -----
    ``out[n, c, i, j] = sum_{h, w} data[n, c, h, w] k(x - w) k(y - h)`` where (x, y) is the transformed (j, i) in pixels
    and k the sampling kernel; bilinear, k(t) = max(0, 1 - |t|). Source: Jaderberg et al., "Spatial Transformer
    Networks", 2015, equations 1, 3 and 5. Gradients: ``vjp``. A tap of weight zero is not read, so the identity, flips
    and whole-pixel shifts reproduce the data bit for bit, NaN included. A fill f is what ``data`` has outside: the result is that of
    ``data - f`` and zeros, plus f.

    With ``antialias``, sample i of n along an axis lies (i + 1/2) / n - 1/2 output pixels from the pixel's centre, under both
    corner rules. So the result is that of a target n times as large, whose pixels are averaged n by n, with
    ``align_corners=False``; with True, that target goes beyond -1 and +1 by (1 - 1/n) / (size - 1). How much an image shrinks
    along an axis is the largest length of the transform's derivative by it, at 17 points of the output along each axis, in
    source pixels for an output pixel. Gradients take the numbers of samples as given.

    Examples
    --------
    >>> import numpy as np
    >>> import spatial_op as so
    >>> data = np.arange(12.0).reshape(1, 1, 3, 4)
    >>> half_a_pixel_right = np.array([[1.0, 0, 1 / 3, 0, 1, 0]])
    >>> so.SpatialTransformer(data, half_a_pixel_right, target_shape=(3, 4))[0, 0]
    array([[ 0.5,  1.5,  2.5,  1.5],
           [ 4.5,  5.5,  6.5,  3.5],
           [ 8.5,  9.5, 10.5,  5.5]])
    """
    params = {
        "target_shape": target_shape, "transform_type": transform_type, "sampler_type": sampler_type, "padding_mode": padding_mode,
        "align_corners": align_corners, "fill_value": fill_value, "antialias": antialias,
    }  # fmt: skip
    return results(SpatialTransformer, (data, loc), out, name, coverage, unrounded.asked(params, out_dtype))


SpatialTransformer.operator = Operator(
    ("data", "loc"), prepare, result, shapes=shapes, single=("data", "loc"), numbers=("data",)
)
