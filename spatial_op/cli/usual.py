"""What `compile` can be asked for, from the package's tables, and what it prepares if it is not asked for anything."""

from ..dtypes import DTYPES, PICTURES
from ..operators.table import OPERATORS
from ..samplers import SAMPLERS
from ..transforms import TRANSFORMS

# What GridGenerator makes of optical flow.
FLOW = "warp"

# The function of pictures and pixels, which is no operator of a network's.
WARP = "warp"

# Numbers of channels that have kernels of their own.
CHANNELS = {"grey": (1,), "RGB": (3,), "RGBA": (4,), "many": (8, 16, 17)}
USUAL = {
    "operator": (*OPERATORS, WARP),
    "transform": ("affine",),
    "sampler": ("bilinear",),
    "dtype": ("float32",),
    "channels": ("grey", "RGB", "RGBA", "many"),
}
CHOICES = {
    "operator": (*OPERATORS, WARP),
    "transform": (*TRANSFORMS, FLOW),
    "sampler": tuple(SAMPLERS),
    "dtype": tuple(map(str, (*DTYPES, *PICTURES))),
    "channels": tuple(CHANNELS),
}
