r"""Whether the phase of a row varies from voxel to voxel, which tells of a tracer with a history.

Where the field at every point is :math:`B_s + B_d \sin\omega t`, it is the same at the times t and T/2 - t. The moments
of a tracer that follows the field at once, and their coefficients for all voxels, have then one phase for each harmonic
and coil. This holds whatever the fields, coils, angles and sizes of cores, and for relaxation with a constant time,
which is a filter. A tracer with a history, such as by Brown's or Neel's rotation or by a time that depends on the
field, has other moments while the field rises than while it falls, and the phase varies within a row.

Of the values :math:`a_j` of a row over their noise :math:`\sigma_j`, with the phase :math:`\varphi` in which most of
their energy is, what is out of phase is :math:`q_j = {\rm Im}(e^{-i\varphi} a_j)/\sigma_j`. Noise alone leaves
:math:`2\sum q_j^2` a chi-square of n - 1 degrees of freedom, or less where the row itself is noise. A harmonic counts
with the median of its angles, so that single wild rows do not. With A angles

.. math:: z = \frac{A \sum_{c,k} \mathrm{median}_\theta (2 \sum_j q_j^2 - n + 1)}{\sqrt{2 \sum_{\theta,c,k} (n - 1)}}

is at most 2.5 in 104 matrices of 52 ideal and imperfect scanners whose tracers follow the field at once or relax with
a constant time (4 to 12 angles, 2x to 8x, 20 to 50 dB), and 90 and more for most tracers with a history
(docs/theory/physical.md).
"""

from __future__ import annotations

import numpy as np

from calib.methods.physical.measurement import Measurement

__all__ = ["MOST_OUT_OF_PHASE", "out_of_phase"]

MOST_OUT_OF_PHASE = 0.1
"""Amplitude out of phase, of the whole, above which a fitted scanner without a history is no answer."""
_SIGNIFICANT = 6.0  # standard deviations


def out_of_phase(measurement: Measurement, rescaled: float = 1.0) -> float:
    """Return the amplitude of what is out of phase beyond the noise, of the whole amplitude; 0 where noise explains it.

    Both are root mean squares in units of the noise, over all rows. The noise is that of the measurement times
    `rescaled`.
    """
    weighted = np.where(measurement.counts, measurement.values / (rescaled * measurement.sigma), 0)
    real, imaginary = (np.sum(part**2, axis=-1) for part in (weighted.real, weighted.imag))
    both = np.sum(weighted.real * weighted.imag, axis=-1)
    least = (real + imaginary) / 2 - np.hypot((real - imaginary) / 2, both)
    freedom = measurement.counts.sum(axis=-1) - 1.0
    beyond, whole = (_sum_of_medians(v, freedom) for v in (2 * least - freedom, real + imaginary))
    if beyond <= _SIGNIFICANT * np.sqrt(2 * freedom.clip(min=0).sum()):
        return 0.0
    return float(np.sqrt(beyond / 2 / whole))


def _sum_of_medians(values: np.ndarray, freedom: np.ndarray) -> float:
    """Return the sum over rows (angle, coil, harmonic), each with the median of its harmonic; others do not count."""
    counted = np.ma.masked_array(values, freedom < 1)
    return float(len(values) * np.ma.median(counted, axis=0).sum() if counted.count() else 0.0)
