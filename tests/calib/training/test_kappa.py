"""Rows interpolation matrices: equal to simulated ones, and unchanged where a matrix is given."""

import numpy as np
import pytest
import xarray as xr

import mpisim
from calib.training.kappa import BEYOND, KappaInterpolation
from calib.training.recipe import recipe
from calib.training.rows import TrainingRows
from mpisim.data.grid import Grid
from mpisim.data.views import as_images
from mpisim.errors import InputError


def matrix(kappa, gradient=0.6):
    """An ideal matrix of G d^3 = kappa * 1e-24 T m^2."""
    diameter = (kappa * 1e-24 / gradient) ** (1 / 3)
    return mpisim.simulate(mpisim.open_sided_ffl(gradient, angles=3), mpisim.Particle(diameter), Grid((16, 16)))


def normal(m):
    """Rows in units of the RMS of their matrix."""
    values = as_images(m)
    return values / np.sqrt(np.mean(np.abs(values) ** 2))


def interpolated(matrices, start, kappa):
    """The matrix of a kappa, interpolated from one of the matrices upwards."""
    interpolation = KappaInterpolation(matrices)
    own = interpolation.kappa[start]
    position = np.log(kappa * 1e-24 / own) / np.log(interpolation.upper[start] / own)
    nodes, weights = interpolation.draw(np.array([start]), np.array([position]))
    return sum(w * normal(matrices[n]) for n, w in zip(nodes[0], weights[0], strict=True))


@pytest.mark.parametrize(("start", "kappa", "error"), [(1, 9.5, 2e-3), (2, 10.5, 1e-3), (3, 15.5, 8e-3)])
def test_matrices_between_and_beyond(start, kappa, error):
    """From matrices of 7, 9, 10 and 12, as accurate as simulated ones of another gradient."""
    known = [matrix(k) for k in (7.0, 9.0, 10.0, 12.0)]
    wanted = normal(matrix(kappa, gradient=0.8))
    result = interpolated(known, start, kappa)
    assert np.linalg.norm(result - wanted) < error * np.linalg.norm(wanted)
    nearest = normal(known[start])
    assert np.linalg.norm(nearest - wanted) > 5 * np.linalg.norm(result - wanted)


def test_nodes_of_three_matrices():
    """From every matrix up to the next, and beyond the largest by a third; equal matrices have equal limits."""
    known = [matrix(k) for k in (8.0, 12.0, 10.0)]
    interpolation = KappaInterpolation([*known, matrix(10.0, gradient=0.8)])
    assert interpolation.upper / interpolation.kappa == pytest.approx([1.25, BEYOND, 1.2, 1.2])
    nodes, weights = interpolation.draw(np.arange(4), np.zeros(4))
    assert nodes[:, 0].tolist() == [0, 1, 2, 3]
    assert weights == pytest.approx(np.eye(3)[[0, 0, 0, 0]])
    nodes, weights = interpolation.draw(np.arange(3), np.full(3, 0.7))
    assert weights.sum(1) == pytest.approx(1)
    assert set(nodes[0][weights[0] != 0]) == {0, 2} or set(nodes[0][weights[0] != 0]) == {0, 3}
    alone = KappaInterpolation(known[:1])
    assert alone.draw(np.array([0]), np.array([1.0]))[1].tolist() == [[1, 0, 0]]  # no other matrix, no interpolation


@pytest.mark.parametrize(("others", "count"), [((11.0,), 3), ((), 2)])
def test_matrices_of_one_kappa_are_used_once(others, count):
    """Two matrices of 7, up to rounding, below one of 10: their difference would be a divisor of the weights."""
    kappas = (10.0, 7 * (1 - 1e-15), 7 * (1 + 1e-15), *others)
    known = [xr.Dataset(coords={"sf_gradient": k, "particle_diameter": 1.0}) for k in kappas]
    interpolation = KappaInterpolation(known)
    nodes = [n for n in interpolation.nodes[0].tolist() if n >= 0]
    assert len(nodes) == count and len({1, 2} & set(nodes)) == 1
    _, weights = interpolation.draw(np.array([0]), np.array([0.5]))
    assert abs(weights).max() < 2


def test_batches_of_interpolated_rows(data):
    """A fraction of the rows is of no training matrix; the others are unchanged, from the same draws."""
    plain = TrainingRows(recipe(snr=30), data["train"]).batch(0, 400)
    mixed = TrainingRows(recipe(snr=30, interpolated_fraction=0.5), data["train"]).batch(0, 400)
    assert np.array_equal(plain.index, mixed.index)
    own = (mixed.fine == plain.fine).flatten(1).all(1)
    lower = (plain.index < 32).numpy()  # of the smaller kappa; the other has too few nodes to extrapolate
    assert own[~lower].all()
    assert 0.35 < 1 - own[lower].double().mean() < 0.65
    changed = ~own
    assert ((mixed.unit - plain.unit).abs()[changed] > 0).any() and (mixed.sigma[changed] >= 0).all()


def test_matrices_of_unknown_particles_are_refused(data):
    with pytest.raises(InputError, match="Input data must be of known particle_diameter for interpolated rows"):
        KappaInterpolation([m.drop_vars("particle_diameter") for m in data["train"]])
