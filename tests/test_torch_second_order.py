"""PyTorch: double backward and its kin, beside PyTorch's own tools and its own samplers."""

import itertools

import pytest
from oracle import TORCH, rules_of
from second import CASES

import spatial_op as so

torch = pytest.importorskip("torch")
from torch.fx.experimental.proxy_tensor import make_fx  # noqa: E402
from torch.nn import functional  # noqa: E402

# PyTorch's own parts still use what it calls deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")

# One case of each operator.
SOME = (
    "SpatialTransformer-2-projective-bilinear-zeros",
    "GridGenerator-2-projective",
    "GridSampler-2-bicubic-reflection",
    "DeformableConvolution-DeformableConvolution-mxnet",
    "ModulatedDeformableConvolution-ModulatedDeformableConvolution-mxnet",
)


def case(name, grad=True):
    op, inputs, params = CASES[name]
    tensors = tuple(torch.tensor(value, requires_grad=grad) for value in inputs)
    return (lambda *values: op(*values, **params)), tensors


@pytest.mark.parametrize("name", CASES)
def test_gradgradcheck(name):
    """Reverse over reverse and forward over reverse."""
    function, inputs = case(name)
    torch.autograd.gradgradcheck(function, inputs, check_fwd_over_rev=True, check_rev_over_rev=True, fast_mode=True)


@pytest.mark.parametrize("name", SOME)
def test_all_orders_of_the_modes_agree(name):
    """A Hessian's products with a vector, in both modes over both modes, and under ``vmap``."""
    function, inputs = case(name, grad=False)
    torch.manual_seed(0)
    upper = torch.randn_like(function(*inputs))
    moves = tuple(map(torch.randn_like, inputs))
    places = tuple(range(len(inputs)))

    def loss(*values):
        return (function(*values).tanh() * upper).sum()

    def slope(*values):
        return torch.func.jvp(loss, values, moves)[1]

    expected = torch.func.jvp(torch.func.grad(loss, places), inputs, moves)[1]
    _, pull = torch.func.vjp(torch.func.grad(loss, places), *inputs)
    found = [torch.func.grad(slope, places)(*inputs), pull(moves)]
    for products in found:
        for one, other in zip(products, expected):
            torch.testing.assert_close(one, other)
    twice = torch.func.jvp(slope, inputs, moves)[1]
    torch.testing.assert_close(twice, sum((one * move).sum() for one, move in zip(expected, moves)))
    several = tuple(torch.stack([move, -2 * move]) for move in moves)
    mapped = torch.func.vmap(lambda *moves: torch.func.jvp(torch.func.grad(loss, places), inputs, moves)[1])(*several)
    for one, other in zip(mapped, expected):
        torch.testing.assert_close(one, torch.stack([other, -2 * other]))


def test_hessian_of_parameters():
    """The whole matrix, in all four ways; it is symmetric."""
    function, (data, loc) = case(SOME[0], grad=False)
    modes = torch.func.jacfwd, torch.func.jacrev

    def loss(loc):
        return function(data, loc).square().sum()

    found = [outer(inner(loss))(loc) for outer, inner in itertools.product(modes, modes)]
    for hessian in found:
        torch.testing.assert_close(hessian, found[0])
    torch.testing.assert_close(found[0], found[0].permute(2, 3, 0, 1))
    assert found[0].abs().max() > 1
    for product in (torch.autograd.functional.hvp, torch.autograd.functional.vhp):
        torch.testing.assert_close(product(loss, loc, torch.ones_like(loc))[1], found[0].sum((2, 3)))


def second_gradients(function, inputs):
    """Gradients of a penalty on gradients, which meets every second derivative."""
    inputs = [value.detach().clone().requires_grad_() for value in inputs]
    grads = torch.autograd.grad(function(*inputs).square().sum(), inputs, create_graph=True)
    return torch.autograd.grad(sum(grad.square().sum() for grad in grads), inputs)


@pytest.mark.parametrize(("axes", "sampler_type", "padding_mode", "align_corners"), [
    *((axes, *rule.values) for axes in (2, 3) for rule in rules_of(TORCH, axes)),
])  # fmt: skip
def test_beside_the_samplers_of_pytorch(axes, sampler_type, padding_mode, align_corners):
    torch.manual_seed(1)
    data = torch.randn(2, 3, *(4, 5, 6)[:axes], dtype=torch.float64)
    grid = 2.6 * torch.rand(2, axes, *(5, 3, 4)[:axes], dtype=torch.float64) - 1.3

    def mine(data, grid):
        return so.GridSampler(data, grid, sampler_type, padding_mode=padding_mode, align_corners=align_corners)

    def theirs(data, grid):
        return functional.grid_sample(
            data, grid.movedim(1, -1), TORCH.samplers[sampler_type], padding_mode, align_corners=align_corners
        )

    def ours(data, grid):
        mode = TORCH.samplers[sampler_type]
        return so.torch.grid_sample(data, grid.movedim(1, -1), mode, padding_mode, align_corners)

    expected = second_gradients(theirs, (data, grid))
    for function in (mine, ours):
        for one, other in zip(second_gradients(function, (data, grid)), expected):
            torch.testing.assert_close(one, other)


def warped(data, theta):
    """What the next two tests train, by PyTorch's own functions."""
    grid = functional.affine_grid(theta.unflatten(1, (2, 3)), [*data.shape[:2], 5, 18], align_corners=True)
    return functional.grid_sample(data, grid, align_corners=True)


