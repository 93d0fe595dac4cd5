"""Rows between matrices: those of the matrix that is asked for, exact where there is one, and none invented."""

import numpy as np
import pytest

import mpisim
from calib.training.kappa import BEYOND, KappaInterpolation
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


def made(matrices, start, kappa):
    """The matrix of a kappa, made of others from one of them on."""
    between = KappaInterpolation(matrices)
    own = between.kappa[start]
    at = np.log(kappa * 1e-24 / own) / np.log(between.upper[start] / own)
    nodes, weights = between.draw(np.array([start]), np.array([at]))
    return sum(w * normal(matrices[n]) for n, w in zip(nodes[0], weights[0], strict=True))


@pytest.mark.parametrize(("start", "kappa", "error"), [(1, 9.5, 2e-3), (2, 10.5, 1e-3), (3, 15.5, 8e-3)])
def test_matrices_between_and_beyond(start, kappa, error):
    """Made of matrices of 7, 9, 10 and 12 as well as simulated, though by another gradient."""
    known = [matrix(k) for k in (7.0, 9.0, 10.0, 12.0)]
    wanted = normal(matrix(kappa, gradient=0.8))
    found = made(known, start, kappa)
    assert np.linalg.norm(found - wanted) < error * np.linalg.norm(wanted)
    nearest = normal(known[start])
    assert np.linalg.norm(nearest - wanted) > 5 * np.linalg.norm(found - wanted)


def test_nodes_of_three_matrices():
    """From every matrix up to the next; beyond the largest by a third; equal ones are not told apart."""
    known = [matrix(k) for k in (8.0, 12.0, 10.0)]
    between = KappaInterpolation([*known, matrix(10.0, gradient=0.8)])
    assert between.upper / between.kappa == pytest.approx([1.25, BEYOND, 1.2, 1.2])
    nodes, weights = between.draw(np.arange(4), np.zeros(4))
    assert nodes[:, 0].tolist() == [0, 1, 2, 3]
    assert weights == pytest.approx(np.eye(3)[[0, 0, 0, 0]])
    nodes, weights = between.draw(np.arange(3), np.full(3, 0.7))
    assert weights.sum(1) == pytest.approx(1)
    assert set(nodes[0][weights[0] != 0]) == {0, 2} or set(nodes[0][weights[0] != 0]) == {0, 3}
    alone = KappaInterpolation(known[:1])
    assert alone.draw(np.array([0]), np.array([1.0]))[1].tolist() == [[1, 0, 0]]  # nothing to go by


def test_equal_kappa_is_not_taken_twice():
    """Two matrices of 7, by different gradients and rounding, below one of 10: weights stay bounded."""
    between = KappaInterpolation([matrix(10.0), matrix(7.0), matrix(7.0, gradient=0.8), matrix(11.0)])
    between.kappa[1:3] = 7e-24 * np.array([1 - 1e-15, 1 + 1e-15])
    nodes, upper = between._nodes(0)
    assert len(nodes) == 2 + 1 and len({1, 2} & set(nodes)) == 1 and upper == between.kappa[3]
    lone = KappaInterpolation([matrix(10.0), matrix(7.0), matrix(7.0, gradient=0.8)])
    lone.kappa[1:] = 7e-24 * np.array([1 - 1e-15, 1 + 1e-15])
    assert len(lone._nodes(0)[0]) == 2  # 0.8 finds the upper of the two, 0.6 the lower


def test_batches_of_rows_between(data):
    """A share of the rows is of no training matrix; the others are as without, from the same draws."""
    plain = TrainingRows(data["train"], 4, snr=30).batch(0, 400)
    mixed = TrainingRows(data["train"], 4, snr=30, between=0.5).batch(0, 400)
    assert np.array_equal(plain.index, mixed.index)
    own = (mixed.fine == plain.fine).flatten(1).all(1)
    lower = (plain.index < 32).numpy()  # of the smaller kappa: up to the other; that one has too few for beyond
    assert own[~lower].all()
    assert 0.35 < 1 - own[lower].double().mean() < 0.65
    changed = ~own
    assert ((mixed.unit - plain.unit).abs()[changed] > 0).any() and (mixed.sigma[changed] >= 0).all()


def test_matrices_of_unknown_particles_are_refused(data):
    with pytest.raises(InputError, match="Input data must be of known particle_diameter for rows between"):
        KappaInterpolation([m.drop_vars("particle_diameter") for m in data["train"]])
