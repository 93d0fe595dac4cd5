import numpy as np
import pytest
from scipy.sparse.linalg import aslinearoperator

from mpisim import InputError
from recon.solvers import matrix as matrices
from recon.solvers.cg import cg
from recon.solvers.fista import fista
from recon.solvers.kaczmarz import kaczmarz
from recon.solvers.matrix import SlabMatrix, back_projection, normal_product, product, squared_norm
from tests.laws import assert_adjoint
from tests.recon.problems import random_problem


class Slabs(SlabMatrix):
    """An array in slabs of unequal size, as a file gives them."""

    def __init__(self, array, edges=(0, 4, 5, 11, 15)):
        super().__init__(array.shape, array.dtype)
        self.array, self.edges = array, edges

    def slabs(self):
        for a, b in zip(self.edges[:-1], self.edges[1:], strict=True):
            yield slice(a, b), self.array[a:b].copy()


def test_a_class_of_slabs_that_does_not_define_them_cannot_be_made():
    class Incomplete(SlabMatrix): ...

    with pytest.raises(TypeError, match=r"abstract method '?slabs"):
        Incomplete((15, 12), complex)


@pytest.mark.parametrize("kind", [np.asarray, Slabs, aslinearoperator])
def test_products_are_those_of_the_array(kind, monkeypatch):
    monkeypatch.setattr(matrices, "_BLOCK", 400)  # blocks of two rows
    S, u, _, _ = random_problem(is_complex=True)
    x, v = np.random.default_rng(0).standard_normal((12, 3)), np.stack([u, 1j * u], axis=1)
    matrix = kind(S)
    assert np.allclose(product(matrix, x), S @ x)
    assert np.allclose(back_projection(matrix, v), (S.conj().T @ v).real)
    assert np.allclose(normal_product(matrix, x), (S.conj().T @ (S @ x)).real)
    assert squared_norm(matrix) == pytest.approx(np.linalg.norm(S) ** 2)


def test_the_adjoint_of_slabs_is_an_adjoint():
    matrix = Slabs(random_problem(is_complex=True)[0])
    rng = np.random.default_rng(0)
    x, v = (rng.standard_normal(n) + 1j * rng.standard_normal(n) for n in (12, 15))
    assert np.vdot(v, matrix @ x) == pytest.approx(np.vdot(matrix.adjoint() @ v, x))
    assert_adjoint(
        lambda x: stacked(product(matrix, x[:, None])[:, 0]),
        lambda v: back_projection(matrix, (v[:15] + 1j * v[15:])[:, None])[:, 0],
        (12,),
        (30,),
    )


def stacked(v):
    return np.concatenate([v.real, v.imag])


@pytest.mark.parametrize("unit", [1e-18, 1e15])
@pytest.mark.parametrize("kind", [np.asarray, Slabs])
def test_the_unit_does_not_matter_in_single_precision(kind, unit):
    """Squares of such values leave the range of float32."""
    S, u, _, _ = random_problem(is_complex=True)
    matrix = kind((unit * S).astype(np.complex64))
    assert np.allclose(cg(matrix, unit * u, 0.1).x, cg(S, u, 0.1).x, rtol=1e-3, atol=1e-4)
    found = fista(matrix, unit * u, 0.1, iterations=30).x
    assert np.allclose(found, fista(S, u, 0.1, iterations=30).x, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", [np.asarray, Slabs])
def test_sweeps_of_tiny_values_in_single_precision_skip_no_row(kind):
    """Squares of 1e-25 are zero in float32, so that rows would be taken for rows of zeros."""
    S, u, _, _ = random_problem(is_complex=True)
    want = kaczmarz(S, u, 0.1, 5)
    assert np.allclose(kaczmarz(kind((1e-25 * S).astype(np.complex64)), 1e-25 * u, 0.1, 5), want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_solvers_give_the_same_images_from_slabs(dtype):
    S, u, _, _ = random_problem(is_complex=True)
    S = S.astype(dtype)
    close = {"rtol": 1e-4, "atol": 1e-5} if dtype == np.complex64 else {"rtol": 1e-9, "atol": 1e-12}
    data = np.stack([u, u[::-1]], axis=1)
    assert np.allclose(kaczmarz(Slabs(S), data, 0.1, 5), kaczmarz(S, data, 0.1, 5), **close)
    assert np.allclose(cg(Slabs(S), data, 0.1).x, cg(S, data, 0.1).x, **close)
    options = {"shape": (3, 4), "l1": 0.01, "tv": 0.01, "iterations": 30}
    assert np.allclose(fista(Slabs(S), data, 0.1, **options).x, fista(S, data, 0.1, **options).x, **close)
    with pytest.raises(InputError, match="Input order must be fixed for a matrix that is read from a file by slabs"):
        kaczmarz(Slabs(S), data, order="shuffled")
