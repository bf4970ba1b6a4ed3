"""OpenVINO."""

import numpy as np

from .base import Job, Peer

# Samplers -> OpenVINO's words.
MODES = {"bilinear": "bilinear", "nearest_even": "nearest", "bicubic": "bicubic"}
PADDINGS = ("zeros", "border", "reflection")


class OpenVINO(Peer):
    """``GridSample`` of operator set 9 on the processor, in float32, without gradients."""

    name, package, install = "OpenVINO", "openvino", 'pip install ".[openvino]" in a checkout of spatial_op'
    threads = 0  # as many as there are

    @property
    def version(self):
        """The version without the build."""
        return self.module.__version__.partition("-")[0]

    def supports(self, problem):
        """OpenVINO samples images on grids."""
        return (
            problem.operator in ("GridSampler", "BilinearSampler")
            and problem.axes == 2
            and problem.option("sampler_type") in MODES
            and problem.option("padding_mode") in PADDINGS
        )

    def set_threads(self, threads):
        """Use so many threads from now on."""
        self.threads = threads

    def job(self, problem):
        """The problem as a compiled model of one node, which neither copies what it is given nor what it returns."""
        data, grid = problem.inputs
        arrays = [np.ascontiguousarray(data), np.ascontiguousarray(np.moveaxis(grid, 1, -1))]
        hints = {"INFERENCE_NUM_THREADS": self.threads, "INFERENCE_PRECISION_HINT": "f32", "NUM_STREAMS": 1}
        request = self.module.Core().compile_model(self.model(problem, arrays), "CPU", hints).create_infer_request()

        def forward():
            return request.infer(arrays, share_inputs=True, share_outputs=True)[0]

        return Job(forward, None, np.asarray)

    def model(self, problem, arrays):
        """The problem as a model; both arrays are inputs."""
        from openvino import opset9

        given = [opset9.parameter(array.shape, array.dtype) for array in arrays]
        attributes = {
            "mode": MODES[problem.option("sampler_type")],
            "padding_mode": problem.option("padding_mode"),
            "align_corners": problem.option("align_corners"),
        }
        return self.module.Model([opset9.grid_sample(*given, attributes)], given, "problem")
