"""Which axes of an array are height and width: by letters, by names, or by their places."""

from ..operators.any_dtype import kind_of
from .pictures import Refused

# An axis this short may hold colours.
COLOURS = 4


def places(shape, dtype, names, letters):
    """Which axes of an array that can be warped are height and width."""
    if len(shape) < 2 or not kind_of(dtype) or 0 in shape:
        raise Refused(
            f"it has shape {shape} and dtype {dtype}, expected numbers of shape (..., height, width), at least one pixel"
        )
    if letters is not None:
        if len(letters) != len(shape) or letters.count("y") != 1 or letters.count("x") != 1:
            raise Refused(
                f"it has {len(shape)} axes and --axes is {letters!r}, expected one letter for each axis, one of them y and one x"
            )
        return letters.index("y"), letters.index("x")
    names = [str(name).lower() for name in names or ()]
    if len(names) == len(shape) and names.count("y") == names.count("x") == 1:
        return names.index("y"), names.index("x")
    if len(shape) > 2 and shape[-1] <= COLOURS < min(shape[-3:-1]):
        words = "c" * (len(shape) - 3)
        raise Refused(
            f"it has shape {shape} and does not say which axes are height and width; "
            f"say --axes {words}yxc if the last axis holds colours, or --axes {words}cyx"
        )
    return len(shape) - 2, len(shape) - 1
