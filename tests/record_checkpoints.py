"""Save what MXNet 1.9.1 saves: ``python tests/record_checkpoints.py`` writes ``tests/checkpoints/``.

Arrays of each kind, and two small networks with the images and outputs that tell whether they have moved well. The tests and
``docs/moving_without_mxnet.md`` read these files where MXNet is not.
"""

import pathlib
import warnings

import numpy as np
import record_golden

FOLDER = pathlib.Path(__file__).with_name("checkpoints")
DTYPES = ("float16", "float32", "float64", "uint8", "int8", "int32", "int64", "bool")
BFLOAT16 = np.dtype([("bfloat16", np.uint16)])

# What bfloat16 holds exactly, with its eight digits.
VALUES = np.float32([[0, 1, -2.5], [2.0**127, 2.0**-126, -0.15625]])


def main():
    """Save everything."""
    with record_golden.mxnet_imports():
        import mxnet as mx
    FOLDER.mkdir(exist_ok=True)
    for name, save in arrays(mx).items():
        save(str(FOLDER / name))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module(mx, FOLDER)
        gluon(mx, FOLDER)


def by_dtype():
    """The named arrays of a file, without MXNet."""
    return {f"arg:{dtype}": np.array([[0, 1, 2], [3, 4, 100]]).astype(dtype) for dtype in DTYPES}


def arrays(mx):
    """How each file is written."""
    named = {name: mx.nd.array(array, dtype=array.dtype) for name, array in by_dtype().items()}
    sparse = {kind: mx.nd.array([[1, 0], [0, 2]]).tostype(kind) for kind in ("csr", "row_sparse")}
    mx.nd.waitall()  # MXNet saves the shape that a sparse array has at that moment
    return {
        "dtypes.params": lambda path: mx.nd.save(path, named),
        "list.params": lambda path: mx.nd.save(path, [mx.nd.arange(3), mx.nd.ones((2, 1, 2))]),
        "one.params": lambda path: mx.nd.save(path, mx.nd.arange(3)),
        "nothing.params": lambda path: mx.nd.save(path, []),
        "bfloat16.params": lambda path: mx.nd.save(path, {"a": mx.nd.amp_cast(mx.nd.array(VALUES), dtype=BFLOAT16)}),
        "shapes.params": lambda path: in_numpys_shapes(mx, path),
        "csr.params": lambda path: mx.nd.save(path, {"a": mx.nd.ones(2), "b": sparse["csr"]}),
        "row_sparse.params": lambda path: mx.nd.save(path, [sparse["row_sparse"]]),
    }


def in_numpys_shapes(mx, path):
    """Arrays without axes and without numbers, which the third version of the format is for."""
    with mx.util.np_shape(True):
        mx.nd.save(path, {"scalar": mx.nd.zeros(()) + 5, "empty": mx.nd.zeros((0, 3)), "axis": mx.nd.arange(2)})


def images(seed):
    """A batch of smooth pictures."""
    return np.float32(record_golden.smooth(np.random.default_rng(seed), (4, 1, 8, 8)))


def module(mx, folder):
    """A symbol, trained by a module: it looks at a part of the image, convolves and normalises."""
    data = mx.sym.var("data")
    loc = mx.sym.FullyConnected(data, num_hidden=6, name="loc")
    part = mx.sym.SpatialTransformer(data, loc, (6, 6), "affine", "bilinear", name="part")
    features = mx.sym.Convolution(part, kernel=(3, 3), num_filter=4, name="features")
    scaled = mx.sym.Activation(mx.sym.BatchNorm(features, name="norm"), "relu")
    scores = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(scaled, num_hidden=3, name="classes"), name="softmax")

    mx.random.seed(0)
    np.random.seed(0)
    network = mx.mod.Module(scores)
    batches = mx.io.NDArrayIter(images(0), np.arange(4) % 3, batch_size=4)
    start = {"loc_bias": mx.nd.array([0.9, 0.1, 0, -0.1, 0.9, 0])}
    rate = {"learning_rate": 0.01}
    network.fit(
        batches,
        num_epoch=5,
        initializer=mx.init.Normal(0.1),
        arg_params=start,
        allow_missing=True,
        optimizer_params=rate,
    )
    network.save_checkpoint(str(folder / "module"), 5)
    batches.reset()
    outputs = network.predict(batches)
    mx.nd.save(str(folder / "module-expected.params"), {"images": mx.nd.array(images(0)), "outputs": outputs})


def gluon(mx, folder):
    """A block with a modulated deformable convolution: its parameters, and the exported network."""
    nn = mx.gluon.nn
    mx.random.seed(0)
    network = nn.HybridSequential(prefix="network_")
    with network.name_scope():
        network.add(
            mx.gluon.contrib.cnn.ModulatedDeformableConvolution(
                4,
                kernel_size=(3, 3),
                padding=(1, 1),
                in_channels=1,
                activation="relu",
                offset_weight_initializer=mx.init.Normal(0.3),
            ),
            nn.Dense(3, in_units=4 * 8 * 8),
        )
    network.initialize(mx.init.Xavier())
    network.hybridize()
    batch = mx.nd.array(images(1))
    outputs = network(batch)
    network.save_parameters(str(folder / "gluon.params"))
    network.export(str(folder / "gluon"))
    mx.nd.save(str(folder / "gluon-expected.params"), {"images": batch, "outputs": outputs})


if __name__ == "__main__":
    main()
