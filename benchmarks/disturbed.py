"""Matrices that make recovery hard: files with errors, scanners of other kinds, and what no scanner has measured.

Each case is a coarse matrix with the fine one that it should become. Where a file is wrong alike for both (rows that
are reversed, angles that count otherwise), the fine matrix has the same error; where only the measurement is (a
position at which the sample was dropped), it does not. All are made from scanners that the package brings, with few
angles, so that a case takes seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import xarray as xr

import calib
import mpisim
from mpisim.data.noise import complex_gaussian, rms
from mpisim.dataset.outside import draw_outside
from mpisim.scanner.ffl import OpenSidedFFL
from mpisim.scanner.sequences import PeriodicSequence, Tone

__all__ = ["Case", "FieldFreePoint", "Lissajous", "hard_cases"]

SNR = 33.7
SEED = 1


class Case(NamedTuple):
    """A coarse matrix, the fine one that it should become, and its name."""

    name: str
    coarse: xr.Dataset
    fine: xr.Dataset


@dataclass(frozen=True)
class FieldFreePoint(OpenSidedFFL):
    """A field-free point that a drive field in the plane carries through the centre, along the direction of the angle.

    The selection field is G (x, y, -2 z) / 2, the coil receives along the drive.
    """

    def selection_field(self, points: np.ndarray, angle: float) -> np.ndarray:
        """Selection field in T at points in m."""
        return self.sf_gradient / 2 * points * np.array([1.0, 1.0, -2.0])

    def drive_fields(self, points: np.ndarray, angle: float) -> np.ndarray:
        """Drive field of one tone, half as large as that of the line: the gradient is."""
        along = self.drive_amplitude / 2 * np.array([np.cos(angle), np.sin(angle), 0.0])
        return np.broadcast_to(along, points.shape)[None]

    def receive_sensitivities(self, points: np.ndarray, angle: float) -> np.ndarray:
        """Sensitivity of one coil along the drive."""
        along = self.sensitivity[2] * np.array([np.cos(angle), np.sin(angle), 0.0])
        return np.broadcast_to(along, points.shape)[None]


@dataclass(frozen=True)
class Lissajous(FieldFreePoint):
    """A field-free point on a Lissajous curve of the frequency ratio 8/9, with two coils; nothing turns."""

    @property
    def sequence(self) -> PeriodicSequence:
        """Two tones along x and y, and mixing terms of low order."""
        harmonics = (16, 17, 18, 24, 25, 26, 27, 33, 34, 35)
        return PeriodicSequence(self.drive_frequency, (Tone(8), Tone(9)), harmonics, (0.0,), 864)

    def drive_fields(self, points: np.ndarray, angle: float) -> np.ndarray:
        """Drive fields along x and y."""
        along = self.drive_amplitude / 2 * np.eye(3)[:2]
        return np.broadcast_to(along.reshape(2, *[1] * (points.ndim - 1), 3), (2, *points.shape))

    def receive_sensitivities(self, points: np.ndarray, angle: float) -> np.ndarray:
        """Sensitivities along x and y."""
        along = self.sensitivity[2] * np.eye(3)[:2]
        return np.broadcast_to(along.reshape(2, *[1] * (points.ndim - 1), 3), (2, *points.shape))


def hard_cases(factor: int, scanner: str = "medium", angles: int = 12, chosen: tuple[str, ...] = ()) -> Iterator[Case]:
    """Yield all cases of a factor, those of errors of a file on one scanner; `chosen` names some of them."""
    for name, make in _CASES.items():
        if chosen and name not in chosen:
            continue
        yield Case(name, *make(factor, scanner, angles))


Pair = tuple[xr.Dataset, xr.Dataset]
Make = Callable[[int, str, int], Pair]
_TRACER = mpisim.Particle(25e-9)


@lru_cache(maxsize=8)
def _setup(scanner: str, angles: int) -> mpisim.Setup:
    """A scanner of the package by its name, or one of the split `outside`, with some of its angles."""
    setup = draw_outside(np.random.default_rng(SEED), 1) if scanner == "outside" else mpisim.read_scanner(scanner)
    every = setup.scanner.angles
    return replace(setup, scanner=replace(setup.scanner, angles=every[:: len(every) // angles]))


@lru_cache(maxsize=8)
def _fine(scanner: str, angles: int) -> xr.Dataset:
    if scanner == "ideal":
        return mpisim.simulate(mpisim.open_sided_ffl(0.7, angles=angles), _TRACER)
    return _setup(scanner, angles).simulate()


def _coarse(fine: xr.Dataset, factor: int, sampling: str = "box", snr: float | None = SNR, **how: str) -> xr.Dataset:
    return calib.downsample(fine, factor, sampling, snr=snr, seed=SEED, **how)


def _edited(matrix: xr.Dataset, edit: Callable[[np.ndarray], np.ndarray | None]) -> xr.Dataset:
    values = matrix["system_matrix"].values.copy()
    changed = edit(values)
    found = matrix["system_matrix"]
    return matrix.assign(system_matrix=(found.dims, values if changed is None else changed, found.attrs))


def _both(edit: Callable[[np.ndarray], np.ndarray | None]) -> Make:
    """A case whose coarse and fine matrix are edited alike."""

    def make(factor: int, scanner: str, angles: int) -> Pair:
        fine = _fine(scanner, angles)
        return _edited(_coarse(fine, factor), edit), _edited(fine, edit)

    return make


def _angles(change: Callable[[np.ndarray], np.ndarray]) -> Make:
    """A case whose file states other angles."""

    def make(factor: int, scanner: str, angles: int) -> Pair:
        fine = _fine(scanner, angles)
        stated = change(fine["angle"].values)
        return _coarse(fine, factor).assign_coords(angle=stated), fine.assign_coords(angle=stated)

    return make


def _measured(change: Callable[[xr.Dataset], xr.Dataset]) -> Make:
    """A case whose coarse matrix alone is changed."""

    def make(factor: int, scanner: str, angles: int) -> Pair:
        fine = _fine(scanner, angles)
        return change(_coarse(fine, factor)), fine

    return make


def _of(fine: Callable[[str, int], xr.Dataset], **how: str | float | None) -> Make:
    """A case of another fine matrix or sampling."""

    def make(factor: int, scanner: str, angles: int) -> Pair:
        matrix = fine(scanner, angles)
        return _coarse(matrix, factor, **how), matrix  # type: ignore[arg-type]

    return make


def _dead(v: np.ndarray) -> None:
    v[len(v) // 4, 2], v[7 * len(v) // 12, 5], v[:, 6] = 0, 0, 0


def _reversed(v: np.ndarray) -> None:
    for k in (1, 4, 8):
        v[k] = v[k][..., ::-1, :].copy()


def _odd_signs(v: np.ndarray) -> None:
    v[5], v[8, 2] = -v[5], -v[8, 2]


def _shuffled(v: np.ndarray) -> np.ndarray:
    return v[np.random.default_rng(0).permutation(len(v))]


def _two_bad(coarse: xr.Dataset) -> xr.Dataset:
    def edit(v: np.ndarray) -> None:
        v[..., 1, 1] = 0
        v[..., 0, 2] *= 3

    return _edited(coarse, edit)


def _burst(coarse: xr.Dataset) -> xr.Dataset:
    def edit(v: np.ndarray) -> None:
        strength = 0.5 * float(np.sqrt(np.mean(np.abs(v) ** 2)))
        v[..., 2, 3] += complex_gaussian(v.shape[:-2], strength, 5)

    return _edited(coarse, edit)


def _random(smooth: bool) -> Callable[[str, int], xr.Dataset]:
    """Rows that no scanner makes: white noise, or smooth random ones."""

    def make(scanner: str, angles: int) -> xr.Dataset:
        matrix = _fine(scanner, angles)
        values = complex_gaussian(matrix["system_matrix"].shape, 1.0, 7)
        if smooth:
            radius = np.hypot(*np.meshgrid(*[np.fft.fftfreq(n) for n in values.shape[:1:-1]]))
            values = np.fft.ifft2(np.fft.fft2(values) * np.exp(-((radius / 0.06) ** 2)))
        values = values * float(rms(matrix["system_matrix"].values) / rms(values))
        return _edited(matrix, lambda v: values.astype(v.dtype)).assign_attrs(scanner={})

    return make


def _other_grid(shape: tuple[int, int], center: tuple[float, float, float]) -> Callable[[str, int], xr.Dataset]:
    grid = mpisim.Grid(shape, (0.03, 0.026), center=center)
    return lambda scanner, angles: replace(_setup(scanner, angles), grid=grid).simulate()


def _point(scanner: str, angles: int) -> xr.Dataset:
    return mpisim.simulate(FieldFreePoint(1.0, 0.016, angles=tuple(np.pi * np.arange(angles) / angles)), _TRACER)


def _lissajous(scanner: str, angles: int) -> xr.Dataset:
    return mpisim.simulate(Lissajous(1.0, 0.016, angles=(0.0,), samples_per_period=864), _TRACER)


def _two_coils(scanner: str, angles: int) -> xr.Dataset:
    one = _fine(scanner, angles)
    other = _edited(one, lambda v: (0.6j * v * (1 + 0.3 * np.linspace(-1, 1, 32))[:, None]).astype(v.dtype))
    return xr.concat([one, other], dim="receive").transpose("angle", "receive", "frequency", "y", "x")


def _changed_within(scanner: str, angles: int) -> xr.Dataset:
    """A scanner whose tracer was replaced after half of the angles."""
    one, other = _fine(scanner, angles), _fine("strong", angles)
    half = angles // 2

    def edit(v: np.ndarray) -> None:
        v[half:] = other["system_matrix"].values[half:] * (
            np.linalg.norm(v[half:]) / np.linalg.norm(other["system_matrix"].values[half:])
        )

    return _edited(one, edit)


def _without(scanner: str, angles: int, *names: str) -> xr.Dataset:
    found = _fine(scanner, angles).drop_vars(list(names))
    return found.assign_attrs(scanner={k: v for k, v in found.attrs["scanner"].items() if k != "drive_frequency"})


_CASES: dict[str, Make] = {}
for _level in ("ideal", "mild", "medium", "strong", "outside"):
    _CASES[_level] = _of(lambda scanner, angles, level=_level: _fine(level, angles))
_CASES |= {
    "dead rows": _both(_dead),
    "reversed rows": _both(_reversed),
    "wrong signs": _both(_odd_signs),
    "conjugated": _both(np.conj),
    "x and y exchanged": _both(lambda v: v.swapaxes(-1, -2)),
    "top down": _both(lambda v: v[..., ::-1, :]),
    "angles shuffled": _both(_shuffled),
    "angles negative": _angles(np.negative),
    "angles in degrees": _angles(np.degrees),
    "angles x 1.1": _angles(lambda a: 1.1 * a),
    "angles from the y axis": _angles(lambda a: np.pi / 2 - a),
    "noise stated 10 x too small": _measured(lambda c: c.assign(noise_std=c["noise_std"] / 10)),
    "noise stated 10 x too large": _measured(lambda c: c.assign(noise_std=c["noise_std"] * 10)),
    "noise unknown": _measured(lambda c: c.drop_vars("noise_std")),
    "two positions wrong": _measured(_two_bad),
    "a burst of noise": _measured(_burst),
    "no angles": _of(lambda s, a: _fine(s, a).drop_vars("angle")),
    "some angles missing": _of(lambda s, a: _fine(s, a).isel(angle=[0, 1, 4, 5, 9])),
    "two angles": _of(lambda s, a: _fine(s, a).isel(angle=[1, 7])),
    "one angle": _of(lambda s, a: _fine(s, a).isel(angle=[1])),
    "one harmonic": _of(lambda s, a: _fine(s, a).isel(frequency=[1])),
    "no harmonics stated": _of(lambda s, a: _without(s, a, "harmonic", "frequency")),
    "20 dB": _of(_fine, snr=20.0),
    "6 dB": _of(_fine, snr=6.0),
    "exact": _of(_fine, snr=None),
    "exact, ideal": _of(lambda s, a: _fine("ideal", a), snr=None),
    "strided": _of(_fine, sampling="strided"),
    "random voxels": _of(_fine, sampling="random"),
    "two coils": _of(_two_coils),
    "tracer changed midway": _of(_changed_within),
    "other grid": _of(_other_grid((24, 16), (2e-3, -1e-3, 0.0))),
    "partial blocks": _of(_other_grid((27, 21), (0.0, 0.0, 0.0)), edge="fill"),
    "field-free point": _of(_point),
    "Lissajous curve": _of(_lissajous),
    "white noise": _of(_random(smooth=False)),
    "smooth random rows": _of(_random(smooth=True)),
}
