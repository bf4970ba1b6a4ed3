"""Shapes without numbers take no memory, whatever the framework, the operator, the dtype and the size.

Each framework is tried in a process of its own, which may not grow by what a single one of the arrays would take.
"""

import importlib.util
import textwrap

import numpy as np
import programs
import pytest

import spatial_op as so

PROGRAM = '''
import importlib, pathlib, resource, tracemalloc, warnings
warnings.simplefilter("ignore")

SIDE = 20_000
GROWTH = 256 * 2**20  # bytes, less than a third of an image of float16

def cases(side):
    """Operator, parameters, and shapes: of every operator, and of what its parameters change."""
    image, flow = (1, 1, side, side), (1, 2, side, side)
    filters = {"kernel": (1, 1), "num_filter": 1}
    yield so.SpatialTransformer, {"target_shape": (side, side)}, image, (1, 6)
    yield so.SpatialTransformer, {"target_shape": (side, side), "transform_type": "projective", "padding_mode": "border"}, image, (1, 8)
    yield so.SpatialTransformer, {"target_shape": (side, side), "transform_type": "tps", "sampler_type": "bicubic"}, image, (1, 32)
    yield so.SpatialTransformer, {"target_shape": (2, side, side)}, (1, 1, 2, side, side), (1, 12)
    yield so.GridGenerator, {"transform_type": "affine", "target_shape": (side, side)}, (1, 6)
    yield so.GridGenerator, {"transform_type": "tps", "target_shape": (side, side)}, (1, 32)
    yield so.GridGenerator, {"transform_type": "warp"}, flow
    yield so.GridSampler, {"sampler_type": "nearest"}, image, flow
    yield so.BilinearSampler, {}, image, flow
    yield so.DeformableConvolution, {**filters, "no_bias": True}, image, flow, (1, 1, 1, 1)
    yield so.ModulatedDeformableConvolution, filters, image, flow, image, (1, 1, 1, 1), (1,)
    volume = (1, 1, 2, side, side)
    yield so.DeformableConvolution, {"kernel": (1, 1, 1), "num_filter": 1, "no_bias": True}, volume, (1, 3, *volume[2:]), (1,) * 5

def expected(op, params, shape):
    """The shape of the result."""
    if op is so.GridGenerator:
        return (1, 2, *params["target_shape"]) if "target_shape" in params else shape
    return (*shape[:2], *params.get("target_shape", shape[2:]))

def memory(name):
    """Bytes that the system counts: VmSize, the address space, or VmHWM, the most memory that was ever used."""
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(name))

def every(*ways):
    """Call each way's ``describe`` for its dtypes, first with small shapes, which load what there is to load, then with large ones.

    These must take nothing. Of the cases it meets every ``step``-th one.
    """
    for side in (8, SIDE):
        if side == SIDE:
            size, used = memory("VmSize"), memory("VmHWM")
            resource.setrlimit(resource.RLIMIT_AS, (size + GROWTH, size + GROWTH))
            tracemalloc.start()
        for describe, dtypes, step in ways:
            for op, params, *shapes in list(cases(side))[::step]:
                for dtype in dtypes:
                    shape = tuple(describe(op, params, shapes, dtype).shape)
                    assert shape == expected(op, params, shapes[0]), (describe.__name__, op, dtype, shape)
    assert tracemalloc.get_traced_memory()[1] < GROWTH / 4, tracemalloc.get_traced_memory()
    assert memory("VmHWM") < used + GROWTH, (memory("VmHWM"), used)
    print("well")
'''

