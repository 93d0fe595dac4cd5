"""Progress bars: on the terminal only, and only for work of more than a second."""

from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm

__all__ = ["progress"]


def progress(iterable: Any = None, **options: Any) -> Any:
    """Return a tqdm bar on stderr that is silent when stderr is no terminal and appears after one second."""
    return tqdm(iterable, file=sys.stderr, disable=not sys.stderr.isatty(), delay=1, leave=False, **options)
