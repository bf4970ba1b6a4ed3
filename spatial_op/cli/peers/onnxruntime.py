"""ONNX Runtime."""

import importlib

from .base import Job, Peer

INPUTS = ("data", "weight", "offset", "bias", "mask")


class ONNXRuntime(Peer):
    """``DeformConv`` of operator set 19, without gradients."""

    name, package = "ONNX Runtime", "onnxruntime"
    install = 'pip install ".[onnx]" in a checkout of spatial_op, under Python 3.11 or later'
    threads = 0  # as many as there are

    def __init__(self):
        super().__init__()
        self.onnx = importlib.import_module("onnx")
        major, minor, *_ = self.version.split(".")
        if (int(major), int(minor)) < (1, 25):
            raise ImportError("ONNX Runtime has had this operator on processors since version 1.25.")

    def supports(self, problem):
        """Samples fade to zero at the border."""
        return problem.convolves and problem.option("border") == "zeros"

    def set_threads(self, threads):
        """Use so many threads from now on."""
        self.threads = threads

    def job(self, problem):
        """The problem as a session of one node, whose threads do not wait busily for the next call."""
        options = self.module.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        model = self.model(problem).SerializeToString()
        session = self.module.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        inputs = problem.named

        def forward():
            return session.run(None, inputs)[0]

        return Job(forward, None, lambda value: value)

    def model(self, problem):
        """The problem as an ONNX model; all arrays are inputs."""
        helper, inputs = self.onnx.helper, problem.named
        attributes = {
            "kernel_shape": problem.option("kernel"),
            "strides": problem.option("stride"),
            "dilations": problem.option("dilate"),
            "pads": 2 * tuple(problem.option("pad")),
            "group": problem.option("num_group"),
            "offset_group": problem.option("num_deformable_group"),
        }
        names = [name if name in inputs else "" for name in INPUTS]
        node = helper.make_node("DeformConv", names, ["out"], **attributes)
        values = {**inputs, "out": problem.out_grad}
        *given, out = (
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
            for name, array in values.items()
        )
        graph = helper.make_graph([node], "problem", given, [out])
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
