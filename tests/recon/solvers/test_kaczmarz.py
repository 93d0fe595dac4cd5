import numpy as np
import pytest
from scipy.optimize import nnls

from mpisim import InputError
from recon.solvers import kaczmarz as module
from recon.solvers.kaczmarz import kaczmarz
from recon.solvers.least_squares import penalty
from recon.solvers.operators import stack_real
from recon.solvers.row_order import Rows
from recon.solvers.tikhonov import tikhonov
from tests.recon.problems import random_problem


@pytest.mark.parametrize("real", [True, False])
def test_sweeps_converge_to_the_closed_form(real):
    S, u, _, _ = random_problem(is_complex=True)
    level = penalty(S, 0.3)
    assert level == pytest.approx(0.3 * np.linalg.norm(S) ** 2 / 12)
    image = kaczmarz(S, u, 0.3, sweeps=600, real=real, non_negative=False)
    rows, data = (stack_real(S), stack_real(u)) if real else (S, u)
    closed = np.linalg.solve(rows.conj().T @ rows + level * np.eye(12), rows.conj().T @ data)
    assert np.allclose(image, closed, atol=1e-8)
    if real:
        assert np.allclose(tikhonov(S, u, 0.3), closed, atol=1e-12)


def test_non_negative_tikhonov_is_the_constrained_minimiser():
    S, u, _, _ = random_problem(is_complex=True, noise=0.5)
    level = penalty(S, 0.2)
    rows = np.vstack([stack_real(S), np.sqrt(level) * np.eye(12)])
    best = nnls(rows, np.append(stack_real(u), np.zeros(12)))[0]
    image = tikhonov(S, u, 0.2, non_negative=True)
    assert np.allclose(image, best, atol=1e-10) and np.any(best == 0)
    swept = kaczmarz(S, u, 0.2, sweeps=500)
    assert np.all(swept >= 0)

    def cost(x):
        return np.sum((rows @ x - np.append(stack_real(u), np.zeros(12))) ** 2)

    assert cost(best) <= cost(swept) <= 1.1 * cost(best)


