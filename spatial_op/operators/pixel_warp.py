"""``warp``: a picture or a volume as people have it, by a matrix or a displacement in pixels."""

import numpy as np

from .. import check
from . import arguments, filling, stretch, unrounded
from .antialias import check_samples, of_map
from .any_dtype import check_kind, working
from .coverage import ALONE, chosen
from .dispatch import adapter_of
from .pixel_matrices import check_reach, homogeneous, numbers
from .pixel_sampling import by_displacement, by_matrix
from .samples import slope

OP = "warp"


class Map:
    """Where the pixels of the output are sampled: a square matrix, or a displacement for each of them.

    ``fine`` is how many samples each has along the axes, or None for one. Of a part of displacements, ``frame`` is how many belong to
    its neighbours, before and behind along each axis: slopes depend on them.
    """

    def __init__(self, axes, matrix=None, displacement=None, fine=None, frame=None):
        self.axes, self.matrix, self.displacement = axes, matrix, displacement
        self.fine, self.frame = fine, frame or ((0, 0),) * axes

    def with_samples(self, antialias, target):
        """The map for an output of this shape, with as many samples as are asked for."""
        check_samples(OP, antialias, self.axes)
        fine = of_map(antialias, self.axes, lambda: self.stretches(target))
        return Map(self.axes, self.matrix, self.displacement, fine)

    def stretches(self, target):
        """What pixels are stretched to along x, y and, of volumes, z."""
        if self.displacement is None:
            return stretch.of_matrix(self.matrix, target)
        return np.array([stretch.largest(np.sqrt((part * part).sum(axis=0)).ravel()) for part in self.slopes()])

    def slopes(self):
        """How source points change from pixel to pixel along x, y and, of volumes, z, where displacements say them."""
        with np.errstate(invalid="ignore", over="ignore"):  # infinite numbers are values too
            for axis in range(self.axes):
                found = slope(self.displacement, -1 - axis)
                found[axis] += 1
                yield found

    def target(self, target_shape, source):
        """Sizes of the output; without a choice, those of the displacement or the source."""
        own = source if self.displacement is None else self.displacement.shape[1:]
        if target_shape is None:
            target = tuple(own)
        else:
            target = check.target_shape(OP, target_shape, self.axes)
        if self.displacement is None:
            check_reach(OP, self.matrix, target)
        elif target != own:
            raise ValueError(
                f"{OP}: target_shape is {target} and displacement has shape {self.displacement.shape}, expected {own}, a pixel for each "
                "displacement; leave target_shape out."
            )
        return target

    def within(self, rectangle):
        """The map of a rectangle of the output."""
        if self.displacement is None:
            return self
        frame = ((0, 0),) * self.axes
        if self.fine:
            sides = zip(rectangle, self.displacement.shape[1:])
            frame = tuple((min(start, 1), min(size - stop, 1)) for (start, stop), size in sides)
        part = tuple(slice(start, stop) for start, stop in framed(rectangle, frame))
        return Map(self.axes, None, self.displacement[(slice(None), *part)], self.fine, frame)

    def sampled(self, data, first, rectangle, rows, fill, out_dtype=None):
        """A rectangle of the output, (1, C, ...), from a part of the source; of displacements, this has those of the rectangle."""
        if self.displacement is None:
            return by_matrix(data, first, rectangle, self.matrix, rows, fill, self.fine, out_dtype)
        out = by_displacement(
            data, first, framed(rectangle, self.frame), self.displacement, rows, fill, self.fine, out_dtype
        )
        own = tuple(slice(before, size - behind) for (before, behind), size in zip(self.frame, out.shape[2:]))
        return out[(..., *own)]


def framed(rectangle, frame):
    """A rectangle, and so many pixels around it."""
    return tuple((start - before, stop + behind) for (start, stop), (before, behind) in zip(rectangle, frame))


def map_of(matrix, direction, displacement):
    """The map that was asked for, checked."""
    if (matrix is None) == (displacement is None):
        given = "neither is" if matrix is None else "both are"
        raise TypeError(f"{OP}: matrix and displacement say where to sample, and {given} given; pass one of them.")
    if displacement is None:
        matrix = homogeneous(OP, matrix, direction)
        return Map(len(matrix) - 1, matrix=matrix)
    if direction != "target_to_source":
        raise ValueError(
            f"{OP}: direction is {check.shown(direction)} and displacement is given, expected 'target_to_source', since a displacement "
            "belongs to a pixel of the output; invert it first."
        )
    expected = "real numbers of shape (2, height, width), of volumes (3, depth, height, width), x first"
    found = numbers(OP, "displacement", displacement, f"{expected}; pass a NumPy array")
    axes = found.ndim - 1
    if axes not in arguments.PICTURES or found.shape[0] != axes or 0 in found.shape:
        last = axes in arguments.PICTURES and found.shape[-1] == axes
        cure = "move its directions to the front with numpy.moveaxis(displacement, -1, 0)" if last else "reshape it"
        raise ValueError(f"{OP}: displacement has shape {found.shape}, expected {expected}; {cure}.")
    return Map(axes, displacement=found)


