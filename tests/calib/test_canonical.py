"""Canonical places: undone exactly, and one for the angles that mirrors bring together, signs included."""

import numpy as np
import pytest
import torch

from calib.learned.canonical import BLUR, canonical_orientation, leave, take


@pytest.mark.parametrize("shape", [(16, 2, 4, 4), (16, 2, 4, 6)])
def test_the_way_back(shape):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    place = canonical_orientation(x)
    assert torch.equal(leave(take(x, place), place), x)
    assert torch.equal(take(leave(x, place), place), x)
    fine = torch.randn(shape[0], 2, 3 * shape[2], 3 * shape[3])
    assert torch.equal(leave(take(fine, place), place), fine)


@pytest.mark.parametrize("profile", [lambda u: np.cos(0.9 * u) * np.exp(-u * u / 9), lambda u: u * np.exp(-u * u / 9)])
@pytest.mark.parametrize("degrees", [9, 24, 39])
def test_rows_at_equivalent_angles_meet(degrees, profile):
    """f(u) at 9, 81, 99 and 171 degrees lie at 9, even and odd ones, whatever their phase."""
    c, angles = np.arange(8) - 3.5, np.deg2rad([degrees, 90 - degrees, 90 + degrees, 180 - degrees])
    rows = np.stack([profile(c * np.cos(a) + c[:, None] * np.sin(a)) for a in angles])
    x = torch.from_numpy(np.stack([np.cos(0.4) * rows, np.sin(0.4) * rows], axis=1))
    placed = take(x, canonical_orientation(x))
    assert torch.allclose(placed, x[:1].expand_as(x), atol=1e-12)


def test_blur_moves_only_rows_near_the_decision():
    """A ridge at 24 degrees (0.74 and 0.67 off both decisions) stays; one at 2 (0.07 off one) goes both ways."""
    c, angles = np.arange(8) - 3.5, np.deg2rad([24, 2])
    rows = np.stack([np.exp(-((c * np.cos(a) + c[:, None] * np.sin(a)) ** 2) / 9) for a in angles])
    x = torch.from_numpy(np.stack([rows, 0 * rows], axis=1)).repeat_interleave(200, dim=0)
    blur = BLUR * (2 * torch.rand(400, 2, generator=torch.Generator().manual_seed(1)) - 1)
    place, sharp = canonical_orientation(x, blur), canonical_orientation(x)
    moved = (place.flip != sharp.flip).flatten() | (place.exchange != sharp.exchange).flatten()
    assert not moved[:200].any()
    assert 0.1 < moved[200:].double().mean() < 0.5
    assert torch.equal(leave(take(x, place), place), x)
    unblurred = canonical_orientation(x, torch.zeros(400, 2))
    assert all(torch.equal(a, b) for a, b in zip(unblurred, sharp, strict=True))


def test_rows_along_the_axes_keep_their_sign_beyond_the_border():
    """Odd rows at 0 and 90 degrees are never flipped with a border beyond the blur; without, at random."""
    c = np.arange(4) - 1.5
    rows = np.stack([np.tile(c, (4, 1)), np.tile(c[:, None], (1, 4))])
    x = torch.from_numpy(np.stack([rows, 0 * rows], axis=1)).repeat_interleave(100, dim=0)
    blur = BLUR * (2 * torch.rand(200, 2, generator=torch.Generator().manual_seed(2)) - 1)
    assert 0.3 < canonical_orientation(x, blur).flip.double().mean() < 0.7
    assert not canonical_orientation(x, blur, 1.1 * BLUR).flip.any()
    falling = torch.from_numpy(np.subtract.outer(c, c)[None, None]).expand(1, 2, 4, 4)
    assert canonical_orientation(falling, border=0.9).flip.all()  # (y - x): as clearly as can be
