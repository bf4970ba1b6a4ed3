"""MXNet."""

from .base import Job, Peer

# Our operator -> MXNet's, and the parameters that it has.
OPERATORS = {
    "SpatialTransformer": ("SpatialTransformer", ("target_shape", "transform_type", "sampler_type")),
    "GridGenerator": ("GridGenerator", ("target_shape", "transform_type")),
    "BilinearSampler": ("BilinearSampler", ()),
    "GridSampler": ("BilinearSampler", ()),
}


class MXNet(Peer):
    """MXNet's operators; they run on one thread."""

    name, package = "MXNet", "mxnet"
    install = 'pip install "spatial-op[mxnet]" under Python 3.10 or 3.11'

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

    def job(self, problem):
        """The problem as MXNet arrays."""
        mx = self.module
        name, known = OPERATORS[problem.operator]
        operator = getattr(mx.nd, name)
        inputs = [mx.nd.array(value, dtype=value.dtype) for value in problem.inputs]
        upper = mx.nd.array(problem.out_grad, dtype=problem.out_grad.dtype)
        params = {key: value for key, value in problem.params.items() if key in known}
        for value in inputs:
            value.attach_grad()

        def forward():
            out = operator(*inputs, **params)
            out.wait_to_read()
            return out

        def forward_backward():
            with mx.autograd.record():
                out = operator(*inputs, **params)
            out.backward(upper)
            for value in inputs:
                value.grad.wait_to_read()
            return (out, *(value.grad for value in inputs))

        mx.nd.waitall()
        return Job(forward, forward_backward, lambda value: value.asnumpy())
