"""Readable NumPy twins of the compiled loops, and how a test runs a loop both ways."""

import numpy as np
import pytest


def both(kernel):
    """The jitted kernel and its Python source."""
    return [pytest.param(kernel, id="jitted"), pytest.param(kernel.py_func, id="python")]


def langevin(x):
    """L(x) in NumPy, by its series below 0.1 (next term 1e-14 of it)."""
    x = np.asarray(x, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        naive = 1 / np.tanh(x) - 1 / x
    return np.where(np.abs(x) < 0.1, x / 3 - x**3 / 45 + 2 * x**5 / 945 - x**7 / 4725 + 2 * x**9 / 93555, naive)
