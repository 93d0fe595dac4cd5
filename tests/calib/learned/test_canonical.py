"""Canonical orientation: an exact inverse, and one orientation for mirror images, signs included."""

import numpy as np
import pytest
import torch

from calib.learned.canonical import DECISION_JITTER, canonical_orientation, from_canonical, to_canonical


@pytest.mark.parametrize("shape", [(16, 2, 4, 4), (16, 2, 4, 6)])
def test_the_map_has_an_exact_inverse(shape):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    orientation = canonical_orientation(x)
    assert torch.equal(from_canonical(to_canonical(x, orientation), orientation), x)
    assert torch.equal(to_canonical(from_canonical(x, orientation), orientation), x)
    fine = torch.randn(shape[0], 2, 3 * shape[2], 3 * shape[3])
    assert torch.equal(from_canonical(to_canonical(fine, orientation), orientation), fine)


@pytest.mark.parametrize("profile", [lambda u: np.cos(0.9 * u) * np.exp(-u * u / 9), lambda u: u * np.exp(-u * u / 9)])
@pytest.mark.parametrize("degrees", [9, 24, 39])
def test_rows_at_equivalent_angles_become_equal(degrees, profile):
    """f(u) at 9, 81, 99 and 171 degrees become a row at 9 degrees, even or odd, whatever its phase."""
    c, angles = np.arange(8) - 3.5, np.deg2rad([degrees, 90 - degrees, 90 + degrees, 180 - degrees])
    rows = np.stack([profile(c * np.cos(a) + c[:, None] * np.sin(a)) for a in angles])
    x = torch.from_numpy(np.stack([np.cos(0.4) * rows, np.sin(0.4) * rows], axis=1))
    oriented = to_canonical(x, canonical_orientation(x))
    assert torch.allclose(oriented, x[:1].expand_as(x), atol=1e-12)


def test_jitter_changes_only_rows_close_to_a_decision():
    """A ridge at 24 degrees (0.74 and 0.67 from the two decisions) stays; one at 2 (0.07 from one) takes both sides."""
    c, angles = np.arange(8) - 3.5, np.deg2rad([24, 2])
    rows = np.stack([np.exp(-((c * np.cos(a) + c[:, None] * np.sin(a)) ** 2) / 9) for a in angles])
    x = torch.from_numpy(np.stack([rows, 0 * rows], axis=1)).repeat_interleave(200, dim=0)
    jitter = DECISION_JITTER * (2 * torch.rand(400, 2, generator=torch.Generator().manual_seed(1)) - 1)
    orientation, sharp = canonical_orientation(x, jitter), canonical_orientation(x)
    moved = (orientation.flip != sharp.flip).flatten() | (orientation.exchange != sharp.exchange).flatten()
    assert not moved[:200].any()
    assert 0.1 < moved[200:].double().mean() < 0.5
    assert torch.equal(from_canonical(to_canonical(x, orientation), orientation), x)
    without = canonical_orientation(x, torch.zeros(400, 2))
    assert all(torch.equal(a, b) for a, b in zip(without, sharp, strict=True))


def test_rows_along_the_axes_retain_their_sign_with_a_threshold():
    """Odd rows at 0 and 90 degrees are never flipped with a threshold above the jitter, and at random without."""
    c = np.arange(4) - 1.5
    rows = np.stack([np.tile(c, (4, 1)), np.tile(c[:, None], (1, 4))])
    x = torch.from_numpy(np.stack([rows, 0 * rows], axis=1)).repeat_interleave(100, dim=0)
    jitter = DECISION_JITTER * (2 * torch.rand(200, 2, generator=torch.Generator().manual_seed(2)) - 1)
    assert 0.3 < canonical_orientation(x, jitter).flip.double().mean() < 0.7
    assert not canonical_orientation(x, jitter, 1.1 * DECISION_JITTER).flip.any()
    falling = torch.from_numpy(np.subtract.outer(c, c)[None, None]).expand(1, 2, 4, 4)
    assert canonical_orientation(falling, flip_threshold=0.9).flip.all()  # (y - x): as clearly as can be
