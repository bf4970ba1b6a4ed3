"""PyTorch's own functions beside those of the same names: values and gradients in float64, and what is refused.

The tables follow the descriptions of PyTorch's tests: the samples of its operators' database, and those of ``test_nn.py``.
"""

import itertools
import math

import numpy as np
import pytest

import spatial_op as so

torch = pytest.importorskip("torch")
from spatial_op.torch import affine_grid, affine_grid_sample, grid_sample  # noqa: E402

functional = torch.nn.functional
BOUND = 1e-12
MODES, PADDINGS, CORNERS = ("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection"), (False, True)
TITLE = "PyTorch's samples of its functions, run with ours in their place"

# Shapes of images and grids, and the range of coordinates: the operators' database, then what test_nn.py looks at besides.
SHAPES = {
    "square": ((2, 3, 5, 5), (2, 5, 5, 2), 2),
    "oblong": ((2, 3, 5, 20), (2, 13, 10, 2), 2),
    "cubes": ((2, 3, 5, 5, 5), (2, 5, 5, 5, 3), 2),
    "one point of a volume": ((1, 1, 2, 2, 2), (1, 1, 1, 1, 3), 4),
    "long volumes": ((3, 4, 5, 6, 7), (3, 12, 11, 10, 3), 4),
    "one pixel": ((2, 3, 1, 1), (2, 4, 4, 2), 2),
    "one row": ((2, 3, 1, 7), (2, 4, 4, 2), 2),
    "one column of a volume": ((2, 3, 6, 1, 1), (2, 3, 4, 5, 3), 2),
    "many channels": ((1, 37, 6, 5), (1, 7, 19, 2), 2),
    "no channels": ((2, 0, 4, 4), (2, 3, 3, 2), 2),
    "no images": ((0, 3, 4, 4), (0, 3, 3, 2), 2),
    "no points": ((2, 3, 4, 4), (2, 0, 3, 2), 2),
}


def drawn(shape, grid_shape, reach, on_pixels=False, seed=0):
    """Images, a grid, and what gradients are pulled back from. Points on pixels lie at the kinks of samplers and paddings."""
    generator = torch.Generator().manual_seed(seed)
    data = torch.rand(shape, generator=generator, dtype=torch.float64) * 4 - 2
    grid = (torch.rand(grid_shape, generator=generator, dtype=torch.float64) * 2 - 1) * reach
    if on_pixels:
        grid = (grid * 8).round() / 8
    return data, grid, torch.rand((*shape[:2], *grid_shape[1:-1]), generator=generator, dtype=torch.float64)


def pulled(function, upper, *inputs):
    """Result and gradients."""
    inputs = [value.clone().requires_grad_() for value in inputs]
    out = function(*inputs)
    return [out.detach(), *torch.autograd.grad(out, inputs, upper)]


def furthest(found, expected):
    """The largest difference, and that all else is alike."""
    assert [value.shape for value in found] == [value.shape for value in expected]
    assert [value.dtype for value in found] == [value.dtype for value in expected]
    return max([0.0, *(float((a - b).abs().max()) for a, b in zip(found, expected) if a.numel())])


@pytest.mark.parametrize("on_pixels", [False, True])
@pytest.mark.parametrize("name", SHAPES)
def test_samples(name, on_pixels, record_property):
    shape, grid_shape, reach = SHAPES[name]
    data, grid, upper = drawn(shape, grid_shape, reach, on_pixels)
    worst, count = 0.0, 0
    for mode, padding, corners in itertools.product(MODES, PADDINGS, CORNERS):
        if len(shape) == 5 and mode == "bicubic":  # which PyTorch does not have
            continue
        options = {"mode": mode, "padding_mode": padding, "align_corners": corners}
        expected = pulled(lambda *inputs, o=options: functional.grid_sample(*inputs, **o), upper, data, grid)
        found = pulled(lambda *inputs, o=options: grid_sample(*inputs, **o), upper, data, grid)
        difference, count = furthest(found, expected), count + 1
        assert difference < BOUND * max(1, *shape[2:]), options
        worst = max(worst, difference)
    words = f"{name}, {'on' if on_pixels else 'between'} pixels", f"{count}", f"{count}", f"{worst:.1e}"
    record_property("table", (TITLE, ("", "run", "equal", "largest difference"), words))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_the_rotated_picture(dtype):
    """The database's reference sample: no less exact than the result's dtype, at coordinates in float32."""
    dtype = getattr(torch, dtype)
    turn = math.radians(45)
    rows = [[math.cos(turn) / 1.23, math.sin(turn), 0], [-math.sin(turn), math.cos(turn) / 1.34, 0]]
    theta, size = torch.tensor([rows] * 2, dtype=torch.float64), (2, 3, 345, 456)
    data = torch.arange(math.prod(size)).reshape(size).to(torch.uint8).to(torch.float64)
    grid = functional.affine_grid(theta, size, align_corners=False).to(dtype)
    expected = functional.grid_sample(data, grid.double(), align_corners=False)
    found = grid_sample(data.to(dtype), grid, align_corners=False)
    assert found.dtype == dtype
    assert float((found.double() - expected).abs().max()) <= 255 * (torch.finfo(dtype).eps + 456 * 2.0**-23)


