"""Compressed sensing: exact recovery, closed forms, optimality, and other solvers of the same problem."""

import numpy as np
import pytest
from scipy.optimize import NonlinearConstraint, brentq, linprog, minimize

import calib
import mpisim
from calib.methods.sparse_solver import sparse_rows
from mpisim.data.sampling import RandomSampling
from mpisim.data.views import as_images
from mpisim.errors import InputError


def unitary_dft(n):
    k = np.arange(n)
    return np.exp(-2j * np.pi * np.outer(k, k) / n) / np.sqrt(n)


def spectrum(z):
    """The unitary DFT of rows, as a product of matrices."""
    return unitary_dft(z.shape[-2]) @ z @ unitary_dft(z.shape[-1])


def complex_normal(rng, *shape):
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def mask_of(rng, shape, count):
    mask = np.zeros(shape, bool)
    mask.ravel()[rng.choice(mask.size, count, replace=False)] = True
    return mask


def spread(multipliers, mask, margin):
    """P^T of samples, on the extended field of view."""
    z = np.zeros((len(multipliers), *mask.shape), complex)
    z[:, mask] = multipliers
    return np.pad(z, ((0, 0), (margin, margin), (margin, margin)))


def test_a_row_that_is_sparse_on_the_extended_field_is_recovered_exactly_from_half_of_its_voxels():
    rng = np.random.default_rng(0)
    mask = mask_of(rng, (16, 14), 112)
    c = np.zeros((6, 24 * 22), complex)
    for row in c:
        row[rng.choice(row.size, 8, replace=False)] = complex_normal(rng, 8)
    wide = spectrum(c.reshape(6, 24, 22)).conj()
    truth = wide[:, 4:-4, 4:-4]
    found = sparse_rows(truth * mask, mask, tolerance=1e-10)
    assert found.converged.all()
    assert np.allclose(found.rows, truth, atol=1e-8 * np.abs(truth).max())
    assert np.allclose(found.objective, np.abs(c).sum(1), rtol=1e-8)
    single = sparse_rows((truth * mask).astype(np.complex64), mask)  # the default, in single precision
    assert single.rows.dtype == np.complex64 and calib.nrmse(single.rows, truth) < 1e-3


@pytest.mark.parametrize("shape", [(8, 8), (6, 9)])
def test_with_every_voxel_sampled_the_answer_is_a_soft_threshold(shape):
    """Without extension, min ||F z||_1 in a ball around b is F^H shrink(F b, t) with the t that reaches the ball."""
    b = complex_normal(np.random.default_rng(1), 3, *shape)
    eps = 0.4 * np.linalg.norm(b.reshape(3, -1), axis=1)
    found = sparse_rows(b, np.ones(shape, bool), eps, margin=0, tolerance=1e-10)
    for row, radius, z in zip(b, eps, found.rows, strict=True):
        c = spectrum(row)

        def removed(t, c=c):
            return c / np.abs(c) * np.minimum(np.abs(c), t)

        t = brentq(lambda t, r=radius, away=removed: np.linalg.norm(away(t)) - r, 0, np.abs(c).max(), xtol=1e-14)
        assert np.allclose(spectrum(z), c - removed(t), atol=1e-7)
    exact = sparse_rows(b, np.ones(shape, bool), margin=0, tolerance=1e-10)
    assert np.allclose(exact.rows, b, atol=1e-14) and exact.converged.all()


