"""Kornia."""

from . import spline
from .pytorch import PyTorch


class Kornia(PyTorch):
    """``warp_image_tps``, given the same spline: Kornia's own solver places the bumps elsewhere."""

    name, package, install = "Kornia", "kornia", "pip install kornia"

    def supports(self, problem):
        """Kornia has splines, sampled bilinearly; the output is as large as the image."""
        return (
            problem.operator == "SpatialTransformer"
            and problem.option("transform_type") == "tps"
            and problem.option("sampler_type") == "bilinear"
            and problem.inputs[0].shape == problem.out_grad.shape
        )

    def function(self, problem):
        """The problem as a function of tensors."""
        batch, count = len(problem.out_grad), problem.inputs[-1].shape[1] // 2
        lattice, inverse = (
            self.torch.from_numpy(array.astype(problem.out_grad.dtype))
            for array in (spline.lattice(count), spline.inverse(count))
        )
        centres = lattice.T.expand(batch, -1, -1)
        identity = self.torch.eye(3, 2, dtype=lattice.dtype)
        options = {key: problem.option(key) for key in ("padding_mode", "align_corners")}

        def warp(data, loc):
            weights = ((loc.view(batch, 2, count) - lattice) @ inverse).mT
            plane = (weights[:, count:] + identity).roll(1, 1)  # of 1, x, y
            return self.module.geometry.transform.warp_image_tps(data, centres, weights[:, :count], plane, **options)

        return warp
