import math

import numpy as np
import pytest

import recon
from mpisim import Grid, InputError
from recon.phantoms import PHANTOMS, Disc, Rectangle

GRID = Grid((23, 32), (0.030, 0.032), (1e-3, -0.5e-3, 0.0))


@pytest.mark.parametrize("name", sorted(PHANTOMS))
@pytest.mark.parametrize("factor", [2, 3])
def test_refining_the_grid_only_splits_voxels(name, factor):
    phantom = PHANTOMS[name]()
    coarse, fine = phantom.sample(GRID), phantom.sample(GRID.refined(factor))
    blocks = fine.reshape(32, factor, 23, factor).mean(axis=(1, 3))
    assert np.allclose(coarse, blocks, atol=1e-12)


@pytest.mark.parametrize(
    "part", [Disc((1.3e-3, -2.1e-3), 5e-3), Disc((0, 0), 0.3e-3), Rectangle((1e-3, 2e-3), (3e-3, 7e-3))]
)
def test_the_amount_is_the_area(part):
    grid = Grid((9, 13), (0.040, 0.040))
    total = recon.Phantom("one", (part,)).sample(grid).sum() * math.prod(grid.voxel)
    area = math.pi * part.radius**2 if isinstance(part, Disc) else math.prod(part.edges)
    assert total == pytest.approx(area, rel=1e-12)


def test_disc_fractions_equal_counting():
    rng = np.random.default_rng(0)
    disc, grid = Disc((0.2e-3, -0.7e-3), 2.6e-3), Grid((4, 5), (8e-3, 8e-3))
    result = recon.Phantom("one", (disc,)).sample(grid)
    points = rng.uniform(-4e-3, 4e-3, (400_000, 2))
    inside = np.hypot(*(points - disc.center).T) < disc.radius
    edges = np.linspace(-4e-3, 4e-3, 6), np.linspace(-4e-3, 4e-3, 5)
    counted = np.histogram2d(points[:, 1], points[:, 0], edges, weights=inside.astype(float))[0]
    assert np.allclose(result, counted / np.histogram2d(points[:, 1], points[:, 0], edges)[0], atol=0.02)
    assert result.min() >= -1e-12 and result.max() <= 1 + 1e-12


def test_tubes_have_the_published_shape():
    image = recon.phantoms.tubes(width_left=4e-3, gap=10e-3)(Grid((320, 320), (0.032, 0.032)))
    row = image[160]
    edges = np.flatnonzero(np.diff(row > 0.5)) / 10
    assert np.allclose(np.diff(edges), [4, 10, 6], atol=0.11)  # mm
    assert np.count_nonzero(image[:, 70] > 0.5) * 0.1 == pytest.approx(22)
    assert np.all(np.isclose(image, 0) | np.isclose(image, 1))


def test_concentration_scales_and_a_volume_repeats_the_plane():
    plain, strong = recon.phantoms.shape(), recon.phantoms.shape(concentration=2.5)
    grid = Grid((16, 16), (0.032, 0.032))
    assert np.allclose(strong.sample(grid), 2.5 * plain.sample(grid))
    assert plain.sample(grid).min() >= -1e-12
    volume = plain.sample(Grid((16, 16, 3), (0.032, 0.032, 0.003)))
    assert volume.shape == (3, 16, 16) and np.array_equal(volume[1], plain.sample(grid))


def test_the_share_outside_the_field_of_view():
    grid = Grid((16, 16), (0.032, 0.032))
    assert recon.phantoms.tubes().share_outside(grid) == pytest.approx(0, abs=1e-12)
    assert recon.phantoms.tubes(length=0.1).share_outside(grid) == pytest.approx(0.68)
    assert recon.phantoms.tubes(length=0.1).share_outside(Grid((4, 4, 3), (0.032, 0.032, 0.01))) == pytest.approx(0.68)
    half = recon.Phantom("half", (Disc((0.016, 0.0), 5e-3),))
    assert half.share_outside(grid) == pytest.approx(0.5)
    assert recon.Phantom("away", (Disc((1.0, 1.0), 1e-3),)).share_outside(grid) == 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: recon.phantoms.tubes(width_left=0),
        lambda: recon.phantoms.tubes(gap=-1e-3),
        lambda: recon.phantoms.tubes(length=math.nan),
        lambda: recon.phantoms.resolution(widths=()),
        lambda: recon.phantoms.shape(radius=-1),
        lambda: recon.phantoms.shape(concentration="much"),
        lambda: recon.phantoms.tubes(length=22),  # mm
        lambda: recon.phantoms.tubes(gap=10),
        lambda: recon.phantoms.resolution(widths=(1, 2)),
        lambda: recon.phantoms.shape(radius=4),
        lambda: Rectangle((0, 0), (4, 22)),
        lambda: Rectangle((0, 8), (4e-3, 22e-3)),
        lambda: Rectangle((0, 0, 0), (4e-3, 22e-3)),
        lambda: Disc((0, 0), 4),
    ],
)
def test_bad_phantoms_get_one_sentence(make):
    with pytest.raises(InputError, match=r"Input .* must be .*; instead received"):
        make()
