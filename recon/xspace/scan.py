r"""What a scan with a field-free line measures: the projection of the tracer at each angle, as a series in harmonics.

At the rotation angle :math:`\theta` the line has the normal :math:`\hat u = (\cos\theta, \sin\theta)`, and
:math:`A \sin\varphi` moves it to :math:`w = -R \sin\varphi`, :math:`R = A/G`, about its resting place. With the
projection :math:`P_\theta(u)`, the integral of the relative concentration along the line
:math:`r\cdot\hat u = u`, and the response

.. math:: h(u) = \tfrac12 \beta G\,L'(\beta G u), \qquad \int h\,du = 1, \qquad \beta = m/(k_B T),

of particles of one size, whose full width at half maximum is :math:`4.16\,k_B T/(m G)`, the flux of a coil with the
sensitivity p changes by :math:`d\Phi/dw = -C\,s(w)` with :math:`s = P_\theta * h` and
:math:`C = 2\mu_0\,p\,n\,m` (n particles per area of the plane at the relative concentration 1). The voltage
:math:`v = -\dot\Phi` over the speed of the line is therefore an image of s: this is x-space (Goodwill and Conolly,
IEEE TMI 29, 2010; along lines: Konkle et al., IEEE TMI 32, 2013). Since the flux depends on :math:`\xi = w/R` alone, it
is a series of Chebyshev polynomials in the harmonics of the voltage :math:`a_k`, and its derivative one of those of the
second kind,

.. math:: s(w) = \sum_{k \ge 1} g_k\,U_{k-1}(w/R), \qquad a_k = -\tfrac12 i^{k-1}\,\omega C R\,g_k ,

with :math:`\omega = 2\pi f_0` and real :math:`g_k` (Rahmer et al., BMC Med. Imaging 9, 2009; Grueettner et al.,
Biomed. Tech. 58, 2013). `LineScan.gains` holds the factor of each row, and `coefficients` returns :math:`g_k`.

Simplified: an ideal line and drive, a homogeneous coil and particles in equilibrium. A gain that a file states for
angles or frequencies, and a relaxation that is a filter in time, are divided out; a line that a file states to be
displaced or turned is taken where it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

__all__ = ["Coefficients", "LineScan", "coefficients"]


@dataclass(frozen=True, eq=False)
class LineScan:
    r"""Geometry and calibration of the rows of a measurement with a field-free line.

    Parameters
    ----------
    angles
        Angles of the line's normal in rad, shape (angle,).
    offsets
        Resting place of the line along its normal in m, shape (angle,).
    reach
        R = A / G, how far the drive moves the line to either side, in m.
    angle_of_row
        Index into `angles`, shape (M,).
    harmonic_of_row
        Harmonic k of the drive frequency, shape (M,).
    gains
        Value of the row for :math:`g_k` = 1 (see the module), complex, shape (M,). Rows are white, :math:`E|n|^2 = 1`,
        where the noise is known.
    steepness
        :math:`\beta G` of each size of the particles in 1/m, shape (size,).
    shares
        Share of each size in the moment, with the sum 1, shape (size,).
    """

    angles: np.ndarray
    offsets: np.ndarray
    reach: float
    angle_of_row: np.ndarray
    harmonic_of_row: np.ndarray
    gains: np.ndarray
    steepness: np.ndarray
    shares: np.ndarray

    @cached_property
    def harmonics(self) -> np.ndarray:
        """All harmonics from 1 to the highest one that is recorded."""
        return np.arange(1, int(self.harmonic_of_row.max()) + 1)

    def of_rows(self, kept: np.ndarray) -> LineScan:
        """Return the scan of some of the rows: `kept` (M,) is True for these. Angles without rows are left out."""
        places, angle_of_row = np.unique(self.angle_of_row[kept], return_inverse=True)
        return replace(
            self,
            angles=self.angles[places],
            offsets=self.offsets[places],
            angle_of_row=angle_of_row,
            harmonic_of_row=self.harmonic_of_row[kept],
            gains=self.gains[kept],
        )


@dataclass(frozen=True, eq=False)
class Coefficients:
    """Coefficients :math:`g_k` of the projections.

    Parameters
    ----------
    values
        :math:`g_k` in m, real, zero where it is not known; shape (angle, harmonic, image), harmonics from 1.
    weights
        Reciprocal of their variance over that of complex white noise, zero where they are not known; (angle, harmonic).
    """

    values: np.ndarray
    weights: np.ndarray

    @property
    def known(self) -> np.ndarray:
        """Whether a coefficient was measured, shape (angle, harmonic)."""
        return self.weights > 0


def coefficients(scan: LineScan, y: np.ndarray) -> tuple[Coefficients, np.ndarray]:
    """Return the coefficients of data, and what of the data is out of phase with them.

    Rows of one angle and harmonic, such as those of several coils, are combined by least squares.

    Parameters
    ----------
    scan
        The rows.
    y
        Data, complex, shape (M, image).

    Returns
    -------
    Coefficients
        The real coefficients.
    numpy.ndarray
        Imaginary parts that an ideal scanner would not give, in the unit of white data; shape (angle, harmonic, image).
    """
    shape = scan.angles.size, scan.harmonics.size
    place = scan.angle_of_row, scan.harmonic_of_row - 1
    weights, sums = np.zeros(shape), np.zeros((*shape, y.shape[1]), complex)
    np.add.at(weights, place, np.abs(scan.gains) ** 2)
    np.add.at(sums, place, scan.gains.conj()[:, None] * y)
    values = sums / np.where(weights > 0, weights, 1)[..., None]
    return Coefficients(values.real, weights), values.imag * np.sqrt(weights)[..., None]
