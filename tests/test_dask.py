"""Dask: lazy batches, on a cluster too."""

import os
import threading
import time

import numpy as np
import pytest

import spatial_op as so

pytest.importorskip("dask")
from dask import array as da

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
    from spatial_op.kernels import threads

    images, loc = np.ones((4, 3, 256, 256), "float32"), so.identity_loc("affine", batch=4)
    asked = []
    original = threads.threads_for

    def noted(*arguments):
        asked.append(original(*arguments))
        return asked[-1]

    monkeypatch.setattr(threads, "threads_for", noted)
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