def test_gradient_penalty():
    """The loss R1: the squared gradient with respect to real images, differentiated by the transform."""
    function, inputs = case("SpatialTransformer-2-affine-bilinear-zeros")
    results = []
    for sample in (function, warped):
        data, loc = inputs
        score = torch.nn.functional.softplus(sample(data, loc).sum((2, 3))).sum()
        (grad,) = torch.autograd.grad(score, data, create_graph=True)
        results.append(torch.autograd.grad(grad.square().sum(), (data, loc)))
    for one, other in zip(*results):
        torch.testing.assert_close(one, other)
        assert one.abs().max() > 1e-3


def test_learning_to_learn():
    """MAML: through two steps of gradient descent to where they began."""
    function, inputs = case("SpatialTransformer-2-affine-bilinear-zeros")
    results = []
    for sample in (function, warped):
        data, loc = inputs
        moved = loc
        for _ in range(2):
            (grad,) = torch.autograd.grad(sample(data, moved).square().mean(), moved, create_graph=True)
            moved = moved - 0.05 * grad
        results.append(torch.autograd.grad(sample(data, moved).square().mean(), (data, loc)))
    for one, other in zip(*results):
        torch.testing.assert_close(one, other)
        assert one.abs().max() > 1e-3


@pytest.mark.parametrize("name", SOME)
def test_second_derivatives_are_linear_in_what_they_are_multiplied_with(name):
    """So PyTorch can differentiate them by that, as ``torch.autograd.functional.hvp`` does."""
    function, inputs = case(name, grad=False)
    torch.manual_seed(2)
    upper = torch.randn_like(function(*inputs)).requires_grad_()
    moves = tuple(torch.randn_like(value).requires_grad_() for value in inputs)

    def products(upper, *moves):
        """Of the second derivative with tangents."""
        return torch.func.jvp(lambda *values: torch.func.vjp(function, *values)[1](upper), inputs, moves)[1]

    def tangent(*moves):
        """The second tangent, along the tangents twice."""
        slope = lambda *values: torch.func.jvp(function, values, moves)[1]  # noqa: E731
        return torch.func.jvp(slope, inputs, moves)[1]

    torch.autograd.gradcheck(products, (upper, *moves), fast_mode=True)
    torch.autograd.gradcheck(tangent, moves, fast_mode=True)
    upper, *moves = (value.detach() for value in (upper, *moves))
    change, *changes = map(torch.randn_like, (upper, *moves))
    _, both = torch.func.jvp(products, (upper, *moves), (change, *changes))
    for one, first, second in zip(both, products(change, *moves), products(upper, *changes)):
        torch.testing.assert_close(one, first + second)
    _, one = torch.func.jvp(tangent, tuple(moves), tuple(changes))
    sums = [move + change for move, change in zip(moves, changes)]
    torch.testing.assert_close(one, tangent(*sums) - tangent(*moves) - tangent(*changes))


@pytest.mark.parametrize("name", SOME)
def test_what_is_traced_is_differentiated_twice(name):
    """By the operators that graphs are made of."""
    function, inputs = case(name)
    traced = torch.jit.trace(function, inputs, check_trace=False)
    for one, other in zip(second_gradients(traced, inputs), second_gradients(function, inputs)):
        assert torch.equal(one, other)

    def penalty(*values):
        grads = torch.autograd.grad(function(*values).square().sum(), values, create_graph=True)
        return torch.autograd.grad(sum(grad.square().sum() for grad in grads), values)

    graph = make_fx(penalty)(*inputs)
    for one, other in zip(graph(*inputs), penalty(*inputs)):
        assert torch.equal(one, other)
    assert any("_backward_tangent" in str(node.target) for node in graph.graph.nodes)


@pytest.mark.parametrize("name", SOME)
def test_a_third_derivative_is_refused(name):
    function, inputs = case(name)
    (grad,) = torch.autograd.grad(function(*inputs).square().sum(), inputs[-1], create_graph=True)
    seconds = torch.autograd.grad(grad.square().sum(), inputs, create_graph=True)
    sentence = (
        rf"^{name.partition('-')[0]}: a third derivative is not available, .*; call detach\(\) on second derivatives\.$"
    )
    with pytest.raises(NotImplementedError, match=sentence):
        sum(second.sum() for second in seconds).backward()


@pytest.mark.parametrize("modes", list(itertools.product((torch.func.jacfwd, torch.func.jacrev), repeat=3)))
def test_a_third_derivative_is_refused_in_all_orders_of_the_modes(modes):
    function, inputs = case("GridGenerator-2-projective", grad=False)
    derivative = lambda loc: function(loc).square().sum()  # noqa: E731
    for mode in modes:
        derivative = mode(derivative)
    with pytest.raises(NotImplementedError, match="a third derivative is not available"):
        derivative(*inputs)


def test_the_third_derivative_along_the_images_is_there():
    """The result is linear in them."""
    function, (data, loc) = case(SOME[0], grad=False)

    def loss(scale):
        return function(scale * data, loc).pow(3).sum()

    third = torch.func.grad(torch.func.grad(torch.func.grad(loss)))(torch.tensor(2.0, dtype=torch.float64))
    torch.testing.assert_close(third, 6 * function(data, loc).pow(3).sum())
