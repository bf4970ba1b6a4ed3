"""What the benchmark measures: one row per case."""

import functools

from .cases import (
    Case,
    affine_grid,
    bent,
    convolved,
    flow_grid,
    flowing,
    interleaved,
    rotated,
    scattered,
    tilted,
    turned,
)


def row(data, target, details, make, only=(), **options):
    """One case."""
    return Case(data, target, details, functools.partial(make, **options), only)


def two_scales(data, target):
    """One case with the output partly outside the image, one with all of it inside."""
    return [row(data, target, f"scale {scale}", rotated, scale=scale) for scale in (1.1, 0.6)]


def beside_opencv(channels, details, make):
    """Single images of several sizes."""
    for count in channels:
        for side in SIDES:
            yield row((1, count, side, side), (side, side), details, make, only=("OpenCV",))


modulated = functools.partial(convolved, operator="ModulatedDeformableConvolution")
IMAGES = (16, 3, 256, 256)
FEATURES = (32, 64, 56, 56)
LARGE = (1, 3, 1024, 1024)
VOLUMES = (2, 4, 64, 64, 64)
SAMPLED = ((64, 1, 28, 28), (64, 3, 64, 64), (16, 1, 256, 256), IMAGES, (1, 1, 512, 512), (1, 3, 512, 512), FEATURES)
SIDES = (64, 256, 1024, 4096)

# Title of a table -> its rows. Cases are numbered through all of them.
GROUPS = {
    "SpatialTransformer, affine": (
        *two_scales((64, 1, 28, 28), (28, 28)),
        *two_scales((64, 3, 64, 64), (64, 64)),
        *two_scales(IMAGES, (256, 256)),
        *two_scales((16, 3, 512, 512), (512, 512)),
        *two_scales((1, 3, 4096, 4096), (4096, 4096)),
        *two_scales(FEATURES, (56, 56)),
        *two_scales((16, 256, 64, 64), (32, 32)),
        *two_scales((1, 1, 1024, 1024), (256, 256)),
        row(LARGE, (1024, 1024), "scale 1.1", rotated),
        row((16, 3, 1024, 1024), (128, 128), "scale 1.0", rotated, scale=1.0),
    ),
    "SpatialTransformer, other kinds": (
        row(IMAGES, (256, 256), "bicubic", rotated, sampler_type="bicubic"),
        row(IMAGES, (256, 256), "border", rotated, padding_mode="border"),
        row(IMAGES, (256, 256), "reflection", rotated, padding_mode="reflection"),
        row(IMAGES, (256, 256), "projective", tilted),
        row(IMAGES, (256, 256), "tps of 16 points", bent),
        row((1, 3, 512, 512), (512, 512), "tps of 16 points", bent),
        row((64, 1, 28, 28), (28, 28), "tps of 16 points", bent),
        row(FEATURES, (56, 56), "tps of 16 points", bent),
    ),
    "GridSampler": (
        *(row(data, data[2:], "smooth grid", flowing) for data in SAMPLED),
        *(row(data, data[2:], "random grid", scattered) for data in (*SAMPLED, LARGE)),
        *(row(data, data[2:], "random grid on [-1.5, 1.5]", scattered, reach=1.5) for data in SAMPLED),
        row(IMAGES, (256, 256), "random grid on [-3, 3]", scattered, reach=3.0),
    ),
    "BilinearSampler": (row(IMAGES, (256, 256), "smooth grid", flowing, operator="BilinearSampler"),),
    "GridGenerator": (
        row((16, 6), (256, 256), "affine", affine_grid),
        row((16, 2, 256, 256), (256, 256), "warp", flow_grid),
    ),
    "DeformableConvolution, 3x3": (
        row((2, 64, 56, 56), (64, 56, 56), "", convolved),
        row((4, 256, 28, 28), (256, 28, 28), "", convolved),
        row((1, 256, 64, 64), (256, 64, 64), "4 deformable groups", convolved, num_deformable_group=4),
        row((8, 16, 32, 32), (16, 32, 32), "", convolved),
        row((1, 512, 14, 14), (512, 14, 14), "", convolved),
        row((2, 128, 56, 56), (128, 28, 28), "stride 2", convolved, stride=(2, 2)),
        row((1, 256, 100, 152), (256, 100, 152), "", convolved),
        row((2, 48, 40, 40), (24, 40, 40), "2 groups", convolved, num_group=2),
    ),
    "ModulatedDeformableConvolution, 3x3": (
        row((2, 64, 56, 56), (64, 56, 56), "", modulated),
        row((4, 256, 28, 28), (256, 28, 28), "", modulated),
        row((2, 128, 56, 56), (128, 28, 28), "stride 2", modulated, stride=(2, 2)),
    ),
    "Volumes": (
        row(VOLUMES, (64, 64, 64), "SpatialTransformer, affine", turned),
        row(VOLUMES, (64, 64, 64), "GridSampler, smooth grid", flowing),
    ),
    "SpatialTransformer, affine, by size": tuple(
        row((1, 3, size, size), (size, size), "scale 1.1", rotated) for size in (8, 16, 32, 64, 128, 256, 512, 2048)
    ),
    "SpatialTransformer, affine, beside OpenCV": (
        *beside_opencv((1, 3, 4), "scale 1.1", rotated),
        *beside_opencv((3, 4), "scale 1.1, height x width x channels", interleaved),
    ),
    "SpatialTransformer, affine, by channels": tuple(
        row((4, channels, 128, 128), (128, 128), "scale 1.1", rotated) for channels in (1, 2, 4, 8, 16, 32, 64, 128)
    ),
}
CASES = tuple(case for cases in GROUPS.values() for case in cases)

NAMES = tuple(f"{group}: {case.label}" for group, cases in GROUPS.items() for case in cases)

# Whose time is mostly the call itself.
SMALL = {
    f"Small calls: {case.label}": case
    for case in (
        row((1, 1, 4, 4), (4, 4), "scale 1.1", rotated),
        row((1, 3, 8, 8), (8, 8), "scale 1.1", rotated),
        CASES[0],
    )
}
