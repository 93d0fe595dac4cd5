"""Laws of the equilibrium with an easy axis: quadrature over the sphere, Langevin, symmetries, limits, tables."""

import numpy as np
import pytest
from scipy.integrate import quad

from mpisim import AnisotropicEquilibrium, InputError, LogNormal, Mixture, Particle, check_magnetisation, langevin
from mpisim.particles import anisotropy
from mpisim.particles.anisotropy import boltzmann_means
from mpisim.particles.cores import alphas_of
from tests.mpisim.bad_input import assert_refused, each

CORES = Particle(22e-9)
AXIS = (0.3, -0.5, 0.8)
FIELD = np.array([[0.0, 0.0, 0.004], [0.01, 0.002, -0.003], [-0.02, 0.03, 0.01], [0.0, 0.0, 0.0], [1e-7, 0.0, 0.0]])


def over_the_sphere(field, model, nodes=120):
    """Boltzmann's mean moment by a product rule on the sphere, for fields (point, 3)."""
    cosine, weights = np.polynomial.legendre.leggauss(nodes)
    angle = 2 * np.pi * np.arange(nodes) / nodes
    sine = np.sqrt(1 - cosine**2)
    u = np.stack(
        [np.outer(sine, np.cos(angle)), np.outer(sine, np.sin(angle)), np.outer(cosine, np.ones(nodes))], axis=-1
    )
    axis = np.array(model.easy_axis) / np.linalg.norm(model.easy_axis)
    alpha = alphas_of(model.particle, model.anisotropy_constant)[0]
    exponent = np.einsum("pi,abi->pab", model.particle.beta * field, u) + alpha * (u @ axis) ** 2
    height = weights[:, None] * np.exp(exponent - exponent.max(axis=(1, 2), keepdims=True))
    return model.particle.moment * np.einsum("pab,abi->pi", height, u) / height.sum(axis=(1, 2))[:, None]


@pytest.mark.parametrize("constant", [500.0, 5e3, 2e4])
def test_the_mean_over_the_sphere(constant):
    model = AnisotropicEquilibrium(CORES, constant, AXIS)
    difference = model.moment_vector(FIELD) - over_the_sphere(FIELD, model)
    assert np.abs(difference).max() < 1e-10 * CORES.moment


def test_without_anisotropy_it_is_langevin():
    xi = np.array([0.0, 1e-6, 0.3, 5.0, 80.0, 700.0])
    for cosine in (0.0, 0.4, 1.0):
        along, across = boltzmann_means(xi * cosine, xi * np.sqrt(1 - cosine**2), 0.0)
        assert np.abs(np.hypot(along, across) - langevin(xi)).max() < 1e-12
    for model in (AnisotropicEquilibrium(CORES), AnisotropicEquilibrium(CORES, 0, AXIS, 0.5)):
        assert np.array_equal(model.moment_vector(FIELD), CORES.moment_vector(FIELD))
    nearly = AnisotropicEquilibrium(CORES, 1e-9, AXIS).moment_vector(FIELD)
    assert np.abs(nearly - CORES.moment_vector(FIELD)).max() < 1e-10 * CORES.moment


@pytest.mark.parametrize("alpha", [0.2, 3.0, 30.0])
def test_susceptibilities_at_zero_field(alpha):
    """<x^2> along and (1 - <x^2>) / 2 across the axis, with the closed form of <x^2>; to 1e-8."""
    step = 1e-5
    ones = np.array([step])
    partition = quad(lambda x: np.exp(alpha * (x * x - 1)), 0, 1)[0]
    square = (1 / partition - 1) / (2 * alpha)
    assert boltzmann_means(ones, 0 * ones, alpha)[0][0] / step == pytest.approx(square, rel=1e-8)
    assert boltzmann_means(0 * ones, ones, alpha)[1][0] / step == pytest.approx((1 - square) / 2, rel=1e-8)


def test_axes_of_all_directions_have_langevins_susceptibility_and_no_direction():
    """A third of xi for any anisotropy, a moment along the field, and the mean over axes on a spiral on the sphere."""
    model = AnisotropicEquilibrium(CORES, 1e4, AXIS, aligned=0.0)
    weak = np.array([[1e-6, 2e-6, -1e-6]])
    assert model.moment_vector(weak) == pytest.approx(CORES.moment * CORES.beta * weak / 3, rel=1e-6)
    moments = model.moment_vector(FIELD)
    assert np.abs(np.cross(moments, FIELD)).max() < 1e-14 * CORES.moment
    height, turn = 1 - (2 * np.arange(100) + 1) / 100, np.pi * (3 - np.sqrt(5)) * np.arange(100)
    axes = np.stack([np.sqrt(1 - height**2) * np.cos(turn), np.sqrt(1 - height**2) * np.sin(turn), height], axis=-1)
    spiral = np.mean([AnisotropicEquilibrium(CORES, 1e4, tuple(a)).moment_vector(FIELD[:3]) for a in axes], axis=0)
    assert np.abs(spiral - moments[:3]).max() < 3e-3 * CORES.moment


