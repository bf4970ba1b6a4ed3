"""The parametric transforms: one file per row, ``TRANSFORMS[name] = Transform(...)``, volumes in ``VOLUME_TRANSFORMS``.

A transform says where in the source image each destination pixel is sampled, in source pixels and float64:

* ``identity(control_points)`` is the tuple of parameters that change nothing; its length is the number of parameters;
* ``fold(loc, at, sizes, plan)`` turns one sample's parameters, which start at ``loc[at]``, into the numbers of ``plan``:
  ``plan_size`` of them, or as many as there are parameters if these are more;
* ``locate(plan, u, v) -> (x, y)`` maps a destination pixel to a source pixel;
* ``pull_back(plan, u, v, grad_x, grad_y, sums, add)`` is the transpose of its derivative with respect to the plan:
  ``add(sums, i, value)`` adds to the sum for ``plan[i]``, given the gradient with respect to the source pixel;
* ``unfold(loc, at, sums, sizes, grad)``, the transpose of ``fold``'s derivative, turns the sums of all pixels into the
  gradient with respect to the parameters.

``u`` and ``v`` count destination columns and rows from the image's centre, ``x`` and ``y`` source pixels from the
centre of the top left one; volumes have a third number, slices, last. ``sizes`` is a ``Sizes``: the normalised
coordinate of column ``u`` is ``2 u / sizes.steps[0]``, the source pixel of a normalised ``x`` is ``sizes.middle[0] + x *
sizes.span[0] / 2``, for both corner rules. A single row or column lies at 0, the centre.

``locate`` and ``pull_back`` are called with numbers and with vectors of numbers alike, so they use only +, -, *, / and
``np.log``. All four are plain Python, compiled on first use; ``helpers`` lists what they call.

A transform whose parameters are best combined first, all samples at once, has ``solve(moved)``, a linear function of
their differences from the identity, one sample to a row; ``fold`` is given the results, and ``unfold`` answers for them.
``pull_solve(grad)`` is its transpose. With control points, ``most`` is the largest number of them.

A transform that adds up functions of the destination alone has ``basis(i, count, u, v, sizes)``, the i-th of ``count``
functions. Their coefficients are the numbers of the plan from ``plan_size`` on, x and y of each function side by side;
``locate`` and ``pull_back`` leave them out. The functions of a tile are computed once for all samples.

A row that is only ever sampled by, which stands in no table, may leave out ``pull_back`` and ``unfold``.
"""

from . import affine, affine_volume, attention, projective, tps, translation

TRANSFORMS = {
    "affine": affine.ROW,
    "translation": translation.ROW,
    "attention": attention.ROW,
    "projective": projective.ROW,
    "tps": tps.ROW,
}

VOLUME_TRANSFORMS = {
    "affine": affine_volume.ROW,
}

# By the number of axes of an image.
TABLES = {2: TRANSFORMS, 3: VOLUME_TRANSFORMS}
