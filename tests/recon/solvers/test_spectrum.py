"""The closed forms of Tikhonov images against the images themselves."""

import numpy as np
import pytest

import recon
from mpisim import InputError
from recon.solvers.spectrum import Spectrum
from tests.recon.problems import random_problem

LAMBDAS = np.array([1e-4, 1e-2, 0.3, 5.0])
KINDS = [(15, False), (15, True), (5, False), (5, True)]  # rows, complex: more or fewer real rows than the 12 voxels


def images(matrix, y):
    return [recon.tikhonov(matrix, y, value) for value in LAMBDAS]


@pytest.mark.parametrize(("rows", "is_complex"), KINDS)
def test_residual_norm_and_free_parameters_are_those_of_the_images(rows, is_complex):
    matrix, y, _, _ = random_problem(rows=rows, is_complex=is_complex)
    spectrum = Spectrum.of(matrix)
    penalty = LAMBDAS * np.linalg.norm(matrix) ** 2 / matrix.shape[1]
    assert spectrum.scale == pytest.approx(np.linalg.norm(matrix) ** 2 / matrix.shape[1])
    curves = spectrum.curves(y)
    residual = [np.linalg.norm(matrix @ x - y) ** 2 for x in images(matrix, y)]
    np.testing.assert_allclose(curves.residual(penalty), residual, rtol=1e-8, atol=1e-13 * np.linalg.norm(y) ** 2)
    hat = np.concatenate([matrix.real, matrix.imag]) if is_complex else matrix
    gram = hat.T @ hat
    free = [np.trace(np.linalg.solve(gram + weight * np.eye(len(gram)), gram)) for weight in penalty]
    np.testing.assert_allclose(curves.free(penalty), free, rtol=1e-8)
    assert curves.rows == len(hat)


@pytest.mark.parametrize(("rows", "is_complex"), KINDS)
def test_the_curvature_is_that_of_the_curve_by_differences(rows, is_complex):
    matrix, y, _, _ = random_problem(rows=rows, is_complex=is_complex)
    spectrum = Spectrum.of(matrix)
    t = np.linspace(np.log(1e-3), np.log(1.0), 2001)
    points = np.exp(t) * spectrum.scale
    curves = spectrum.curves(y)
    a = curves.squared + points[:, None]
    x = np.log(curves.residual(points)) / 2
    e = np.log(np.sum(curves.squared * curves.energy / a**2, axis=1)) / 2
    dx, de = np.gradient(x, t), np.gradient(e, t)
    expected = (dx * np.gradient(de, t) - np.gradient(dx, t) * de) / (dx**2 + de**2) ** 1.5
    np.testing.assert_allclose(curves.curvature(points)[5:-5], expected[5:-5], rtol=1e-3, atol=1e-3)


def test_single_precision_and_blocks_give_the_same(monkeypatch):
    matrix, _, _, _ = random_problem(rows=9, is_complex=True)
    whole = Spectrum.of(matrix)
    monkeypatch.setattr("recon.solvers.spectrum._AT_ONCE", 20)
    np.testing.assert_allclose(Spectrum.of(matrix).squared, whole.squared, rtol=1e-10)
    single = Spectrum.of(matrix.astype(np.complex64))
    np.testing.assert_allclose(single.squared, whole.squared, rtol=1e-4)


@pytest.mark.parametrize(
    ("matrix", "sentence"),
    [
        (np.zeros((3, 2)), "matrix must be different from zero"),
        (np.ones(3), "matrix must be rows x voxels"),
        (np.array([[np.nan, 1.0]]), "matrix must be"),
    ],
)
def test_bad_input_gets_one_sentence(matrix, sentence):
    with pytest.raises(InputError, match=f"^Input {sentence}"):
        Spectrum.of(matrix)