def test_symmetries_and_strong_fields():
    model = AnisotropicEquilibrium(CORES, 5e3, AXIS)
    moments = model.moment_vector(FIELD)
    assert np.abs(model.moment_vector(-FIELD) + moments).max() < 1e-14 * CORES.moment
    opposite = AnisotropicEquilibrium(CORES, 5e3, tuple(-2 * a for a in AXIS)).moment_vector(FIELD)
    assert np.abs(opposite - moments).max() < 1e-13 * CORES.moment
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    turned = AnisotropicEquilibrium(CORES, 5e3, tuple(turn @ AXIS)).moment_vector(FIELD @ turn.T)
    assert np.abs(turned - moments @ turn.T).max() < 1e-13 * CORES.moment
    strong = np.array([[0.3, -0.2, 0.9]])  # 1 - 1/xi along the field, plus what the anisotropy turns
    assert np.linalg.norm(model.moment_vector(strong)) == pytest.approx(CORES.moment, rel=5e-3)
    easy, hard = (abs(boltzmann_means(np.array(a), np.array(b), 5.0)[i]) for i, (a, b) in enumerate([(2, 0), (0, 2)]))
    assert easy > langevin(2.0) > hard


@pytest.mark.parametrize("aligned", [1.0, 0.0, 0.4])
def test_tables_are_the_quadrature(aligned, monkeypatch):
    """To 2e-8 of the moment; a share of aligned axes is a mean."""
    field = np.random.default_rng(2).normal(size=(300, 3)) * 0.02
    model = AnisotropicEquilibrium(CORES, 8e3, AXIS, aligned)
    by_quadrature = model.moment_vector(field)
    monkeypatch.setattr(anisotropy, "_FEW", 0)
    by_table = model.moment_vector(field)
    assert np.abs(by_table - by_quadrature).max() < 2e-8 * CORES.moment
    parts = [AnisotropicEquilibrium(CORES, 8e3, AXIS, share).moment_vector(field) for share in (1, 0)]
    assert by_table == pytest.approx(aligned * parts[0] + (1 - aligned) * parts[1], rel=1e-12)


def test_sizes_have_the_anisotropy_of_their_volume():
    sizes = LogNormal(18e-9, 0.2, nodes=3)
    found = AnisotropicEquilibrium(sizes, 5e3, AXIS).moment_vector(FIELD)
    expected = np.zeros_like(found)
    for moment, fraction in zip(sizes.sizes().moments, sizes.sizes().fractions, strict=True):
        diameter = (6 * moment / np.pi / sizes.saturation_magnetisation) ** (1 / 3)
        expected += fraction * AnisotropicEquilibrium(Particle(diameter), 5e3, AXIS).moment_vector(FIELD)
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-12 * CORES.moment)
    assert AnisotropicEquilibrium(sizes, 5e3).diameter == 18e-9


def test_it_keeps_the_protocol():
    model = AnisotropicEquilibrium(CORES, 5e3, AXIS, 0.7)
    assert check_magnetisation(model) is model


@pytest.mark.parametrize(
    ("make", "value"),
    [
        *each(lambda v: AnisotropicEquilibrium(v, 1e3), (25e-9, None, Particle, Mixture((CORES,), (1.0,)))),
        *each(lambda v: AnisotropicEquilibrium(CORES, v), (-1.0, np.nan, 1e6, "hard")),
        *each(lambda v: AnisotropicEquilibrium(CORES, 1e3, v), ((0, 0, 0), (1, 0), (0, np.nan, 1), "z", None)),
        *each(lambda v: AnisotropicEquilibrium(CORES, 1e3, AXIS, v), (-0.1, 1.1, np.nan, "all")),
        *each(lambda v: AnisotropicEquilibrium(CORES, 1e3).moment_vector(np.array([[0, 0, v]])), (1e3,)),
        *each(lambda v: AnisotropicEquilibrium(Particle(200e-9), v).moment_vector(FIELD), (1e5,)),
    ],
)
def test_bad_input_gets_one_sentence(make, value):
    assert_refused(make, value)


def test_a_table_that_does_not_converge_is_refused(monkeypatch):
    monkeypatch.setattr(anisotropy, "_STEPS", 1)
    assert_refused(lambda alpha: anisotropy._axis_table(alpha, 64.0), 30.0)


def test_the_largest_field_is_that_of_the_moments_not_of_the_table(monkeypatch):
    model = AnisotropicEquilibrium(Particle(25e-9), 1e3, AXIS, 0.0)
    beta = float(model.particle.sizes().betas[0])
    anisotropy._isotropic_table.cache_clear()
    monkeypatch.setattr(anisotropy, "_LARGEST", 50.0)
    found = model.moment_vector(np.array([[0.0, 0.0, 40 / beta]]))[0, 2]  # the table reaches 64
    assert found == pytest.approx(model.particle.moment * (1 - 1 / 40), rel=5e-3)
    with pytest.raises(InputError, match="instead received 51"):
        model.moment_vector(np.array([[0.0, 0.0, 51 / beta]]))