def rows_of(sampler_type, padding_mode):
    """The rows of sampler and padding."""
    return arguments.sampling(OP, sampler_type, padding_mode, True)


def check_image(image):
    """A plain array of numbers."""
    if not isinstance(image, np.ndarray):
        adapter = adapter_of(type(image)) or ""
        if adapter.endswith(".dask"):
            cure = "use spatial_op.dask.warp"
        elif adapter:
            cure = "pass what pixel_matrix_to_loc returns to SpatialTransformer, which takes such arrays"
        else:
            cure = "convert it with numpy.asarray(image)"
        raise TypeError(f"{OP}: image is a {check.kind(image)}, expected a NumPy array; {cure}.")
    check.ordinary(OP, "image", image)
    check_kind(OP, "image", image.dtype)


def channel_place(image, axes, channel_axis):
    """The axis of an image that holds its channels, or None if it has none."""
    sizes = ", ".join(arguments.PICTURES[axes])
    if image.ndim == axes and channel_axis is None:
        return None
    if image.ndim != axes + 1:
        cure = "leave channel_axis out" if image.ndim == axes else "pass one image at a time"
        raise ValueError(
            f"{OP}: image has shape {image.shape}, expected ({sizes}) or ({sizes}, channels), as the map is one of {axes} "
            f"coordinates; {cure}."
        )
    if channel_axis is not None:
        return axis_of(channel_axis, image)
    if image.shape[0] in arguments.COLOURS and min(image.shape[1:]) > max(arguments.COLOURS):
        raise ValueError(
            f"{OP}: image has shape {image.shape}, whose first axis looks like channels, expected ({sizes}, channels); "
            "pass channel_axis=0, or channel_axis=-1 if the last axis holds them."
        )
    return image.ndim - 1


def axis_of(channel_axis, image):
    """The place of the channels, counted from the front."""
    place = check.whole_number(OP, "channel_axis", channel_axis, None)
    if not -image.ndim <= place < image.ndim:
        raise ValueError(
            f"{OP}: channel_axis is {place} and image has {image.ndim} axes, expected one of them; pass for example channel_axis=-1."
        )
    return place % image.ndim


def check_sides(image, place, axes):
    """At least one pixel along each side, and no more than kernels can count."""
    sizes = [size for axis, size in enumerate(image.shape) if axis != place]
    for name, size in zip(arguments.PICTURES[axes], sizes):
        if not 0 < size <= arguments.LONGEST:
            raise ValueError(
                f"{OP}: image has shape {image.shape}, whose {name} is {size}, expected 1 to {arguments.LONGEST}; pass a part of it."
            )
    return tuple(sizes)


