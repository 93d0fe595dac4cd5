"""Names of variables, attributes, dimensions and groups in NetCDF files.

The NetCDF library copies a name that it reads into 256 bytes without looking at its length, and the program ends. It
writes a name only if this starts with a letter, a digit, `_` or a character beyond ASCII, holds neither a slash nor a
control character, and does not end with a space (NetCDF User's Guide, "NetCDF Names").
"""

from __future__ import annotations

import unicodedata

from mpisim.errors import require

__all__ = ["expect_name", "require_short"]

LONGEST = 256
"""Bytes of a name in UTF-8 (NC_MAX_NAME)."""


def require_short(length: int, what: str) -> None:
    """Raise `ValueError` for a name in a file, of so many bytes, that is longer than the NetCDF library can take."""
    if length > LONGEST:
        raise ValueError(f"a name of {what} of {length:,} bytes, where NetCDF allows {LONGEST}")


def expect_name(name: str, what: str) -> None:
    """Raise `InputError` for a name that NetCDF does not hold; `what` has it, such as "an attribute"."""
    held = len(unicodedata.normalize("NFC", name).encode("utf-8", "surrogatepass")) <= LONGEST
    first = name[:1] == "_" or name[:1].isalnum() or name[:1] > "\x7f"
    inner = not any(c == "/" or c < " " or c == "\x7f" or "\ud800" <= c <= "\udfff" for c in name)
    must = (
        f"one of at most {LONGEST} bytes that starts with a letter, a digit or _, and has no slash, no control "
        "character and no space at its end"
    )
    require(held and first and inner and name[-1:] != " ", f"name of {what}", must, repr(name[:100]))
