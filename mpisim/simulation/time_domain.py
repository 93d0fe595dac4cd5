r"""The time-domain engine: any number of tones and coils, and any magnetisation, with a history or without.

One common period :math:`T = 1/f` is sampled at :math:`t_j = j T/N`. The field at every point of a sample,
:math:`B(r, t_j) = B_s(r) + \sum_i B_{d,i}(r) \sin(2\pi n_i f t_j + \varphi_i)`, gives the mean moment :math:`m(r, t_j)`
of a particle over the period, and this the flux :math:`\Phi_c(t_j) = \mu_0 \sum_q w_q\, p_c(r_q) \cdot m(r_q, t_j)` of
every coil. With
:math:`v = -d\Phi/dt` a Fourier coefficient of the voltage is, integrating by parts,

.. math:: a_k = \frac1T\int_0^T v\,e^{-2\pi i k f t}\,dt = -2\pi i k f\,\Phi_k, \qquad
          \Phi_k \approx \frac1N \sum_j \Phi(t_j)\,e^{-2\pi i k j/N} .

Accuracy: the sum is the trapezoidal rule of a periodic function. Its error is what aliases, :math:`\Phi_{k \pm N}`,
:math:`\Phi_{k \pm 2N}` and so on, which falls as :math:`\exp(-N s)` where the flux is analytic within
:math:`|{\rm Im}\,2\pi f t| < s`. For Langevin particles :math:`s \approx \pi / (\beta \sum_i n_i A_i)` with the
amplitudes :math:`A_i` (the poles of :math:`L` at :math:`\xi = \pm i\pi`, at the steepest change of the field). Nothing
else is approximated here; a model with a history has an accuracy of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, reduce

import numpy as np

from mpisim.constants import MU_0
from mpisim.data.grid import Grid
from mpisim.errors import require
from mpisim.particles.protocol import Magnetisation
from mpisim.particles.table import PARTICLES
from mpisim.progress import progress
from mpisim.scanner.protocol import Scanner, Sequence, fixed_in_angle
from mpisim.simulation.sample import Sample

__all__ = ["drive_waves", "time_domain_rows", "voltage_lines"]

_BLOCK_BYTES = 2e6  # stays in the cache of a processor


def drive_waves(sequence: Sequence) -> np.ndarray:
    """Return the sines of all tones at the uniform samples of one period, shape (tone, time)."""
    turns = np.arange(sequence.samples_per_period) / sequence.samples_per_period
    return np.stack([np.sin(2 * np.pi * t.multiple * turns + t.phase) for t in sequence.tones])


def time_domain_rows(
    scanner: Scanner, particle: Magnetisation, grid: Grid, sample: Sample, block_bytes: float = _BLOCK_BYTES
) -> np.ndarray:
    """Return the rows on a grid for any periodic drive.

    Parameters
    ----------
    scanner
        Fields, coils and sequence.
    particle
        Model of the tracer's magnetisation.
    grid, sample
        Voxels, and the sample that is moved over them.
    block_bytes
        Size of the field at all times of the points that are computed together, at least one point; the memory in use
        is a few times that.

    Returns
    -------
    numpy.ndarray
        Voltages in V, complex128, shape (angle, coil, frequency, voxel), x fastest.

    Raises
    ------
    InputError
        If the model of the magnetisation returns another shape than that of the field.
    """
    offsets, weights = sample.rule(grid)
    sequence, centers = scanner.sequence, sample.positions(grid)
    scale = MU_0 * sample.particles(grid) * weights
    at_once = max(1, int(block_bytes / (24 * sequence.samples_per_period)))
    voxels = _blocks(len(centers), max(1, at_once // weights.size))
    points = _blocks(weights.size, min(at_once, weights.size))
    waves = drive_waves(sequence)
    blocks = []
    for v in progress(voxels, unit="block of voxels"):
        parts = [_FluxOf(scanner, particle, waves, centers[v, None] + offsets[q], scale[q]) for q in points]
        angles = progress(sequence.angles, unit="angle")  # of models that take seconds
        rows = [voltage_lines(reduce(np.add, (flux(angle) for flux in parts)), sequence) for angle in angles]
        blocks.append(np.stack(rows))
    return np.concatenate(blocks, axis=-1)


def _blocks(count: int, size: int) -> list[slice]:
    return [slice(i, i + size) for i in range(0, count, size)]


@dataclass(frozen=True)
class _FluxOf:
    """Flux of samples at any angle: of the `points` (voxel, point, 3) in m with `weights` (point,).

    What the scanner says not to depend on the angle is evaluated once.
    """

    scanner: Scanner
    particle: Magnetisation
    waves: np.ndarray
    points: np.ndarray
    weights: np.ndarray

    def __call__(self, angle: float) -> np.ndarray:
        """Flux in V s, shape (coil, voxel, time); `waves` (tone, time) are those of the drive."""
        drive_fixed, coils_fixed = fixed_in_angle(self.scanner)
        drives = self._fixed_drives if drive_fixed else self.scanner.drive_fields(self.points, angle)
        drive = np.tensordot(self.waves.T, drives, axes=1)  # (time, voxel, point, 3)
        field = self.scanner.selection_field(self.points, angle) + drive
        with PARTICLES.guarded(type(self.particle).__name__):
            moment = self.particle.moments(field, 1 / self.scanner.sequence.base_frequency)
        require(moment.shape == field.shape, "moments", f"of the field's shape {field.shape}", moment.shape)
        return np.einsum("tvqi,cvqi->cvt", moment, self._fixed_coils if coils_fixed else self._coils(angle))

    def _coils(self, angle: float) -> np.ndarray:
        return self.scanner.receive_sensitivities(self.points, angle) * self.weights[:, None]

    @cached_property
    def _fixed_drives(self) -> np.ndarray:
        return self.scanner.drive_fields(self.points, self.scanner.sequence.angles[0])

    @cached_property
    def _fixed_coils(self) -> np.ndarray:
        return self._coils(self.scanner.sequence.angles[0])


def voltage_lines(flux: np.ndarray, sequence: Sequence) -> np.ndarray:
    """Return the recorded Fourier coefficients of the voltage in V, shape (coil, frequency, voxel).

    The flux in V s, shape (coil, voxel, time), is that of one period.
    """
    k = np.array(sequence.harmonics)
    lines = np.fft.rfft(flux, norm="forward")[..., k]
    lines *= -2j * np.pi * sequence.base_frequency * k
    return lines.swapaxes(-1, -2)