def test_a_linear_program_finds_the_same_rows():
    """Real data that are even about the centre have a spectrum of known phase, which leaves a real l1 problem."""
    rng = np.random.default_rng(4)
    half, margin = mask_of(rng, (7, 7), 9), 2
    mask = half | half[::-1, ::-1]
    b = rng.standard_normal((3, 7, 7))
    b = (b + b[:, ::-1, ::-1]) * mask
    found = sparse_rows(b, mask, margin=margin, tolerance=1e-10, iterations=50000)
    assert found.converged.all()
    n = 7 + 2 * margin
    to_voxels = unitary_dft(n).conj() * np.exp(-1j * np.pi * (n - 1) / n * np.arange(n))  # (voxel, frequency)
    inner = np.s_[margin : margin + 7]
    A = np.einsum("yk,xl->yxkl", to_voxels[inner], to_voxels[inner]).reshape(49, n * n)
    picked = A[mask.ravel()]
    equations = np.block([[picked.real, -picked.real], [picked.imag, -picked.imag]])
    for row, objective, z in zip(b, found.objective, found.rows, strict=True):
        sides = np.concatenate([row[mask], np.zeros(mask.sum())])
        answer = linprog(np.ones(2 * n * n), A_eq=equations, b_eq=sides)
        assert objective == pytest.approx(answer.fun, rel=1e-8)
        assert np.allclose(z.ravel(), A @ (answer.x[: n * n] - answer.x[n * n :]), atol=1e-7)


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_sequential_quadratic_programming_on_the_dual_finds_the_same_optimum(share):
    """Complex rows, exact and noisy: max Re<l, b> - eps ||l|| with all |F P^T l| <= 1, in 2 m real unknowns."""
    rng = np.random.default_rng(3)
    mask, margin = mask_of(rng, (5, 4), 8), 1
    b = complex_normal(rng, 1, 5, 4)
    data = b[0, mask]
    eps = share * np.linalg.norm(data)
    found = sparse_rows(b, mask, eps, margin=margin, tolerance=1e-9, iterations=50000)
    F = spectrum(spread(np.eye(8), mask, margin)).reshape(8, -1).T  # (frequency, sample)

    def packed(x):
        return x[:8] + 1j * x[8:]

    def slope(x):
        c = F @ packed(x)
        return 2 * np.hstack([(c.conj()[:, None] * F).real, -(c.conj()[:, None] * F).imag])

    def cost(x):
        return eps * np.sqrt(x @ x + 1e-24) - (packed(x).conj() @ data).real

    limits = NonlinearConstraint(lambda x: np.abs(F @ packed(x)) ** 2, -np.inf, 1, jac=slope)
    start = np.concatenate([data.real, data.imag]) * 0.3
    answer = minimize(cost, start, method="SLSQP", constraints=limits, options={"ftol": 1e-14, "maxiter": 1000})
    assert found.objective[0] == pytest.approx(-answer.fun, rel=1e-6)
    assert np.allclose(found.multipliers[0], packed(answer.x), atol=1e-4)


@pytest.mark.parametrize("margin", [0, 3])
@pytest.mark.parametrize("share", [0.0, 0.25])
def test_conditions_of_optimality(margin, share):
    """The multipliers prove the optimum: they are admissible in the dual problem, and its value is the objective's."""
    rng = np.random.default_rng(4)
    mask = mask_of(rng, (10, 12), 40)
    b = complex_normal(rng, 7, 10, 12) * mask
    norms = np.linalg.norm(b.reshape(7, -1), axis=1)
    eps = share * norms
    found = sparse_rows(b, mask, eps, margin=margin, tolerance=1e-8, iterations=50000)
    assert found.converged.all() and found.gap.max() < 1e-6
    lam, misfit = found.multipliers, (b - found.rows)[:, mask]
    dual_spectrum = spectrum(spread(lam, mask, margin))
    assert np.abs(dual_spectrum).max() < 1 + 1e-6
    lengths = np.linalg.norm(lam, axis=1)
    dual_value = np.sum((lam.conj() * b[:, mask]).real, axis=1) - eps * lengths
    assert np.allclose(dual_value, found.objective, rtol=1e-6)
    assert np.allclose(np.linalg.norm(misfit, axis=1), eps, atol=1e-10 * norms.max())  # the noise ball is active
    assert np.allclose(lam * eps[:, None], misfit * lengths[:, None], atol=1e-5 * norms.max())
    if margin == 0:
        c = spectrum(found.rows)
        assert np.allclose(np.sum((dual_spectrum.conj() * c).real, axis=(1, 2)), found.objective, rtol=1e-6)
        strong = np.abs(c) > 1e-3 * np.abs(c).max()
        assert np.allclose(dual_spectrum[strong], (c / np.abs(c))[strong], atol=1e-3)


def test_the_certified_gap_bounds_what_is_missing_from_the_optimum():
    rng = np.random.default_rng(5)
    mask = mask_of(rng, (12, 12), 50)
    b = complex_normal(rng, 4, 12, 12)
    least = sparse_rows(b, mask, 0.5, tolerance=1e-9, iterations=50000).objective
    for iterations in (1, 10, 40, 160):
        early = sparse_rows(b, mask, 0.5, tolerance=0, iterations=iterations)
        assert np.all(early.iterations == iterations) and not early.converged.any()
        missing = 1 - least / early.objective
        assert np.all(missing > 0) and np.all(missing < early.gap)
        misfit = np.linalg.norm((early.rows - b)[:, mask], axis=1)
        assert np.all(misfit < 0.5 * (1 + 1e-12))  # in the noise ball whenever it stops
    assert early.gap.max() < 0.1


