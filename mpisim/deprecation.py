"""Former names of arguments: they work with a warning until the version that removes them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from mpisim.errors import require

__all__ = ["renamed_arguments"]

P = ParamSpec("P")
R = TypeVar("R")


def renamed_arguments(removed: str = "0.4", /, **names: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator for a function whose keyword arguments have new names.

    Parameters
    ----------
    removed
        Version that no longer takes the former names.
    **names
        New name by former name.

    A former name gives a `DeprecationWarning` that states the new one; both together raise `InputError`.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def renamed(*args: P.args, **kwargs: P.kwargs) -> R:
            for old in names.keys() & kwargs.keys():
                new = names[old]
                require(new not in kwargs, new, f"given without its former name {old}", "both")
                text = f"{function.__name__}: use {new} instead of {old}, which version {removed} removes"
                warnings.warn(text, DeprecationWarning, stacklevel=2)
                kwargs[new] = kwargs.pop(old)
            return function(*args, **kwargs)

        return renamed

    return decorate
