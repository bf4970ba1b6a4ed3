"""The parametric transforms: one file per row, ``TRANSFORMS[name] = Transform(...)``.

A transform says where in the source image each destination pixel is sampled, in source pixels and float64:

* ``fold(loc, at, sizes, plan)`` turns one sample's parameters, which start at ``loc[at]``, into the ``plan_size``
  numbers of ``plan``;
* ``locate(plan, u, v) -> (x, y)`` maps a destination pixel to a source pixel;
* ``pull_back(plan, u, v, grad_x, grad_y, sums, add)`` is the transpose: ``add(sums, i, value)`` adds to the i-th of
  ``plan_size`` sums, given the gradient with respect to that source pixel;
* ``unfold(sums, sizes, grad)`` turns the sums of all pixels into the gradient with respect to the parameters.

``u`` and ``v`` count destination columns and rows from the image's centre, ``x`` and ``y`` source pixels from the
centre of the top left one. ``sizes`` is ``(h_in, w_in, h_out, w_out, edge)``. ``edge`` is the corner rule: normalised
-1 and +1 are the centres of the border pixels (0) or their outer edges (1). With ``span = size - 1 + edge`` the
normalised coordinate of column ``u`` is ``2 u / span``, for both rules; a single row or column lies at 0, the centre.

``locate`` and ``pull_back`` are called with numbers and with vectors of numbers alike, so they use only +, -, * and /.
All four are plain Python, compiled on first use; ``helpers`` lists what they call.
"""

from . import affine, attention, projective, translation

TRANSFORMS = {
    "affine": affine.ROW,
    "translation": translation.ROW,
    "attention": attention.ROW,
    "projective": projective.ROW,
}
