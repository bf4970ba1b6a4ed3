"""MXNet."""

import operator

from .base import Job, Peer

CONVOLUTION = ("kernel", "stride", "dilate", "pad", "num_filter", "num_group", "num_deformable_group", "no_bias")

# Our operator -> MXNet's, and the parameters that it has.
OPERATORS = {
    "SpatialTransformer": ("SpatialTransformer", ("target_shape", "transform_type", "sampler_type")),
    "GridGenerator": ("GridGenerator", ("target_shape", "transform_type")),
    "BilinearSampler": ("BilinearSampler", ()),
    "GridSampler": ("BilinearSampler", ()),
    "DeformableConvolution": ("contrib.DeformableConvolution", CONVOLUTION),
    "ModulatedDeformableConvolution": ("contrib.ModulatedDeformableConvolution", CONVOLUTION),
}
FORWARD_ONLY = ("ModulatedDeformableConvolution",)


class MXNet(Peer):
    """MXNet's operators; they run on one thread."""

    name, package = "MXNet", "mxnet"
    install = 'pip install ".[mxnet]" in a checkout of spatial_op, under Python 3.10 or 3.11'

    def supports(self, problem):
        """MXNet has bilinear samples of images, affine transforms and flow, zeros outside and no other corner rule."""
        return (
            problem.operator in OPERATORS
            and problem.axes == 2
            and problem.option("transform_type") in (None, "affine", "warp")
            and problem.option("sampler_type") == "bilinear"
            and problem.option("padding_mode") == "zeros"
            and problem.option("align_corners")
        )

    def own(self, problem):
        """The problem with MXNet's rule at the border: "zeros" is that of the modulated convolution only."""
        if problem.operator != "DeformableConvolution":
            return problem
        return problem._replace(params={**problem.params, "border": "mxnet"})

    def job(self, problem):
        """The problem as MXNet arrays."""
        mx = self.module
        name, known = OPERATORS[problem.operator]
        function = operator.attrgetter(name)(mx.nd)
        inputs = [mx.nd.array(value, dtype=value.dtype) for value in problem.inputs]
        upper = mx.nd.array(problem.out_grad, dtype=problem.out_grad.dtype)
        params = {key: value for key, value in problem.params.items() if key in known}
        for value in inputs:
            value.attach_grad()

        def forward():
            out = function(*inputs, **params)
            out.wait_to_read()
            return out

        def forward_backward():
            with mx.autograd.record():
                out = function(*inputs, **params)
            out.backward(upper)
            for value in inputs:
                value.grad.wait_to_read()
            return (out, *(value.grad for value in inputs))

        mx.nd.waitall()
        backward = None if problem.operator in FORWARD_ONLY else forward_backward
        return Job(forward, backward, lambda value: value.asnumpy())
