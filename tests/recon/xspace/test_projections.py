"""Projections from harmonics: the response of a point, its width, the first harmonic, and regularisation."""

import numpy as np
import pytest

import mpisim
from mpisim.constants import BOLTZMANN
from recon.xspace.projections import chords, deconvolved, response, restored, x_space
from recon.xspace.provenance import line_scan
from recon.xspace.scan import coefficients
from tests.recon.xspace.scans import GRID, matrix, measurement, point

SMALL = mpisim.Sample(size=(1e-5, 1e-5))


def taken(fine, y):
    scan = line_scan(fine, y, mpisim.Grid.of(fine))
    return scan, coefficients(scan, y["measurement"].values.reshape(-1, 1))


def nodes_of(scan, step=5e-4, count=50):
    places = step * np.arange(-count, count + 1)
    return step, places, chords(scan.angles, np.tile(places, (scan.angles.size, 1)), (0.0, 0.0), (0.032, 0.032))


@pytest.mark.parametrize("diameter", [18e-9, 33e-9])
def test_the_response_of_a_point_is_its_column_of_the_system_matrix(diameter):
    fine = matrix(angles=(0.0, 0.4, 2.0), gradient=0.7, diameter=diameter, sample=SMALL)
    scan = line_scan(fine, measurement(fine), GRID)
    x, y = np.meshgrid(fine["x"], fine["y"])
    for angle in range(3):
        u = (x * np.cos(scan.angles[angle]) + y * np.sin(scan.angles[angle])).ravel()
        rows = scan.gains.reshape(3, 8)[angle, :, None] * response(scan, u)[1:] * GRID.voxel[0] ** 2
        wanted = fine["system_matrix"].values[angle].reshape(8, -1)
        assert np.abs(rows - wanted).max() < 1e-5 * np.abs(wanted).max()


def test_a_point_has_the_width_of_the_langevin_response_across_the_line():
    """4.16 k_B T / (m G), Rahmer et al. 2009, Goodwill and Conolly 2010."""
    for gradient, diameter in ((1.0, 30e-9), (0.6, 30e-9), (1.0, 25e-9)):
        fine = matrix((0.0, 0.5, 2.2), range(2, 50), gradient, diameter, mpisim.Grid((5, 5), (0.01, 0.01)), SMALL)
        scan, (known, _) = taken(fine, point(fine, 3, 1))
        step, nodes, prior = nodes_of(scan)
        fill = restored(scan, known, step, nodes, prior)
        fine_nodes = np.arange(-0.015, 0.015, 2e-5)
        seen = x_space(scan, fill, fine_nodes)[..., 0]
        width = 4.16 * BOLTZMANN * 300 / (mpisim.Particle(diameter).moment * gradient)
        for angle, projection in zip(scan.angles, seen, strict=True):
            above = fine_nodes[projection > projection.max() / 2]
            assert above[-1] - above[0] == pytest.approx(width, rel=0.05)
            center = 2e-3 * np.cos(angle) - 2e-3 * np.sin(angle)
            assert fine_nodes[projection.argmax()] == pytest.approx(center, abs=1e-4)


@pytest.mark.parametrize("diameter", [20e-9, 30e-9])
def test_the_first_harmonic_is_restored(diameter):
    """From harmonics 2..9, and within 6 % of what a scan that records it gives."""
    fine = matrix(diameter=diameter)
    everything = matrix(harmonics=range(1, 10), diameter=diameter)
    scan, (known, _) = taken(fine, measurement(fine))
    whole, (recorded, _) = taken(everything, measurement(everything))
    found = restored(scan, known, *nodes_of(scan)).values[:, 0, 0]
    wanted = recorded.values[:, 0, 0]
    assert found.mean() == pytest.approx(wanted.mean(), rel=0.06)
    assert np.abs(found - wanted).max() < 0.08 * wanted.mean()
    assert restored(whole, recorded, *nodes_of(whole)) is recorded


def test_regularised_projections_solve_their_equations():
    """A twin: the minimiser of |D P - g|^2 + l P^T V^-1 P at each angle, by dense least squares."""
    fine = matrix(angles=5)
    scan, (known, _) = taken(fine, measurement(fine, snr=20))
    step, nodes, prior = nodes_of(scan, 1e-3, 25)
    found, chosen = deconvolved(scan, known, step, nodes, prior, 0.03)
    assert chosen == pytest.approx([0.03])
    correlation = np.exp(-np.abs(nodes[:, None] - nodes) / (0.016 / 8))
    correlation /= np.exp(-np.abs(1e-3 * np.arange(-51, 51)) / (0.016 / 8)).sum() * step
    rows = np.sqrt(known.weights)[:, 1:, None] * response(scan, nodes)[None, 1:] * step
    covariances = [np.sqrt(np.outer(w, w)) * correlation for w in prior]
    mean = np.mean([np.diag(r @ v @ r.T) for r, v in zip(rows, covariances, strict=True)])
    for angle in range(5):
        root = np.linalg.cholesky(covariances[angle] + 1e-15 * np.eye(nodes.size))
        data = np.sqrt(known.weights[angle, 1:]) * known.values[angle, 1:, 0]
        stacked = np.concatenate([rows[angle] @ root, np.sqrt(0.03 * mean) * np.eye(nodes.size)])
        z = np.linalg.lstsq(stacked, np.concatenate([data, np.zeros(nodes.size)]), rcond=None)[0]
        wanted = root @ z
        assert found[angle, :, 0] == pytest.approx(wanted, abs=1e-6 * np.abs(wanted).max())


def test_the_most_likely_lambda_grows_with_the_noise():
    fine = matrix(diameter=20e-9)
    levels = []
    for snr in (40, 20, 10):
        scan, (known, _) = taken(fine, measurement(fine, snr=snr))
        step, nodes, prior = nodes_of(scan)
        filled = restored(scan, known, step, nodes, prior)
        levels.append(deconvolved(scan, filled, step, nodes, prior, None)[1][0])
    assert levels[0] < levels[1] < levels[2]


def test_chords_are_lengths_in_a_rectangle():
    nodes = np.linspace(-0.03, 0.03, 6001)
    angles = np.array([0.0, 0.3, 1.2, np.pi / 2, 2.5])
    found = chords(angles, np.tile(nodes, (5, 1)), (1e-3, -2e-3), (0.02, 0.03))
    assert found.sum(axis=1) * 1e-5 == pytest.approx(6e-4, rel=1e-3)  # the area
    assert found[0].max() == pytest.approx(0.03) and found[3].max() == pytest.approx(0.02)
    assert found[1].max() == pytest.approx(0.03 / np.cos(0.3)) or found[1].max() == pytest.approx(0.02 / np.sin(0.3))
    middle = (found[2] * nodes).sum() / found[2].sum()
    assert middle == pytest.approx(1e-3 * np.cos(1.2) - 2e-3 * np.sin(1.2), abs=1e-6)