def test_regularisation_does_not_depend_on_units():
    S, u, _, _ = random_problem(is_complex=True)
    assert np.allclose(kaczmarz(S, u), 1e6 * kaczmarz(S * 1e6, u), rtol=1e-9, atol=1e-12)
    assert np.allclose(tikhonov(S, u), 1e6 * tikhonov(S * 1e6, u), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("solve", [kaczmarz, tikhonov])
@pytest.mark.parametrize(
    ("matrix", "y", "regularisation"),
    [
        (np.full((3, 2), np.nan), np.ones(3), 1.0),
        (np.ones((3, 2)), np.full(3, np.inf), 1.0),
        (np.ones((3, 2)), np.ones(2), 1.0),
        (np.ones((3, 2)), np.ones(3), -1.0),
        (np.ones((3, 2)), np.ones(3), np.nan),
    ],
)
def test_bad_input_gets_one_sentence(solve, matrix, y, regularisation):
    with pytest.raises(InputError, match=r"Input .* must be .*; instead received"):
        solve(matrix, y, regularisation)


@pytest.mark.parametrize("solve", [kaczmarz, tikhonov])
def test_former_names_of_arguments_work_with_a_warning(solve):
    S, u, _, _ = random_problem(is_complex=True)
    with pytest.warns(DeprecationWarning, match="use regularisation instead of strength"):
        former = solve(S, u, strength=0.2)
    assert np.array_equal(former, solve(S, u, regularisation=0.2))
    with pytest.warns(DeprecationWarning, match="use non_negative instead of positive"):
        former = solve(S, u, 0.2, positive=True)
    assert np.array_equal(former, solve(S, u, 0.2, non_negative=True))


def closed_form(S, u, level, start=None):
    rows, data = stack_real(S), stack_real(u)
    right = rows.T @ data + (0 if start is None else level * start)
    return np.linalg.solve(rows.T @ rows + level * np.eye(rows.shape[1]), right)


@pytest.mark.parametrize("order", ["fixed", "shuffled", "energy"])
def test_every_order_of_the_rows_converges_to_the_closed_form(order):
    S, u, _, _ = random_problem(is_complex=True)
    S[3] *= 5
    S[7] = 0
    want = closed_form(S, u, penalty(S, 0.3))
    image = kaczmarz(S, u, 0.3, 700, non_negative=False, order=order, seed=4)
    assert np.allclose(image, want, atol=1e-7)
    again = kaczmarz(S, u, 0.3, 3, order=order, seed=4)
    assert np.array_equal(again, kaczmarz(S, u, 0.3, 3, order=order, seed=4))
    other = kaczmarz(S, u, 0.3, 3, order=order, seed=5)
    assert np.array_equal(again, other) == (order == "fixed")


def test_drawn_rows_come_as_often_as_their_norms_say():
    """One sweep over a matrix of two kinds of rows; the probabilities are those of Strohmer and Vershynin."""
    S = np.ones((4000, 2), complex)
    S[::4] *= 3
    rows = Rows(S, "energy", 0, np.ones(4000))
    part = next(rows.parts(np.array([4.0])))
    drawn = part.order[: part.count]
    want = 1000 * (18 + 4) / (1000 * (18 + 4) + 3000 * (2 + 4))
    assert np.mean(drawn % 4 == 0) == pytest.approx(want, abs=0.025)


def test_lambda_by_the_conventions_of_the_field():
    S, u, _, _ = random_problem(is_complex=True)
    norm = np.linalg.norm(S)
    for convention, regularisation, unit in (
        ("trace", 0.3, norm**2 / 12),
        ("absolute", 9, 1),
        ("frobenius", 0.5, norm),
    ):
        level = regularisation * unit
        assert penalty(S, regularisation, convention) == pytest.approx(level)
        image = kaczmarz(S, u, regularisation, 600, non_negative=False, convention=convention)
        assert np.allclose(image, closed_form(S, u, level), atol=1e-6)
    with pytest.raises(InputError, match="Input convention must be one of trace, absolute, frobenius"):
        kaczmarz(S, u, convention="norm")


def test_weights_of_rows_are_those_of_the_squares():
    S, u, _, _ = random_problem(is_complex=True)
    w = np.random.default_rng(0).uniform(0, 2, 15)
    w[2] = 0
    root = np.sqrt(w)
    scaled = kaczmarz(root[:, None] * S, root * u, 0.1, 7, order="shuffled")
    assert np.allclose(kaczmarz(S, u, 0.1, 7, order="shuffled", weights=w), scaled, atol=1e-12)
    for bad in (np.ones(3), -w, w * np.nan):
        with pytest.raises(InputError, match=r"Input weights must be .*; instead received"):
            kaczmarz(S, u, weights=bad)


def test_sweeps_from_an_image_converge_to_the_minimiser_around_it():
    S, u, truth, _ = random_problem(is_complex=True)
    image = kaczmarz(S, u, 0.3, 600, non_negative=False, start=truth)
    assert np.allclose(image, closed_form(S, u, penalty(S, 0.3), truth), atol=1e-8)


def test_several_images_are_the_same_as_one_by_one_each_with_its_lambda():
    S, u, _, _ = random_problem(is_complex=True)
    levels = np.array([0.1, 0.2, 0.5])
    data = np.stack([u, 2 * u, u[::-1]], axis=1)
    together = kaczmarz(S, data, levels, 9)
    for i, level in enumerate(levels):
        assert np.allclose(together[:, i], kaczmarz(S, data[:, i], level, 9), atol=1e-13)


@pytest.mark.parametrize("threads", [1, 2])
def test_an_image_is_the_same_to_the_last_bit_whatever_is_swept_beside_it(monkeypatch, threads):
    """In float32, over more than two tiles of voxels: frames that are swept in groups depend on it."""
    monkeypatch.setattr(module, "get_num_threads", lambda: threads)
    S, u, _, _ = random_problem(rows=21, shape=(20, 16), is_complex=True)
    single, data = S.astype(np.complex64), np.stack([(k + 1) * np.roll(u, k) for k in range(11)], axis=1)
    together = kaczmarz(single, data, 0.1, 3)
    for some in (slice(0, 1), slice(3, 5), slice(2, 11)):
        assert np.array_equal(kaczmarz(single, data[:, some], 0.1, 3), together[:, some])


def test_a_matrix_of_complex64_is_swept_in_float32_without_a_copy():
    S, u, _, _ = random_problem(rows=40, shape=(6, 6), is_complex=True)
    single = S.astype(np.complex64)
    assert Rows(single, "fixed", 0, np.ones(40)).matrix is single
    assert np.allclose(kaczmarz(single, u, 0.05), kaczmarz(single.astype(complex), u, 0.05), rtol=1e-5, atol=1e-5)
    tiny = single * np.float32(1e-18)  # squares leave the range of float32
    assert Rows(tiny, "fixed", 0, np.ones(40)).matrix.dtype == np.complex128
    assert np.allclose(kaczmarz(tiny, 1e-18 * u, 0.05), kaczmarz(single, u, 0.05), rtol=1e-4, atol=1e-4)


def test_the_callback_sees_every_sweep_and_may_end_them():
    S, u, _, _ = random_problem(is_complex=True)
    seen = []

    def watch(iteration, images, figures):
        seen.append((iteration, images.copy(), figures["change"]))
        return iteration == 3

    image = kaczmarz(S, u, 0.1, 50, callback=watch)
    assert [s[0] for s in seen] == [1, 2, 3] and seen[0][1].shape == (12, 1) and seen[0][2].shape == (1,)
    assert np.array_equal(image, seen[-1][1][:, 0]) and np.array_equal(image, kaczmarz(S, u, 0.1, 3))
    seen.clear()
    kaczmarz(S, u, 0.1, 500, tolerance=1e-3, callback=lambda i, x, f: seen.append(f["change"][0]) or False)
    assert len(seen) < 500 and seen[-1] <= 1e-3 < seen[-2]
