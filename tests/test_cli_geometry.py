"""The command `warp`: where pixels move, the size of the result, and the order of both."""

import itertools

import numpy as np
import pytest
from click.testing import CliRunner

import spatial_op as so

pytest.importorskip("PIL")
imagecodecs = pytest.importorskip("imagecodecs")

from spatial_op.cli.geometry import Geometry  # noqa: E402
from spatial_op.cli.main import cli  # noqa: E402
from spatial_op.cli.values import Size  # noqa: E402

HEIGHT, WIDTH = 30, 41
VALUES = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)


@pytest.fixture
def warp(tmp_path):
    """The picture that options make of VALUES."""
    (tmp_path / "in.png").write_bytes(imagecodecs.png_encode(VALUES))

    def run(*options):
        result = CliRunner().invoke(
            cli, ["warp", str(tmp_path / "in.png"), str(tmp_path / "out.png"), *map(str, options)]
        )
        assert result.exit_code == 0, result.output
        return imagecodecs.png_decode((tmp_path / "out.png").read_bytes())

    return run


@pytest.fixture
def refused(tmp_path):
    """The last line of what is said when options cannot be."""
    (tmp_path / "in.png").write_bytes(imagecodecs.png_encode(VALUES))

    def run(*options):
        result = CliRunner().invoke(
            cli, ["warp", str(tmp_path / "in.png"), str(tmp_path / "out.png"), *map(str, options)]
        )
        assert result.exit_code in (1, 2) and not (tmp_path / "out.png").exists(), result.output
        return result.output.splitlines()[-1]

    return run


