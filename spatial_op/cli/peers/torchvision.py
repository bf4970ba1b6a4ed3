"""torchvision."""

from .pytorch import PyTorch


class TorchVision(PyTorch):
    """``deform_conv2d``, which reads the numbers of groups off the shapes."""

    name, package, install = "torchvision", "torchvision", "pip install torchvision"

    def supports(self, problem):
        """Samples fade to zero at the border."""
        return problem.convolves and problem.option("border") == "zeros"

    def function(self, problem):
        """The problem as a function of tensors."""
        stride, pad, dilate = (problem.option(name) for name in ("stride", "pad", "dilate"))
        names = list(problem.named)

        def convolve(*tensors):
            given = dict(zip(names, tensors))
            return self.module.ops.deform_conv2d(
                given.pop("data"), **given, stride=stride, padding=pad, dilation=dilate
            )

        return convolve