FRAMEWORKS = {
    "torch": """
        import torch
        from torch._subclasses import FakeTensorMode
        def empty(shapes, dtype, **kind):
            return [torch.empty(shape, dtype=getattr(torch, dtype), **kind) for shape in shapes]
        def meta(op, params, shapes, dtype):
            return op(*empty(shapes, dtype, device="meta"), **params)
        def with_gradients(op, params, shapes, dtype):
            inputs = empty(shapes, dtype, device="meta", requires_grad=True)
            out = op(*inputs, **params)
            for value, grad in zip(inputs, torch.autograd.grad(out.sum(), inputs)):
                assert grad.shape == value.shape and grad.dtype == value.dtype and grad.is_meta
            return out
        def fake(op, params, shapes, dtype):
            with FakeTensorMode():
                return op(*empty(shapes, dtype), **params)
        class Module(torch.nn.Module):
            def forward(self, *inputs):
                return self.op(*inputs, **self.params)
        def exported(op, params, shapes, dtype):
            module = Module()
            module.op, module.params = op, params
            graph = torch.export.export(module, tuple(empty(shapes, dtype, device="meta"))).graph
            return [node for node in graph.nodes if node.op == "call_function"][-1].meta["val"]
        def compiled(op, params, shapes, dtype):
            torch.compiler.reset()
            inputs = empty(shapes, dtype, device="meta")
            return torch.compile(lambda *inputs: op(*inputs, **params), fullgraph=True, backend="eager")(*inputs)
        every(
            (meta, ["float16", "bfloat16", "float32", "float64"], 1),
            (with_gradients, ["float16", "float64"], 1),
            (fake, ["float16", "bfloat16", "float32", "float64"], 1),
            (exported, ["float16"], 3),
            (compiled, ["float16"], 3),
        )
    """,
    "jax": """
        import jax
        jax.config.update("jax_enable_x64", True)
        def evaluated(op, params, shapes, dtype):
            inputs = [jax.ShapeDtypeStruct(shape, dtype) for shape in shapes]
            call = lambda *inputs: op(*inputs, **params)
            grads = jax.eval_shape(jax.grad(lambda *inputs: call(*inputs).sum(), tuple(range(len(inputs)))), *inputs)
            assert [(grad.shape, grad.dtype) for grad in grads] == [(value.shape, value.dtype) for value in inputs]
            return jax.eval_shape(call, *inputs)
        def lowered(op, params, shapes, dtype):
            inputs = [jax.ShapeDtypeStruct(shape, dtype) for shape in shapes]
            return jax.jit(lambda *inputs: op(*inputs, **params)).lower(*inputs).out_info
        every(*((describe, ["float16", "bfloat16", "float32", "float64"], 1) for describe in (evaluated, lowered)))
    """,
    "dask": """
        import dask.array as da
        def lazy(op, params, shapes, dtype):
            inputs = [da.zeros(shape, dtype=dtype, chunks=tuple(min(size, 2000) for size in shape)) for shape in shapes]
            out = op(*inputs, **params)
            assert out.dtype == dtype
            return out
        every((lazy, ["float16", "float32", "float64"], 1))
    """,
    "mxnet": """
        import mxnet as mx
        class Result:
            pass
        def symbol(op, params, shapes, dtype):
            names = op.operator.inputs[: len(shapes)]
            symbol = op(*map(mx.sym.var, names), **params)
            result = Result()
            result.shape = symbol.infer_shape(**dict(zip(names, shapes)))[1][0]
            return result
        every((symbol, ["float32"], 1))
    """,
}


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_shape_takes_no_memory(framework):
    if importlib.util.find_spec(framework) is None:
        pytest.skip(f"{framework} is not installed")
    code = f"{PROGRAM}\n{textwrap.dedent(FRAMEWORKS[framework])}"
    assert programs.run(code, None, PYTHONWARNINGS="ignore").strip().endswith("well")


TOO_LARGE = r"expected fewer than 2\*\*60 numbers, since no memory has more; pass smaller sizes\."


def test_sizes_beyond_any_memory_are_refused():
    data, loc = np.ones((4, 1, 2, 2), "float32"), so.identity_loc("affine", 4)
    vast = (2**31 - 1, 2**30)
    with pytest.raises(ValueError, match=rf"^SpatialTransformer: the result has shape \(4, 1, .*\), {TOO_LARGE}$"):
        so.SpatialTransformer(data, loc, vast)
    with pytest.raises(ValueError, match=rf"^GridGenerator: the result has shape \(4, 2, .*\), {TOO_LARGE}$"):
        so.GridGenerator(loc, "affine", vast)
    jax = pytest.importorskip("jax")
    with pytest.raises(ValueError, match=rf"^SpatialTransformer: the result has shape \(4, 1, .*\), {TOO_LARGE}"):
        jax.eval_shape(lambda *inputs: so.SpatialTransformer(*inputs, vast), data, loc)
    vast = [jax.ShapeDtypeStruct(shape, "float32") for shape in ((4, 2**20, 2**20, 2**20), (4, 2, 3, 3))]
    with pytest.raises(ValueError, match=rf"^GridSampler: data has shape \(4, .*\), {TOO_LARGE}"):
        jax.eval_shape(so.GridSampler, *vast)


def test_numbers_are_read_when_they_are_needed():
    """What ``vjp`` promises: the result, and pull backs in any number, of inputs in any dtype and layout."""
    rng = np.random.default_rng(0)
    data = rng.random((2, 3, 6, 5), "float32").astype("float16").transpose(0, 1, 3, 2)
    loc = so.identity_loc("affine", 2, "float16") + rng.uniform(-0.1, 0.1, (2, 6)).astype("float16")
    params = {"target_shape": (4, 4)}
    out, pullback = so.vjp(so.SpatialTransformer, data, loc, **params)
    grads = pullback(out)
    again, wide = pullback(out), so.vjp(so.SpatialTransformer, data.astype("float32"), loc.astype("float32"), **params)
    np.testing.assert_array_equal(out, wide[0].astype("float16"))
    for one, other, exact in zip(grads, again, wide[1](out.astype("float32"))):
        np.testing.assert_array_equal(one, other)
        np.testing.assert_allclose(one.astype("float32"), exact, rtol=2e-3, atol=2e-3)