@pytest.mark.parametrize("corners", CORNERS)
@pytest.mark.parametrize(
    "size", [(2, 3, 4, 5), (1, 1, 1, 1), (3, 1, 1, 9), (2, 2, 3, 4, 5), (1, 1, 1, 7, 1), (2, 1, 70, 65)]
)
def test_affine_grids(size, corners):
    axes = len(size) - 2
    theta = torch.rand((size[0], axes, axes + 1), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    upper = torch.rand((size[0], *size[2:], axes), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    options = {"size": size, "align_corners": corners}
    found = pulled(lambda theta: affine_grid(theta, **options), upper, theta)
    with pytest.warns(UserWarning) if corners and 1 in size[2:] else nothing():
        expected = pulled(lambda theta: functional.affine_grid(theta, **options), upper, theta)
    assert furthest(found, expected) < 1e-11
    assert affine_grid(theta, **options).is_contiguous()


class nothing:
    """A block like any other."""

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return False


@pytest.mark.parametrize("mode, padding, corners", list(itertools.product(MODES, PADDINGS, CORNERS)))
@pytest.mark.parametrize("axes", [2, 3])
def test_affine_grid_and_samples_in_one(axes, mode, padding, corners):
    if axes == 3 and mode == "bicubic":
        pytest.skip("PyTorch has none")
    sizes = (2, 3, 6, 7, 5)[: axes + 2]
    data, _, _ = drawn(sizes, (2, 1, 2), 1)
    target = (2, 3, 4, 9, 8)[: axes + 2]
    theta = torch.rand((2, axes, axes + 1), generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    upper = torch.rand(target, generator=torch.Generator().manual_seed(4), dtype=torch.float64)

    def apart(data, theta):
        grid = functional.affine_grid(theta, target, align_corners=corners)
        return functional.grid_sample(data, grid, mode, padding, corners)

    found = pulled(lambda *given: affine_grid_sample(*given, target, mode, padding, corners), upper, data, theta)
    assert furthest(found, pulled(apart, upper, data, theta)) < 1e-11


@pytest.mark.parametrize("padding, corners", list(itertools.product(PADDINGS, CORNERS)))
def test_bicubic_volumes(padding, corners):
    """Which PyTorch does not have: the operator's, whose coordinates come first."""
    data, grid, upper = drawn((2, 3, 4, 5, 6), (2, 3, 4, 7, 3), 1.3)
    found = pulled(lambda *given: grid_sample(*given, "bicubic", padding, corners), upper, data, grid)
    words = {"sampler_type": "bicubic", "padding_mode": padding, "align_corners": corners}
    out, pullback = so.vjp(so.GridSampler, data.numpy(), grid.movedim(-1, 1).numpy(), **words)
    grad_data, grad_grid = pullback(upper.numpy())
    for one, other in zip(found, (out, grad_data, np.moveaxis(grad_grid, 1, -1))):
        np.testing.assert_array_equal(one.detach().numpy(), other)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("mode, padding", list(itertools.product(MODES, PADDINGS)))
def test_points_that_are_no_number(mode, padding, value):
    """As PyTorch's forward pass; its backward pass reads memory that is not there for some of these."""
    data, grid, upper = drawn((1, 2, 4, 5), (1, 3, 5, 2), 1)
    for axis in range(2):
        odd = grid.clone()
        odd[0, 1, 2, axis] = value
        expected = functional.grid_sample(data, odd, mode, padding, align_corners=True)
        found, data_grad, grid_grad = pulled(lambda *given: grid_sample(*given, mode, padding, True), upper, data, odd)
        assert torch.allclose(found, expected, rtol=1e-12, atol=1e-12, equal_nan=True)
        lost = found.isnan()
        assert lost.any() == (mode == "bicubic" or (mode == "bilinear" and padding == "zeros"))
        assert grid_grad[0, 1, 2].isnan().all() == lost.any()
        if not lost.any():
            assert data_grad.isfinite().all() and grid_grad[0, 1, 2, axis] == 0


@pytest.mark.parametrize("layout", ["contiguous", "planes", "sliced", "expanded", "turned"])
def test_no_grid_is_copied(layout, monkeypatch):
    """Grids as PyTorch has them, and as the operators have them, are read where they lie; so do gradients."""
    data, grid, upper = drawn((2, 3, 6, 7), (2, 8, 9, 2), 1)
    wanted = functional.grid_sample(data, grid, align_corners=False)
    grid = {
        "contiguous": grid,
        "planes": grid.movedim(-1, 1).contiguous().movedim(1, -1),
        "sliced": torch.stack([grid, grid], 1)[:, 0],
        "expanded": grid[:1].expand(2, -1, -1, -1),
        "turned": grid.transpose(1, 2).contiguous().transpose(1, 2),
    }[layout]
    if layout == "expanded":
        wanted = functional.grid_sample(data, grid, align_corners=False)
    copied = []
    whole = so.operators.memory.plain
    monkeypatch.setattr(so.operators.memory, "plain", lambda *given: copied.append(given) or whole(*given))
    assert furthest([grid_sample(data, grid, align_corners=False)], [wanted]) < BOUND
    assert bool(copied) == (layout == "turned")
    found = pulled(lambda grid: grid_sample(data, grid, align_corners=False), upper, grid)[1]
    assert (
        furthest([found], pulled(lambda grid: functional.grid_sample(data, grid, align_corners=False), upper, grid)[1:])
        < 1e-11
    )
    if layout in ("contiguous", "planes"):
        assert found.stride() == grid.stride()


IMAGE, GRID, THETA = torch.ones(2, 3, 4, 5), torch.zeros(2, 6, 7, 2), torch.zeros(2, 2, 3)

# What PyTorch refuses: function, arguments, error, and the sentence after the function's name.
REFUSED = {
    "unknown mode": (grid_sample, (IMAGE, GRID, "cubic"), ValueError,
                     "mode is 'cubic', which is not known; use 'bilinear', 'nearest' or 'bicubic'."),
    "unknown padding": (grid_sample, (IMAGE, GRID, "bilinear", "wrap"), ValueError,
                        "padding_mode is 'wrap', which is not known; use 'zeros', 'border' or 'reflection'."),
    "no tensor": (grid_sample, (IMAGE.numpy(), GRID), TypeError,
                  "input is a numpy.ndarray, expected a torch.Tensor; convert it with torch.as_tensor(input)."),
    "no batch": (grid_sample, (IMAGE[0], GRID), ValueError,
                 "input has shape (3, 4, 5), expected 4 axes (batch, channels, height, width) or 5 axes (batch, channels, depth, height, width); "
                 "add the missing axes in front with input[None]."),
    "grid of volumes": (grid_sample, (IMAGE, torch.zeros(2, 6, 7, 8, 3)), ValueError,
                        "grid has shape (2, 6, 7, 8, 3) and input 4 axes, expected (N, H, W, 2) with x and y last; pass a torch.Tensor of 4 axes."),
    "planes": (grid_sample, (IMAGE, GRID.movedim(-1, 1)), ValueError,
               "grid has shape (2, 2, 6, 7), expected (N, H, W, 2) with x and y last; move them there with grid.permute(0, 2, 3, 1)."),
    "three coordinates": (grid_sample, (IMAGE, torch.zeros(2, 6, 7, 3)), ValueError,
                          "grid has shape (2, 6, 7, 3), expected (N, H, W, 2) with x and y last; pass 2 numbers for each point."),
    "one grid": (grid_sample, (IMAGE, GRID[:1]), ValueError,
                 "grid has shape (1, 6, 7, 2) and input has shape (2, 3, 4, 5), expected one grid for each image; "
                 "repeat the one with grid.expand(2, -1, -1, -1)."),
    "narrow grid": (grid_sample, (IMAGE, GRID.half()), TypeError,
                    "grid has dtype float16 and input has dtype float32, expected grid to be at least as precise; "
                    "convert it with grid.to(input.dtype)."),
    "another half": (grid_sample, (IMAGE.half(), GRID.bfloat16()), TypeError,
                     "grid has dtype bfloat16 and input has dtype float16, expected grid to be at least as precise; "
                     "convert it with grid.to(input.dtype)."),
    "integers": (grid_sample, (IMAGE.int(), GRID), TypeError,
                 "input has dtype int32, expected 'float16', 'float32' or 'float64'; convert it with input.to(torch.float32)."),
    "size of an image": (affine_grid, (THETA, (4, 5)), ValueError,
                         "size is (4, 5), expected (N, C, H, W) or (N, C, D, H, W); pass for example size=(1, 1, 28, 28)."),
    "size of nothing": (affine_grid, (THETA, (2, 3, 0, 5)), ValueError, "size[2] is 0, expected at least 1; pass a larger number."),
    "square matrices": (affine_grid, (torch.zeros(2, 3, 3), (2, 3, 4, 5)), ValueError,
                        "theta has shape (2, 3, 3), expected (2, 2, 3) for size (2, 3, 4, 5); leave out each last row with theta[:, :2]."),
    "rows": (affine_grid, (torch.zeros(2, 6), (2, 3, 4, 5)), ValueError,
             "theta has shape (2, 6), expected (2, 2, 3) for size (2, 3, 4, 5); make rows matrices with theta.reshape(-1, 2, 3)."),
    "integer matrices": (affine_grid, (THETA.int(), (2, 3, 4, 5)), TypeError,
                         "theta has dtype int32, expected 'float16', 'float32' or 'float64'; convert it with theta.to(torch.float32)."),
    "another number of images": (affine_grid_sample, (IMAGE, THETA[:1], (1, 3, 4, 5)), ValueError,
                                 "size is (1, 3, 4, 5) and input has shape (2, 3, 4, 5), expected as many images of as many axes; "
                                 "pass (N, C, ...) with N=2 and 2 sizes of the result."),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    function, inputs, error, sentence = REFUSED[name]
    with pytest.raises(error) as caught:
        function(*inputs, align_corners=False)
    assert str(caught.value) == f"{function.__name__}: {sentence}"
    if function is not affine_grid_sample and name not in ("no tensor", "integer matrices"):
        theirs = getattr(functional, function.__name__)
        with pytest.raises((RuntimeError, ValueError, NotImplementedError)):
            theirs(*inputs, align_corners=False)


@pytest.mark.parametrize("function, inputs", [(grid_sample, (IMAGE, GRID)), (affine_grid, (THETA, (2, 3, 4, 5)))])
def test_the_corner_rule_is_false_with_a_warning(function, inputs):
    with pytest.warns(UserWarning, match=f"{function.__name__}: align_corners is not given"):
        found = function(*inputs)
    assert torch.equal(found, function(*inputs, align_corners=False))


@pytest.mark.parametrize("grid_dtype", ["float32", "float64"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_images_at_precise_grids(dtype, grid_dtype):
    """Which PyTorch refuses. A half grid cannot tell the pixels of an image of 3,000 apart."""
    dtype, grid_dtype = getattr(torch, dtype), getattr(torch, grid_dtype)
    data = torch.arange(3000.0).remainder(7).reshape(1, 1, 1, -1).to(dtype).requires_grad_()
    grid = affine_grid(torch.eye(3, dtype=grid_dtype)[None, :2], data.shape, align_corners=False).requires_grad_()
    out = grid_sample(data, grid, align_corners=False)
    assert out.dtype == dtype and torch.equal(out, data)
    out.sum().backward()
    assert data.grad.dtype == dtype and grid.grad.dtype == grid_dtype


def test_autocast():
    """Samples in float32, as PyTorch."""
    data, grid, _ = drawn((2, 3, 5, 6), (2, 4, 4, 2), 1)
    data, grid = data.bfloat16(), grid.float()
    with torch.autocast("cpu", torch.bfloat16):
        found = grid_sample(data, grid, align_corners=False)
        expected = functional.grid_sample(data, grid, align_corners=False)
    assert found.dtype == expected.dtype == torch.float32
    assert torch.allclose(found, expected, atol=1e-6)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # PyTorch's own parts use what it calls so
def test_transformations():
    """vmap, forward mode, and a function of a function: what the operators know, their PyTorch names do too."""
    data, grid, _ = drawn((3, 2, 4, 5), (3, 6, 7, 2), 1)
    mapped = torch.func.vmap(lambda *one: grid_sample(*(x[None] for x in one), align_corners=False)[0])(data, grid)
    assert torch.allclose(mapped, grid_sample(data, grid, align_corners=False), rtol=1e-14)
    change = torch.ones_like(grid)
    moved = torch.func.jvp(lambda grid: grid_sample(data, grid, align_corners=False), (grid,), (change,))[1]
    step = 1e-6
    near = [grid_sample(data, grid + sign * step * change, align_corners=False) for sign in (1, -1)]
    np.testing.assert_allclose(moved, (near[0] - near[1]) / (2 * step), atol=1e-6)