@pytest.mark.parametrize("degrees", [-90, 90, 180, 270, 450])
def test_expanded_quarter_turns_are_exact(warp, degrees):
    np.testing.assert_array_equal(warp("--rotate", degrees, "--expand"), np.rot90(VALUES, degrees // 90))


def test_an_expanded_turn_holds_the_whole_picture(warp):
    """As large as Pillow's, and nothing of a white picture is lost but by rounding."""
    out = warp("--rotate", 30, "--expand")
    turn = np.deg2rad(30)
    height = WIDTH * np.sin(turn) + HEIGHT * np.cos(turn)
    width = WIDTH * np.cos(turn) + HEIGHT * np.sin(turn)
    assert out.shape == (np.ceil(height), np.ceil(width), 3)
    assert abs(out.sum(dtype=float) / VALUES.sum(dtype=float) - 1) < 0.01
    cut = warp("--rotate", 30)
    assert cut.shape == VALUES.shape and cut.sum(dtype=float) < 0.95 * VALUES.sum(dtype=float)


def test_translations_move_right_and_down(warp):
    out = warp("--translate", "3,-2")
    np.testing.assert_array_equal(out[:-2, 3:], VALUES[2:, :-3])
    assert not out[-2:].any() and not out[:, :3].any()


def test_scales_keep_the_centre(warp):
    """A whole factor hits every pixel of the middle; below 0 mirrors; with --expand the canvas follows."""
    out = warp("--scale", 3)
    np.testing.assert_array_equal(out[HEIGHT // 2 - 2 :: 3, WIDTH // 2 :: 3][:1], out[13:14, 20::3])
    assert (out[:, WIDTH // 2] == warp("--scale", "1,3")[:, WIDTH // 2]).all()
    np.testing.assert_array_equal(warp("--scale", "-1,1"), VALUES[:, ::-1])
    np.testing.assert_array_equal(warp("--scale", "1,-1", "--expand"), VALUES[::-1])
    assert warp("--scale", "2,0.5", "--expand").shape == (HEIGHT // 2, 2 * WIDTH, 3)


def test_crops(warp):
    np.testing.assert_array_equal(warp("--crop", "10x12"), VALUES[:10, :12])
    np.testing.assert_array_equal(warp("--crop", "10x12+3+4"), VALUES[3:13, 4:16])
    beyond = warp("--crop", "34x43-2-1")
    np.testing.assert_array_equal(beyond[2:32, 1:42], VALUES)
    assert not beyond[:2].any() and not beyond[32:].any() and not beyond[:, :1].any()


@pytest.mark.parametrize(
    ("text", "shape"),
    [("60x82", (60, 82)), ("15x", (15, 20)), ("x82", (60, 82)), ("50%", (15, 20)), ("1x1", (1, 1)), ("0.1%", (1, 1))],
)
def test_sizes_resize(warp, text, shape):
    """All of the picture, as PyTorch's interpolation without align_corners has it."""
    out = warp("--size", text, "--border", "border")
    assert out.shape == (*shape, 3)
    rows, columns = ((np.arange(n) + 0.5) * m / n - 0.5 for n, m in zip(shape, (HEIGHT, WIDTH)))
    expected = so.warp(
        VALUES, padding_mode="border",
        displacement=np.stack(np.broadcast_arrays(columns - np.arange(shape[1]), (rows - np.arange(shape[0]))[:, None])),
    )  # fmt: skip
    assert abs(out.astype(int) - expected).max() <= 1


def test_a_size_that_is_the_pictures_own_changes_nothing(warp):
    np.testing.assert_array_equal(warp("--size", f"{HEIGHT}x{WIDTH}"), VALUES)
    np.testing.assert_array_equal(warp("--size", "100%"), VALUES)


CORNERS = np.array([[3, 2], [30.5, 4], [28, 26.25], [1, 24]])


def test_four_points_become_the_corners():
    matrix, (height, width) = Geometry(homography=tuple(CORNERS.ravel())).of(HEIGHT, WIDTH)
    lengths = np.hypot(*(np.roll(CORNERS, -1, 0) - CORNERS).T)
    assert (height, width) == (round(lengths[1::2].max()) + 1, round(lengths[::2].max()) + 1)
    corners = np.array([[0, 0, 1], [width - 1, 0, 1], [width - 1, height - 1, 1], [0, height - 1, 1]])
    x, y, scale = matrix @ corners.T
    np.testing.assert_allclose(np.stack([x, y], 1) / scale[:, None], CORNERS, atol=1e-12)


def test_four_points_of_a_rectangle_cut_it_out(warp):
    np.testing.assert_array_equal(warp("--homography", "4,3,20,3,20,12,4,12"), VALUES[3:13, 4:21])


def test_a_homography_by_rows_keeps_the_size(warp):
    rows = "1 0.1 2 0 1 0 0.001 0 1"
    np.testing.assert_array_equal(
        warp("--homography", rows), so.warp(VALUES, np.reshape([float(word) for word in rows.split()], (3, 3)))
    )


ALL = {
    "homography": tuple(CORNERS.ravel()),
    "affine": (1, 0.1, 2, 0, 0.9, 1),
    "rotate": 20.0,
    "scale": (1.5, 0.8),
    "expand": True,
    "translate": (3.0, -4.0),
    "crop": (40, 50, 2, -3),
    "size": Size(20, 30),
}


@pytest.mark.parametrize("left_out", [(), *itertools.combinations(ALL, 1), *itertools.combinations(ALL, 2)])
def test_steps_follow_one_another(left_out):
    """All together move a point as each alone, one after the other, moves it on the canvas of the one before."""
    steps = {name: value for name, value in ALL.items() if name not in left_out}
    matrix, size = Geometry(**steps).of(HEIGHT, WIDTH)
    chain, canvas = np.eye(3), (HEIGHT, WIDTH)
    for name, value in steps.items():
        if name == "expand":
            before = {key: steps[key] for key in list(steps)[: list(steps).index("expand") + 1]}
            chain, canvas = Geometry(**before).of(HEIGHT, WIDTH)
            continue
        step, canvas = Geometry(**{name: value}).of(*canvas)
        chain = chain @ step
    np.testing.assert_allclose(matrix / matrix[2, 2], chain / chain[2, 2], atol=1e-12)
    assert size == canvas


def test_the_order_on_the_command_line_is_no_matter(warp):
    one = warp("--rotate", 20, "--scale", "2,1", "--translate", "4,0", "--size", "50%")
    other = warp("--size", "50%", "--translate", "4,0", "--scale", "2,1", "--rotate", 20)
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("border", ["zeros", "border", "reflection", "wrap"])
def test_borders(warp, border):
    step = np.array([[1, 0, -7.0], [0, 1, 0]])
    out = warp("--translate", "7,0", "--border", border)
    np.testing.assert_array_equal(out, so.warp(VALUES, step, padding_mode=border))
    assert (out[:, :7] == 0).all() == (border == "zeros")
    np.testing.assert_array_equal(out, warp("--translate", "7,0", "--padding", border))


def test_options_that_cannot_be(refused):
    for options, words in (
        ((), "there is nothing to do; expected is at least one of --homography"),
        (("--homography", "0,0,10,0,10,10"), "has 6 numbers, expected 8 or 9"),
        (("--homography", "0,0,0,10,10,10,10,0"), "run counter-clockwise"),
        (("--homography", "0,0,10,0,3,3,0,10"), "no corners of a page"),
        (("--homography", "0,0,5,0,10,0,0,10"), "no corners of a page"),
        (("--rotate", "ten"), "'ten' has other words than numbers, expected 1, like 30."),
        (("--rotate", "inf"), "no finite number"),
        (("--scale", "0"), "leaves nothing of the picture"),
        (("--scale", "1,2,3"), "has 3 numbers, expected 1 or 2"),
        (("--translate", "3"), "has 1 number, expected 2"),
        (("--size", "x"), "expected height x width in pixels"),
        (("--size", "0%"), "expected height x width in pixels"),
        (("--crop", "10x0"), "expected height x width in pixels, like 480x640, and where they begin"),
        (("--crop", "10x10+3"), "and where they begin"),
        (("--affine", "1,0,0,1,0,0"), "'1,0,0,1,0,0' samples a line or a point of the picture only"),
        (
            ("--affine", "0,0,0,0,0,0"),
            "samples a line or a point of the picture only, expected a map like 1,0,20,0,1,0.",
        ),
        (("--homography", "1,0,0,0,1,0,0,0,0"), "a last row of zeros"),
        (
            ("--crop", "999999999999x5"),
            "has 999999999999 pixels, expected at most 2147483647; choose a smaller number.",
        ),
        (("--crop", "5x5+0-999999999999"), "has -999999999999 pixels, expected at most 2147483647"),
        (("--size", "999999999999x"), "has 999999999999 pixels, expected at most 2147483647"),
        (("--homography", "1,0,0,0,1,0,0.05,0,1", "--expand"), "the horizon of the homography crosses it"),
        (("--affine", "1e-12,0,0,0,1,0", "--expand"), "leave --expand out"),
        (("--scale", "2", "--size", "2000000000x"), "choose a smaller one"),
        (("--rotate", "3", "--borde", "no"), "No such option"),
        (("--rotate", "3", "--border", "no"), "is not one of 'zeros'"),
    ):
        line = refused(*options)
        assert line.startswith("Error: ") and words in line, line