@pytest.mark.parametrize("precision, tolerance", [(np.complex64, 1e-4), (np.complex128, 1e-6)])
def test_a_batch_is_its_rows_one_by_one(precision, tolerance):
    rng = np.random.default_rng(6)
    mask = mask_of(rng, (10, 10), 40)
    b = complex_normal(rng, 450, 10, 10).astype(precision)  # two batches
    eps = rng.uniform(0, 4, 450) * (rng.random(450) > 0.3)
    found = sparse_rows(b, mask, eps, tolerance=tolerance)
    assert found.converged.all()
    for i in range(0, 450, 50):
        alone = sparse_rows(b[i : i + 1], mask, eps[i], tolerance=tolerance)
        assert abs(alone.iterations[0] - found.iterations[i]) <= 10  # one check apart at most, by rounding
        assert np.allclose(alone.rows[0], found.rows[i], atol=1e-4 if precision == np.complex64 else 1e-12)


def test_scale_phase_and_symmetries_carry_over():
    rng = np.random.default_rng(7)
    mask = mask_of(rng, (8, 11), 30)
    b = complex_normal(rng, 4, 8, 11)
    start = sparse_rows(b, mask, 0.7, tolerance=1e-8).rows
    unit = 3e-13 * np.exp(0.7j)
    assert np.allclose(sparse_rows(b * unit, mask, 0.7 * 3e-13, tolerance=1e-8).rows / unit, start, atol=1e-8)
    assert np.allclose(sparse_rows(b * unit, mask, 0.7 * 3e-13).rows / unit, start, atol=1e-2)  # single precision
    for turn in (lambda v: np.flip(v, -1), lambda v: np.flip(v, -2), lambda v: np.swapaxes(v, -1, -2)):
        assert np.allclose(sparse_rows(turn(b), turn(mask), 0.7, tolerance=1e-8).rows, turn(start), atol=1e-6)
    assert np.allclose(sparse_rows(b.conj(), mask, 0.7, tolerance=1e-8).rows, start.conj(), atol=1e-6)
    assert np.allclose(sparse_rows(b, mask, 0.7, tolerance=1e-8, mu=3).rows, start, atol=1e-6)


def test_rows_of_zeros_and_rows_within_the_noise_are_zero():
    rng = np.random.default_rng(8)
    mask = mask_of(rng, (8, 8), 20)
    b = complex_normal(rng, 4, 8, 8)
    b[1] = 0
    b[2] *= 0.99 / np.linalg.norm(b[2, mask])
    found = sparse_rows(b, mask, np.array([0.0, 0.0, 1.0, 0.0]))
    assert not found.rows[1:3].any() and np.all(found.iterations[1:3] == 0) and np.all(found.gap[1:3] == 0)
    assert found.converged.all() and found.rows[0].any() and found.rows[3].any()


def test_only_sampled_voxels_are_read():
    rng = np.random.default_rng(9)
    mask = mask_of(rng, (8, 8), 20)
    b = complex_normal(rng, 2, 8, 8)
    other = np.where(mask, b, np.nan)
    assert np.array_equal(sparse_rows(b, mask).rows, sparse_rows(other, mask).rows)


@pytest.fixture(scope="module")
def fine():
    return mpisim.simulate(mpisim.open_sided_ffl(0.9, angles=4), mpisim.Particle(24e-9), mpisim.Grid((24, 24)))


def test_the_extension_pays(fine):
    """Rows are not periodic on their own field of view; voxels outside that nothing is asked of let them be."""
    values = as_images(fine)
    mask = RandomSampling.drawn(2, (24, 24), seed=3).mask
    errors = [calib.nrmse(sparse_rows(values, mask, margin=m).rows, values) for m in (0, 2, 4)]
    assert errors[2] < errors[1] < errors[0] and errors[2] < 0.4 * errors[0]


def test_refusals(fine):
    mask, b = np.eye(6, dtype=bool), np.ones((2, 6, 6), complex)
    for words, arguments in {
        r"Input values must be rows of shape \(B, H, W\)": (b[0], mask),
        "Input sampled must be of the shape": (b, mask[:5]),
        "Input sampled must be true for some voxel": (b, mask & False),
        "Input values must be finite everywhere; instead received 12": (b * np.nan, mask),
        "Input radius must be one number or one for each of 2 rows": (b, mask, np.ones(3)),
        "Input radius must be zero or more; instead received -1": (b, mask, -1.0),
    }.items():
        with pytest.raises(InputError, match=words):
            sparse_rows(*arguments)
    for option, value in {"margin": -1, "mu": 0, "tolerance": -1e-3, "iterations": 0}.items():
        with pytest.raises(InputError, match=f"Input {option} must be"):
            sparse_rows(b, mask, **{option: value})
    unmarked = calib.downsample(fine, 2, "random", snr=None).drop_vars("sampled")
    with pytest.raises(InputError, match="Input coarse must be a dataset with the variable sampled"):
        calib.recover(unmarked, "cs")
