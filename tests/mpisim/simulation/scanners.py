"""Scanners for the tests of engines: two tones and several coils."""

from dataclasses import dataclass

import numpy as np

from mpisim.scanner.sequences import PeriodicSequence, Tone


@dataclass(frozen=True)
class Lissajous:
    """A field-free point with drive fields along x and y and any homogeneous coils.

    `amplitudes` in T by tone, `multiples` of the base frequency of 1 kHz, `coils` (x, y, z) in 1/m each.
    """

    amplitudes: tuple[float, ...] = (0.010, 0.008)
    multiples: tuple[int, ...] = (7, 8)
    phases: tuple[float, ...] = (0.0, 0.4)
    coils: tuple[tuple[float, float, float], ...] = ((500.0, 0.0, 0.0), (0.0, 700.0, 0.0))
    harmonics: tuple[int, ...] = (1, 6, 7, 8, 9, 15, 22, 23)
    samples_per_period: int = 1024
    gradient: float = 1.0

    @property
    def sequence(self):
        tones = tuple(Tone(n, p) for n, p in zip(self.multiples, self.phases, strict=True))
        return PeriodicSequence(1e3, tones, self.harmonics, samples_per_period=self.samples_per_period)

    def selection_field(self, points, angle):
        return self.gradient * points * [-1, -1, 2]

    def drive_fields(self, points, angle):
        directions = np.eye(3)[: len(self.amplitudes)] * np.array(self.amplitudes)[:, None]
        return np.stack([np.broadcast_to(d, points.shape) for d in directions])

    def receive_sensitivities(self, points, angle):
        return np.stack([np.broadcast_to(c, points.shape) for c in np.array(self.coils)])