def warp(
    image,
    matrix=None,
    target_shape=None,
    sampler_type="bilinear",
    *,
    padding_mode="zeros",
    direction="target_to_source",
    displacement=None,
    channel_axis=None,
    fill_value=0.0,
    coverage=False,
    antialias=False,
    out_dtype=None,
):
    """Warp a picture or a volume, of any dtype, by a map between pixels.

    Conventions: an image is (height, width) or (height, width, channels), a volume (depth, height, width) or (depth, height,
    width, channels). Coordinates are pixels, x before y before z: 0 is the centre of the first pixel. The matrix maps a pixel
    of the output to the point of the input where it is sampled, unless ``direction`` says otherwise.

    Parameters
    ----------
    image : (H, W), (H, W, C), (D, H, W) or (D, H, W, C) array
        Floats, integers, booleans or complex numbers, in any memory layout. It is not written to.
    matrix : (2, 3), (3, 3), (3, 4) or (4, 4) array
        Affine or projective, in pixels: ``matrix @ (x, y, 1)``, of volumes ``matrix @ (x, y, z, 1)``.
    target_shape : (int, int) or (int, int, int), optional
        (Depth,) height and width of the output, in pixels; the input's unless given.
    sampler_type : str
        As of ``SpatialTransformer``.
    padding_mode : str
        What lies outside the image: "zeros", "border" (its edge repeated), "reflection" (its mirror image, about the
        centres of its border pixels) or "wrap" (the image over and over).
    direction : str
        "target_to_source", or "source_to_target" for a matrix that maps a pixel of the input to its place in the output,
        which is inverted then.
    displacement : (2, H_out, W_out) or (3, D_out, H_out, W_out) array, optional
        Instead of ``matrix``: how far from its own place each pixel of the output is sampled, in pixels, x first.
    channel_axis : int, optional
        The axis that holds the channels; the last one, if there is one axis more than sides, unless given.
    fill_value : number or sequence of C numbers
        What lies outside where ``padding_mode`` says "zeros", in all channels or in each. It is mixed as it is; the result of integers is
        rounded after that, halves to even, so that 0.5 becomes 0.
    coverage : bool or str
        True: return a second array, how much of each sample's weight lies inside the image, whatever the padding; "only": return
        that alone.
    antialias : bool, int or tuple of int
        How many samples of its own area an output pixel is the mean of, for outputs that shrink their images: one number for
        all axes or one for each, (ny, nx), of volumes (nz, ny, nx), from 1 to 16. True chooses the least number for each
        axis at which samples are at most 9/8 of a source pixel apart, or 16; where nothing shrinks that is 1.
    out_dtype : dtype, optional
        The dtype of the result; that of ``image`` unless given. "float32" with integers of one or two bytes: the numbers before
        they are rounded. ``image`` is not converted.

    Returns
    -------
    out : array of ``image``'s dtype, or of ``out_dtype``
        Its axes are those of ``image``. Integers are rounded, halves to even, and kept in their range. A sample whose
        coordinate is NaN or infinite is NaN, and 0 of integers.
    coverage : (H_out, W_out) or (D_out, H_out, W_out) float array
        If it is asked for: 1 for samples inside, 0 for those outside, and between them at the border.

    Raises
    ------
    ValueError
        If a shape, a name or a number is wrong, or a matrix cannot be inverted.
    TypeError
        If a type or dtype is wrong.

    Notes
    -----
    ``out[y, x] = sum_{h, w} image[h, w] k(x' - w) k(y' - h)`` where (x', y') is the mapped (x, y) and k the sampling kernel;
    bilinear, k(t) = max(0, 1 - |t|). Source: Jaderberg et al., "Spatial Transformer Networks", 2015, equation 3.
    Coordinates are computed in float64. Maps by whole pixels reproduce the data bit for bit, NaN included. Integers of one
    or two bytes are computed in float32, others in float64, those of 64 bits in two halves. The result has the bits of
    ``spatial_op.dask.warp``. ``antialias`` places samples as ``SpatialTransformer`` does, and with a displacement as
    ``GridSampler``. Gradients: ``SpatialTransformer`` with the parameters that ``pixel_matrix_to_loc`` returns.

    Examples
    --------
    >>> import numpy as np
    >>> import spatial_op as so
    >>> image = np.arange(12, dtype="uint8").reshape(3, 4)
    >>> so.warp(image, [[1, 0, 1], [0, 1, 0]])
    array([[ 1,  2,  3,  0],
           [ 5,  6,  7,  0],
           [ 9, 10, 11,  0]], dtype=uint8)
    """
    where = map_of(matrix, direction, displacement)
    check_image(image)
    place = channel_place(image, where.axes, channel_axis)
    rows = rows_of(sampler_type, padding_mode)
    target = where.target(target_shape, check_sides(image, place, where.axes))
    where = where.with_samples(antialias, target)
    data = image[None, None] if place is None else np.moveaxis(image, place, 0)[None]
    fill = filling.checked(OP, fill_value, padding_mode, data.shape[1], image.dtype)
    written = unrounded.checked(OP, out_dtype, image.dtype, "image")
    chosen(OP, coverage, (False, True, ALONE))
    first, rectangle = (0,) * where.axes, tuple((0, size) for size in target)
    if coverage:
        ones = np.ones((1, 1, *data.shape[2:]), working(image.dtype))
        inside = where.sampled(ones, first, rectangle, rows_of(sampler_type, "zeros"), None)[0, 0]
        if coverage == ALONE:
            return inside
    (out,) = where.sampled(data, first, rectangle, rows, fill, written)
    out = out[0] if place is None else np.moveaxis(out, 0, place)
    return (out, inside) if coverage else out
