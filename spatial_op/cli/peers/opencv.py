"""OpenCV."""

import functools

import numpy as np

from .base import Job, Peer

PADDINGS = {"zeros": "BORDER_CONSTANT", "border": "BORDER_REPLICATE", "reflection": "BORDER_REFLECT_101"}


class OpenCV(Peer):
    """``warpAffine``, ``warpPerspective`` and ``remap``, image by image with interleaved channels, without gradients."""

    name, package, install = "OpenCV", "cv2", 'pip install ".[opencv]" in a checkout of spatial_op'

    def supports(self, problem):
        """OpenCV has bilinear samples of images with at most 4 channels."""
        return (
            problem.operator in ("SpatialTransformer", "GridSampler", "BilinearSampler")
            and problem.axes == 2
            and problem.option("transform_type") in (None, "affine", "projective")
            and problem.option("sampler_type") == "bilinear"
            and problem.option("padding_mode") in PADDINGS
            and problem.option("align_corners")
            and problem.inputs[0].shape[1] <= 4
        )

    def set_threads(self, threads):
        """Use so many threads from now on."""
        self.module.setNumThreads(threads)

    def job(self, problem):
        """The problem as interleaved images, and matrices or maps in pixels."""
        cv2 = self.module
        data, given = problem.inputs
        source, target = data.shape[2:], problem.out_grad.shape[2:]
        images = [np.ascontiguousarray(image.transpose(1, 2, 0)) for image in data]
        border = getattr(cv2, PADDINGS[problem.option("padding_mode")])
        if problem.operator == "SpatialTransformer":
            affine = problem.option("transform_type") == "affine"
            options = {"flags": cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, "dsize": target[::-1], "borderMode": border}
            warp = functools.partial(cv2.warpAffine if affine else cv2.warpPerspective, **options)
            places = [(pixel_matrix(theta, source, target)[: 2 if affine else 3],) for theta in given]
        else:
            warp = functools.partial(cv2.remap, interpolation=cv2.INTER_LINEAR, borderMode=border)
            places = [pixel_maps(grid, source) for grid in given]

        def forward():
            return [warp(image, *place) for image, place in zip(images, places)]

        def to_numpy(value):
            return np.stack(value).reshape(len(data), *target, -1).transpose(0, 3, 1, 2)

        return Job(forward, None, to_numpy)


def pixel_maps(grid, source):
    """For each output pixel the input pixel that a normalised grid means: x and y."""
    return [np.float32((plane + 1.0) * ((size - 1) / 2)) for plane, size in zip(grid, source[::-1])]


def pixel_matrix(theta, source, target):
    """The 3x3 matrix from output pixels to input pixels that means the same as normalised parameters."""

    def to_pixels(height, width):
        x, y = (width - 1) / 2, (height - 1) / 2
        return np.array([[x, 0, x], [0, y, y], [0, 0, 1]])

    normalised = np.array([*theta, *(0, 0, 1)[len(theta) - 9 :]], np.float64).reshape(3, 3)
    return to_pixels(*source) @ normalised @ np.linalg.inv(to_pixels(*target))
