r"""The receive chain: a complex gain for each harmonic and each coil.

A coil, its filter and its amplifier multiply the voltage at the frequency :math:`k f` by a complex number,
:math:`\gamma_{ck} = g_c\,\gamma_k`: amplitude and phase of a transfer function.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mpisim.errors import numbers_of, require, warn, whole

__all__ = ["ReceiveGain"]

_LARGEST = 1e6


@dataclass(frozen=True)
class ReceiveGain:
    """Complex gains of the receive chain.

    Parameters
    ----------
    harmonics
        Gains (k, real part, imaginary part) of the recorded frequency that is k times the base frequency; it is 1 for a
        harmonic that is not named. Harmonics that are named but not recorded are ignored; where a recorded one is not
        named, a warning says so.
    coils
        Gains (real part, imaginary part), one for each coil; 1 for all by default.

    Raises
    ------
    InputError
        If a harmonic is named twice, a gain is zero, or a number is not finite or above 1e6.
    """

    harmonics: tuple[tuple[int, float, float], ...] = ()
    coils: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        for name, count, words in (("harmonics", 3, "(k, real, imaginary)"), ("coils", 2, "(real, imaginary)")):
            rows = getattr(self, name)
            full = f"{name} of the receive gain"
            require(isinstance(rows, list | tuple), full, f"a sequence of gains {words}", repr(rows))
            checked = tuple(_checked_gain(full, row, count, words) for row in rows)
            object.__setattr__(self, name, checked)
        named = [row[0] for row in self.harmonics]
        require(len(set(named)) == len(named), "harmonics of the receive gain", "named once each", named)

    def gains(self, harmonics: Sequence[int], coils: int) -> np.ndarray:
        """Return the complex gains of `coils` coils at `harmonics`, shape (coil, frequency).

        Raises
        ------
        InputError
            If gains are given for another number of coils.
        """
        of_harmonic = {k: complex(re, im) for k, re, im in self.harmonics}
        received = f"gains of {len(self.coils)}"
        require(len(self.coils) in (0, coils), "coils of the receive gain", f"one for each of {coils}", received)
        of_coil = [complex(re, im) for re, im in self.coils] or [1.0 + 0.0j] * coils
        return np.outer(of_coil, [of_harmonic.get(k, 1.0 + 0.0j) for k in harmonics])

    def warn_of_others(self, harmonics: Sequence[int]) -> None:
        """Warn of named harmonics that are not among the recorded `harmonics`, unless these are all named as well.

        A table of more harmonics than a scanner records is nothing odd, but one that misses some of these is a slip.
        """
        named = [row[0] for row in self.harmonics]
        others, missed = ([k for k in ks if k not in of] for ks, of in ((named, harmonics), (harmonics, named)))
        if others and missed:
            warn(
                f"The receive gain of harmonic {', '.join(map(str, others))} has no effect, since the scanner does not "
                f"record it; harmonic {', '.join(map(str, missed))}, which is recorded, has the gain 1."
            )


def _checked_gain(name: str, row: object, count: int, words: str) -> tuple[float, ...]:
    values = numbers_of(name, row)  # type: ignore[arg-type]  # refuses whatever is no sequence
    require(len(values) == count, name, f"numbers {words}", repr(row))
    gain = abs(complex(values[-2], values[-1]))
    require(0 < gain <= _LARGEST, name, f"gains other than zero and at most {_LARGEST:g}", f"{gain:g}")
    return (whole("harmonic of the receive gain", values[0]), *values[1:]) if count == 3 else values
