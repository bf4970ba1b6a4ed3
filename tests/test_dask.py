"""Dask: lazy batches, on a cluster too, and images that are warped chunk by chunk."""

import os
import threading
import time

import numpy as np
import pytest

import spatial_op as so

pytest.importorskip("dask")
import dask
from dask import array as da

from spatial_op.dask import warp

KERNEL = {"kernel": (3, 3), "pad": (1, 1), "num_filter": 4}
# Every operator: parameters, and shapes of the inputs.
CASES = {
    "SpatialTransformer": ({"target_shape": (4, 5)}, (5, 3, 5, 6), (5, 6)),
    "GridGenerator": ({"transform_type": "affine", "target_shape": (4, 5)}, (5, 6)),
    "GridSampler": ({}, (5, 3, 5, 6), (5, 2, 4, 5)),
    "BilinearSampler": ({}, (5, 3, 5, 6), (5, 2, 4, 5)),
    "DeformableConvolution": (KERNEL, (5, 4, 5, 6), (5, 18, 5, 6), (4, 4, 3, 3), (4,)),
    "ModulatedDeformableConvolution": (KERNEL, (5, 4, 5, 6), (5, 18, 5, 6), (5, 9, 5, 6), (4, 4, 3, 3), (4,)),
}


def numbers(shapes):
    rng = np.random.default_rng(0)
    return [rng.uniform(-1, 1, shape).astype("float32") for shape in shapes]


def test_every_operator_has_a_case():
    from spatial_op.operators.table import OPERATORS

    assert list(CASES) == list(OPERATORS)


@pytest.mark.parametrize("name", CASES)
def test_batches_stay_lazy(name):
    params, *shapes = CASES[name]
    op, arrays = getattr(so, name), numbers(shapes)
    computed = []

    def watched(block):
        computed.append(block.shape)
        return block

    data = da.from_array(arrays[0], chunks=2).map_blocks(
        watched, dtype="float32", meta=np.empty((0,) * arrays[0].ndim, "f4")
    )
    rest = [da.from_array(value, chunks=3) if place % 2 else value for place, value in enumerate(arrays[1:])]
    out = op(data, *rest, **params)
    assert isinstance(out, da.Array) and not computed
    assert out.dtype == np.float32 and max(out.chunks[0]) <= 2 and all(len(sizes) == 1 for sizes in out.chunks[1:])
    assert out.name == op(data, *rest, **params).name, "the same call has the same name"
    expected = op(*arrays, **params)
    assert out.shape == expected.shape
    np.testing.assert_array_equal(out.compute(), expected)
    assert computed


def test_one_thread_in_each_of_dasks(monkeypatch):
    from spatial_op.kernels import jit

    images, loc = np.ones((4, 3, 256, 256), "float32"), so.identity_loc("affine", batch=4)
    asked = []
    original = jit.threads_for

    def noted(*arguments):
        asked.append(original(*arguments))
        return asked[-1]

    monkeypatch.setattr(jit, "threads_for", noted)
    so.SpatialTransformer(da.from_array(images, chunks=(2, 3, 256, 256)), loc, (256, 256)).compute()
    assert asked == [1, 1]
    so.SpatialTransformer(images, loc, (256, 256))
    import numba

    assert asked[2] == min(numba.get_num_threads(), 12), "and all of them elsewhere"


def test_errors_come_at_once():
    data, loc = da.ones((5, 3, 5, 6), dtype="float32"), np.ones((5, 6), "float32")
    with pytest.raises(ValueError, match=r"loc has shape \(4, 6\), expected \(5, 6\)"):
        so.SpatialTransformer(data, loc[:4], (4, 4))
    with pytest.raises(ValueError, match=r"SpatialTransformer: data has shape \(\)"):
        so.SpatialTransformer(data.sum(), loc, (4, 4))
    with pytest.raises(TypeError, match="loc is a builtins.list, expected a Dask or NumPy array"):
        so.SpatialTransformer(data, [[1.0] * 6], (4, 4))
    with pytest.raises(ValueError, match="expected known sizes"):
        so.SpatialTransformer(data[data[:, 0, 0, 0] > 0], loc, (4, 4))
    with pytest.raises(TypeError, match="out is given and the inputs are Dask arrays"):
        so.SpatialTransformer(data, loc, (4, 4), out=np.ones(1))


HEIGHT, WIDTH = 150, 200
TURN = np.array([[0.9, -0.4, 40], [0.4, 0.9, -30]])
MATRICES = {
    "turn": TURN,
    "shrink": [[3, 0.2, -50], [0.1, 2.5, 0]],
    "magnify": [[0.1, 0, 50], [0, 0.1, 60]],
    "away": [[1, 0, 5000], [0, 1, 0]],
    "homography": [[1, 0.1, 3], [0.05, 1.1, -20], [1e-4, 5e-4, 1]],
    "horizon": [[1, 0.1, 3], [0.05, 1.1, -20], [-8e-3, 1e-3, 1]],
}


