"""Signal and noise of a system matrix in numbers: of all of it, of its rows, and of each frequency."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["KEYS", "SnrTally"]

KEYS = {
    "snr": "system matrix of known noise: RMS of its values over that of the noise, in dB",
    "row_snr": "the same: RMS over noise of the rows, a ratio: least, median and largest, how many are above 5, and of "
    "how many",
    "lines": "the same, of up to 100 frequencies: frequency in Hz, RMS and noise in the unit of the values, their "
    "ratio in dB, and how many rows are above 5",
}
"""Keys of `--json`."""

_ENOUGH = 5.0  # the ratio above which TranSMS takes a row
_MOST_LINES = 100


class SnrTally:
    """Signal and noise of a system matrix that comes in blocks of complete rows."""

    def __init__(self) -> None:
        self.ratios: list[float] = []
        self.signal, self.noise, self.rows = 0.0, 0.0, 0
        self.lines: dict[float, list[float]] = {}

    def add(self, block: xr.Dataset) -> None:
        """Take a block into account; one whose noise is not known, or that holds no complete rows, is left out."""
        import numpy as np

        from mpisim.data.noise import rms
        from mpisim.data.views import as_matrix, noise_like
        from mpisim.preprocess.row_snr import row_snr
        from mpisim.preprocess.rows import one_of_each_row

        if block.attrs["kind"] != "system_matrix" or "noise_std" not in block:
            return
        like = one_of_each_row(block)
        noise = noise_like(block, like)
        with np.errstate(all="ignore"):
            if not np.all((noise**2 > 0) & np.isfinite(noise**2)):  # of a damaged file, too
                return
        size, ratio = rms(as_matrix(block), axis=1).reshape(like.shape), row_snr(block)
        self.ratios += ratio.ravel().tolist()
        self.signal += float(np.sum(size**2))
        self.noise += float(np.sum(noise**2))
        self.rows += size.size
        if "frequency" not in like.dims or "frequency" not in block.coords:
            return
        axis = like.dims.index("frequency")
        by_line = [np.moveaxis(v, axis, 0).reshape(like.shape[axis], -1) for v in (size, noise, ratio)]
        for f, s, n, r in zip(block["frequency"].values.tolist(), *by_line, strict=True):
            known = self.lines.setdefault(float(f), [0.0, 0.0, 0.0, 0.0])
            for i, value in enumerate((np.sum(s**2), np.sum(n**2), s.size, np.count_nonzero(r > _ENOUGH))):
                known[i] += float(value)

    def described(self) -> dict[str, Any]:
        """Return the keys; empty where there is nothing to say."""
        import numpy as np

        if not self.rows or self.signal == 0:
            return {}
        ratios = np.array(self.ratios)
        summary = {
            "least": float(ratios.min()),
            "median": float(np.median(ratios)),
            "largest": float(ratios.max()),
            "above_5": int(np.count_nonzero(ratios > _ENOUGH)),
            "rows": self.rows,
        }
        lines = [
            {
                "frequency": f,
                "rms": math.sqrt(signal / count),
                "noise_std": math.sqrt(noise / count),
                "snr": _decibels(signal, noise),
                "above_5": int(above),
            }
            for f, (signal, noise, count, above) in sorted(self.lines.items())
        ]
        found: dict[str, Any] = {"snr": _decibels(self.signal, self.noise), "row_snr": summary}
        return found | ({"lines": lines} if 0 < len(lines) <= _MOST_LINES else {})


def _decibels(signal: float, noise: float) -> float | None:
    return 10 * math.log10(signal / noise) if 0 < signal < math.inf else None
