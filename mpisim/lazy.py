"""Names that a package hands on, imported when they are first asked for: `import mpisim` then loads almost nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module

__all__ = ["handed_on"]


def handed_on(
    package: str, homes: Mapping[str, Iterable[str]]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return the `__getattr__` and the `__dir__` of a package.

    Parameters
    ----------
    package
        Its name.
    homes
        Public names by the module that holds them; of the package itself they are its submodules.
    """
    home = {name: module for module, names in homes.items() for name in names}

    def getattribute(name: str) -> object:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        if home[name] == package:
            return import_module(f"{package}.{name}")
        return getattr(import_module(home[name]), name)

    return getattribute, lambda: sorted({*vars(sys.modules[package]), *home})