def in_memory(image, matrix, target, **options):
    """Sampled at the points that the matrix says, at once."""
    matrix = np.vstack([matrix, [0, 0, 1]]) if len(matrix) == 2 else np.asarray(matrix)
    y, x = np.mgrid[: target[0], : target[1]].astype(float)
    points = np.einsum("ab,bij->aij", matrix, np.stack([x, y, np.ones_like(x)]))
    with np.errstate(divide="ignore", invalid="ignore"):
        points = np.where(points[2] == 0, np.nan, points[:2] / points[2])
    scale = np.array([WIDTH - 1, HEIGHT - 1])[:, None, None]
    return so.GridSampler(image[None], (2 * points / scale - 1)[None], **options)[0]


@pytest.mark.parametrize("padding_mode", ["zeros", "border"])
@pytest.mark.parametrize("name", MATRICES)
def test_large_images_equal_small_ones(name, padding_mode):
    (image,) = numbers([(3, HEIGHT, WIDTH)])
    expected = in_memory(image, MATRICES[name], (130, 160), padding_mode=padding_mode)
    for source, target in (((2, 40, 70), None), ((3, 150, 30), (64, 50)), ((1, 7, 200), 160)):
        lazy = warp(
            da.from_array(image, chunks=source), MATRICES[name], (130, 160), padding_mode=padding_mode, chunks=target
        )
        out = lazy.compute(scheduler="synchronous")
        assert lazy.dtype == out.dtype == np.float32 and out.shape == expected.shape
        np.testing.assert_allclose(out, expected, rtol=1e-5, atol=1e-5)


def test_samplers_and_whole_pixels():
    (image,) = numbers([(HEIGHT, WIDTH)])
    lazy = da.from_array(image, chunks=(64, 64))
    for sampler_type in ("nearest", "bicubic"):
        expected = in_memory(image[None], TURN, (HEIGHT, WIDTH), sampler_type=sampler_type)[0]
        np.testing.assert_allclose(warp(lazy, TURN, sampler_type=sampler_type).compute(), expected, atol=1e-5)
    shifted = warp(lazy, [[1, 0, 33], [0, 1, -21]], chunks=50).compute()
    np.testing.assert_array_equal(shifted[21:, : WIDTH - 33], image[:-21, 33:])
    np.testing.assert_array_equal(shifted[:21], 0)


def test_only_what_is_needed_is_read():
    read = []

    def block(block_info=None):
        read.append(block_info[None]["chunk-location"])
        return np.ones(block_info[None]["chunk-shape"], "float32")

    image = da.map_blocks(block, chunks=((100,) * 50, (100,) * 50), dtype="float32", meta=np.empty((0, 0), "float32"))
    out = warp(image, [[1, 0, 2030], [0, 1, 1120]], (90, 160), chunks=80)
    assert not read
    with dask.config.set(scheduler="synchronous"):
        np.testing.assert_array_equal(out.compute(), 1)
    assert sorted(set(read)) == [(row, column) for row in (11, 12) for column in (20, 21)]


def test_chunks_shrink_where_the_source_does():
    image = da.zeros((1600, 1600), chunks=400, dtype="float32")
    assert warp(image, np.eye(3)).chunks[0][0] == 400
    assert warp(image, [[8, 0, 0], [0, 8, 0]], (200, 200)).chunks[0][0] == 100


def test_errors_of_warp():
    image = da.ones((4, 5), dtype="float32")
    for wrong, kind, words in (
        ({"matrix": np.eye(4)}, ValueError, "matrix has shape"),
        ({"matrix": [[np.nan] * 3] * 2}, ValueError, "no finite number"),
        ({"image": np.ones((4, 5))}, TypeError, "image is a numpy.ndarray"),
        ({"image": image[0]}, ValueError, "image has shape"),
        ({"image": image.astype(int)}, TypeError, "the dtype of image"),
        ({"padding_mode": "reflection"}, ValueError, "padding_mode is 'reflection'"),
        ({"sampler_type": "lanczos"}, ValueError, "sampler_type is 'lanczos'"),
        ({"target_shape": (3,)}, ValueError, "target_shape is"),
    ):
        with pytest.raises(kind, match=words):
            warp(**{"image": image, "matrix": np.eye(3), **wrong})


def slowly(block):
    """On a worker, long enough to be interrupted."""
    time.sleep(0.1)
    return block


@pytest.mark.filterwarnings("ignore:Sending large graph:UserWarning")
def test_a_cluster_loses_a_worker(record_property):
    """One thousand images on two processes, one of which is killed: the result is that of memory, bit for bit."""
    distributed = pytest.importorskip("distributed")
    images, loc = numbers([(1000, 1, 16, 16), (1000, 6)])
    expected = so.SpatialTransformer(images, loc, (16, 16))
    lazy = da.from_array(images, chunks=(25, 1, 16, 16))
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        np.testing.assert_array_equal(so.SpatialTransformer(lazy, loc, (16, 16)).compute(), expected)
        victim = next(iter(cluster.workers.values())).pid
        future = client.compute(so.SpatialTransformer(lazy.map_blocks(slowly, dtype="float32"), loc, (16, 16)))
        threading.Event().wait(1)
        os.kill(victim, 9)
        assert not future.done()
        np.testing.assert_array_equal(future.result(timeout=120), expected)
        assert victim not in [worker.pid for worker in cluster.workers.values()]
    record_property("table", ("Dask", ["1000 images on 2 processes", "one killed"], ["same bits", "same bits"]))
