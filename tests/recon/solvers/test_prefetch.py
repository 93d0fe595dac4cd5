"""The hint to the cache: compiled it is an instruction, and it changes no value."""

import numpy as np
import pytest
from numba import njit

from recon.solvers.prefetch import prefetch


def asked(matrix):
    """Ask for every value of a matrix, and return their sum."""
    total = matrix[0, 0] * 0
    for row in range(matrix.shape[0]):
        for column in range(matrix.shape[1]):
            prefetch(matrix, row, column)
            total += matrix[row, column]
    return total


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
@pytest.mark.parametrize("compiled", [True, False])
def test_a_hint_changes_nothing(dtype, compiled):
    matrix = (np.arange(15) + 1j).reshape(3, 5).astype(dtype)
    before = matrix.copy()
    total = (njit(asked) if compiled else asked)(matrix)
    assert total == before.sum() and np.array_equal(matrix, before)


def test_compiled_code_holds_the_hint():
    function = njit(asked)
    function(np.ones((2, 3), np.complex64))
    assert "llvm.prefetch" in next(iter(function.inspect_llvm().values()))
