"""What long work reports on stderr: bars, on a terminal only and only for more than a second, and lines."""

from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm

__all__ = ["progress", "say"]


def progress(iterable: Any = None, **options: Any) -> Any:
    """Return a tqdm bar on stderr that is silent when stderr is no terminal and appears after one second."""
    return tqdm(iterable, file=sys.stderr, disable=not sys.stderr.isatty(), delay=1, leave=False, **options)


def say(text: str) -> None:
    """Print a line on stderr."""
    print(text, file=sys.stderr, flush=True)
