"""The parametric transforms: one file each, and a row for images, ``TRANSFORMS[name] = Transform(...)``.

Volumes have theirs in ``VOLUME_TRANSFORMS``, signals in ``SIGNAL_TRANSFORMS``; ``tps`` and ``tps_points`` are there for images only.

A transform says where in the source image each destination pixel is sampled, in source pixels and float64:

* ``identity(control_points)`` is the tuple of parameters that change nothing; its length is the number of parameters;
* ``fold(loc, sizes) -> plan`` turns one sample's parameters into ``plan_size`` numbers, once for each tile of the output;
* ``locate(plan, u, v) -> (x, y)`` maps a destination pixel to a source pixel.

``u`` and ``v`` count destination columns and rows from the image's centre, ``x`` and ``y`` source pixels from the
centre of the top left one; volumes have a third number, slices, last, and signals the first one only. ``sizes`` is a ``Sizes``: the normalised
coordinate of column ``u`` is ``2 u / sizes.steps[0]``, the source pixel of a normalised ``x`` is ``sizes.middle[0] + x *
sizes.span[0] / 2``, for both corner rules. A single row or column lies at 0, the centre.

Both are formulas: they are called with numbers, with arrays, and with the numbers and vectors that a kernel is traced with; their
derivatives are found by calling them with dual numbers. They may use +, -, *, /, ``**`` with whole exponents, comparisons with
``np.where``, and NumPy's ``sin``, ``cos``, ``exp``, ``log``, ``sqrt``, ``floor``, ``rint``, ``abs``, ``minimum``, ``maximum``,
``fmin`` and ``fmax``.

A transform whose parameters are best combined first, all samples at once, has ``solve(moved)``, a linear function of
their differences from the identity, one sample to a row; ``fold`` is given the results in place of the parameters.
``pull_solve(grad)`` is its transpose. With control points, ``most`` is the largest number of them.

A transform that adds up functions of the destination alone has ``basis(dx, dy)``, a function of the normalised distance from
each of its ``centres(count)``, arrays of x and y for ``count`` parameters of x. The coefficients, x and y of each function side by side,
follow the first ``plan_size`` results of ``solve``, of which alone ``fold`` is told. The functions of a tile are
computed once for all samples.

A transform whose control points have parameters of their own has ``term(plan, point, u, v) -> (x, y)``, a formula too: what a
control point with the ``term_size`` parameters ``point`` adds. These follow the parameters that ``fold`` is told of, point by point.
"""

from . import affine, attention, projective, tps, tps_points, translation


def rows_of(axes):
    """Those that there are for any number of axes."""
    each = {"affine": affine, "translation": translation, "attention": attention, "projective": projective}
    return {name: module.row(axes) for name, module in each.items()}


TRANSFORMS = {
    **rows_of(2),
    "tps": tps.ROW,
    "tps_points": tps_points.ROW,
}
SIGNAL_TRANSFORMS, VOLUME_TRANSFORMS = rows_of(1), rows_of(3)

# By the number of axes of an image.
TABLES = {1: SIGNAL_TRANSFORMS, 2: TRANSFORMS, 3: VOLUME_TRANSFORMS}
