r"""The spectra of the frames in `/measurement/data`, whatever their layout, read in parts.

Data may be in time or frequency, with the frame axis first or last, or with the frames of the foreground replaced by
coefficients of a sparsity transformation. What is returned is the same for all: with the raw numbers r of channel c

.. math:: a_k = \frac{1}{V\,T_{c,k}} \sum_{i=0}^{V-1} (\alpha_c r_i + \beta_c)\, e^{-2\pi i k i / V},

Fourier coefficients in the unit of the file, as `mpisim.simulate` gives them (the sum alone is what files hold).
:math:`\alpha, \beta` are the `dataConversionFactor` and T is the `transferFunction` where it was not yet corrected.
"""

from __future__ import annotations

import numpy as np
from scipy.fft import rfft

from mpisim.errors import InputError, require, warn
from mpisim.io.mdf.acquisition import bins_of, periods_of
from mpisim.io.mdf.source import MdfFile
from mpisim.io.mdf.sparsity import Sparsity
from mpisim.io.mdf.specification import LAYOUTS
from mpisim.io.stored import plain_numbers

__all__ = ["Frames"]

_AT_ONCE = 4_000_000  # values of raw data that are read at once
_DATA = "/measurement/data"


class Frames:
    """The frames of a file.

    Parameters
    ----------
    source
        The open file.
    grid
        Positions along z, y, x, which sparse data need.

    Raises
    ------
    InputError
        If flags, sizes and data contradict each other.
    """

    def __init__(self, source: MdfFile, grid: tuple[int, ...] | None = None) -> None:
        self.source = source
        item = source.dataset(_DATA)
        if item is None:
            raise InputError(f"Input {source.path} must be an MDF file with measured data; instead received none.")
        self.item = item
        self.is_fourier = self._flag("isFourierTransformed", default=item.dtype.kind in "cV")
        self.is_sparse = self._flag("isSparsityTransformed", default=False)
        self.background_corrected = self._flag("isBackgroundCorrected", default=False)
        self.samples = self._samples()
        mask = source.real("/measurement/isBackgroundFrame")
        self.paired = item.ndim == 5 and item.shape[-1] == 2 and item.dtype.kind == "f"  # real and imaginary parts
        shape = item.shape[:-1] if self.paired else item.shape
        require(len(shape) == 4, source.name(_DATA), "of four dimensions (see the flags of /measurement)", item.shape)
        self.is_fast = self._fast(shape, None if mask is None else mask.size)
        self.periods, self.channels = shape[:2] if self.is_fast else shape[1:3]
        stored = shape[3] if self.is_fast else shape[0]
        points = shape[2] if self.is_fast else shape[3]
        self._check_counts()
        self.is_background = self._mask(mask, stored)
        self.sparse = self._sparsity(grid, stored, points) if self.is_sparse else None
        selected = self._flag(
            "isFrequencySelection", default=source.item("/measurement/frequencySelection") is not None
        )
        if not self.is_fourier:
            must = "0 where the data are in time"
            require(not selected, source.name("/measurement/isFrequencySelection"), must, 1)
            self.points = points
        self.bins = bins_of(source, points if self.is_fourier else points // 2 + 1, self.samples, selected)
        self.frequencies = self.bins * (2 * self._bandwidth() / self.samples)
        self.order = self._order()
        self.conversion = self._conversion()
        self.transfer, self.transfer_state = self._transfer()
        part = item.dtype["r"] if item.dtype.names and "r" in item.dtype.names else item.dtype
        single = part.itemsize // (1 + (part.kind == "c")) <= (2 if part.kind in "iub" else 4)
        self.dtype = np.dtype(np.complex64 if single else np.complex128)

    def _flag(self, name: str, default: bool) -> bool:
        names = [f"/measurement/{name}"]
        names += ["/measurement/isFramePermution"] if name == "isFramePermutation" else []
        found = self.source.flag(*names)
        return default if found is None else found

    def _samples(self) -> int:
        found = self.source.count("/acquisition/receiver/numSamplingPoints")
        if found is None:
            raise InputError(
                f"Input {self.source.name('/acquisition/receiver/numSamplingPoints')} must be given; "
                "instead received none."
            )
        return found

    def _bandwidth(self) -> float:
        field = "/acquisition/receiver/bandwidth"
        found = self.source.number(field)
        require(found is not None and found > 0, self.source.name(field), "a positive number of Hz", found)
        assert found is not None
        return found

    def _fast(self, shape: tuple[int, ...], frames: int | None) -> bool:
        """Whether frames lie along the last axis: by the flag, or where a draft has none, by the sizes."""
        stated = self.source.flag("/measurement/isFastFrameAxis", "/measurement/isTransposed")
        if self.is_sparse:
            stated = True
        if stated is not None:
            return stated
        return frames is not None and shape[3] == frames and shape[0] != frames

    def _check_counts(self) -> None:
        """Compare the axes of the data with what the file says of them."""
        name = self.source.name(_DATA)
        layout = LAYOUTS[self.is_fourier, self.is_fast, self.is_sparse]
        channels = self.source.count("/acquisition/receiver/numChannels")
        fits = channels in (None, self.channels)
        axes = " x ".join(layout)
        require(fits, name, f"{axes} with C = {channels} receive channels", f"the shape {self.item.shape}")
        periods = periods_of(self.source)
        require(
            periods in (None, self.periods), name, f"{axes} with J = {periods} periods", f"the shape {self.item.shape}"
        )

    def _mask(self, mask: np.ndarray | None, stored: int) -> np.ndarray:
        """Return which of the N frames are background; of sparse data, the N frames that were measured."""
        field = self.source.name("/measurement/isBackgroundFrame")
        if mask is None:
            return np.zeros(stored, dtype=bool)
        good = bool(np.isin(mask, (0, 1)).all())
        require(good, field, "made of zeros and ones", "other numbers")
        found = mask.ravel() == 1
        if not self.is_sparse:
            require(found.size == stored, field, f"of {stored} values, as there are frames", found.size)
        return found

    def _sparsity(self, grid: tuple[int, ...] | None, stored: int, points: int) -> Sparsity:
        """Return the transformation; the mask becomes that of the O + E frames that were transformed."""
        require(grid is not None, self.source.path, "a calibration where the data are sparse", "one without a grid")
        background = int(self.is_background.sum())
        last = bool(np.all(np.diff(self.is_background.astype(int)) >= 0))
        require(last, self.source.name("/measurement/isBackgroundFrame"), "ones at the end of sparse data", "others")
        assert grid is not None
        count = int(np.prod(grid))
        self.is_background = np.arange(count + background) >= count
        return Sparsity.of(self.source, (self.periods, self.channels, points, stored - background), grid)

    def _order(self) -> np.ndarray:
        """Return the acquisition index of every frame, from 0."""
        count = self.is_background.size
        if not self._flag("isFramePermutation", default=False):
            return np.arange(count)
        field = "/measurement/framePermutation"
        found = self.source.real(field)
        if found is None:
            raise InputError(
                f"Input {self.source.name(field)} must be given where isFramePermutation is 1; instead received none."
            )
        if self.is_sparse and found.size != count:
            warn(f"{self.source.name(field)} does not number the {count} frames that were measured; it is left aside.")
            return np.arange(count)
        good = found.size == count and bool(np.array_equal(np.sort(found.ravel()), np.arange(1, count + 1)))
        require(good, self.source.name(field), f"the numbers 1 to {count} in some order", f"{found.size} others")
        return found.ravel().astype(np.int64) - 1

    def _conversion(self) -> np.ndarray | None:
        """Return the factor and the offset of every channel, shape (C, 2), or None where they change nothing."""
        field = "/acquisition/receiver/dataConversionFactor"
        found = self.source.real(field)
        if found is None:
            return None
        if found.shape == (2, self.channels) and self.channels != 2:
            found = found.T
        good = found.shape == (self.channels, 2) or found.size == 2
        require(good, self.source.name(field), f"C x 2 = {self.channels} x 2 numbers", f"the shape {found.shape}")
        found = np.broadcast_to(found.reshape(-1, 2), (self.channels, 2))
        if np.all(found == (1.0, 0.0)):
            return None
        whole = (self.item.dtype["r"] if self.item.dtype.names else self.item.dtype).kind in "iu"
        if not whole:
            warn(
                f"{self.source.name(_DATA)} are no whole numbers and have a dataConversionFactor other than (1, 0). It "
                "is applied, as the specification says; some programs leave it in files whose data are converted."
            )
        return found

    def _transfer(self) -> tuple[np.ndarray | None, str]:
        """Return what the spectra are divided by, shape (C, K), and in a word what became of the transfer function."""
        if self._flag("isTransferFunctionCorrected", default=False):
            return None, "corrected before"
        field = "/acquisition/receiver/transferFunction"
        found = self.source.numbers(field)
        if found is None:
            return None, "none"
        full, count = self.samples // 2 + 1, self.bins.size
        found = found.reshape(1, -1) if found.ndim == 1 else found
        good = found.ndim == 2 and found.shape[0] in (1, self.channels) and found.shape[1] in (full, count)
        must = f"C x K = {self.channels} x {count} numbers"
        require(good, self.source.name(field), must, f"the shape {found.shape}")
        chosen = found if found.shape[1] == count else found[:, self.bins]
        factors = np.array(np.broadcast_to(chosen, (self.channels, count)), dtype=np.complex128)
        dead = ~np.isfinite(factors) | (factors == 0)
        if dead.any():
            warn(
                f"{self.source.name(field)} is zero or no number for {int(dead.sum())} of {dead.size} rows, which "
                "become zero."
            )
        return np.where(dead, np.inf, factors), "divided out"

    def values(self, j: slice, k: slice, n: slice) -> np.ndarray:
        """Return spectra, shape (J', C, K', N'), complex128, of periods, frequencies and frames; of sparse data all n.

        Working memory is a few times that of the result.
        """
        if self.sparse is not None:
            found = self.sparse.dense(plain_numbers(np.asarray(self.item[j, :, k, :])), j, k)[..., n]
        elif self.is_fourier and self.is_fast:
            found = self._raw((j, slice(None), k, n))
        elif self.is_fourier:
            found = np.moveaxis(self._raw((n, j, slice(None), k)), 0, -1)
        else:
            return self._corrected(self._transformed(j, k, n), k)
        scaled = found.astype(np.complex128, copy=False)
        if self.conversion is not None:
            scaled = scaled * self.conversion[:, 0][:, None, None]
            constant = (self.bins[k] == 0).astype(float)
            scaled += self.samples * self.conversion[:, 1][:, None, None] * constant[:, None]
        return self._corrected(scaled / self.samples, k)

    def _corrected(self, spectra: np.ndarray, k: slice) -> np.ndarray:
        return spectra if self.transfer is None else spectra / self.transfer[:, k][None, :, :, None]

    def _raw(self, where: tuple[slice, ...]) -> np.ndarray:
        raw = plain_numbers(np.asarray(self.item[where]))
        return raw[..., 0] + 1j * raw[..., 1] if self.paired else raw

    def _transformed(self, j: slice, k: slice, n: slice) -> np.ndarray:
        """Return the spectra of data in time, a portion of the frames at a time."""
        first, last, _ = n.indices(self.is_background.size)
        periods = len(range(*j.indices(self.periods)))
        out = np.empty((periods, self.channels, len(self.bins[k]), last - first), dtype=np.complex128)
        step = max(1, _AT_ONCE // max(1, periods * self.channels * self.points))
        for start in range(first, last, step):
            part = slice(start, min(start + step, last))
            raw = (
                self._raw((part, j))
                if not self.is_fast
                else np.moveaxis(self._raw((j, slice(None), slice(None), part)), -1, 0)
            )
            signal = raw.astype(np.float64)
            if self.conversion is not None:
                signal = signal * self.conversion[:, 0][:, None] + self.conversion[:, 1][:, None]
            spectra = rfft(signal, axis=-1)[..., self.bins[k]] / self.points
            out[..., part.start - first : part.stop - first] = np.moveaxis(spectra, 0, -1)
        return out
