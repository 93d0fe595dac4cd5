"""A plain NumPy twin of an imperfect scanner with every switch on, written from the formulas alone."""

import numpy as np

from mpisim import (
    AngleErrors,
    Coil,
    Dipole,
    Grid,
    ImperfectFFL,
    LinePlane,
    Polynomial,
    QuadraticRecipe,
    ReceiveGain,
    SolidHarmonics,
    Uniform,
    open_sided_ffl,
)
from mpisim.constants import BOLTZMANN, MU_0

G, A, R, F0 = 0.7, 0.011, 0.016, 25e3
ANGLES = (0.0, 0.8, 2.5)
HARMONICS = (1, 2, 3, 6, 9)
OFFSETS, TURNS, GAINS, PHASES = (3e-4, -2e-4, 1e-4), (0.01, 0.0, -0.02), (0.05, -0.03, 0.0), (0.1, 0.0, -0.3)
GRID = Grid((4, 3), (0.02, 0.024), (1e-3, 0.0, 0.0))

SCANNER = ImperfectFFL.of(
    open_sided_ffl(G, angles=ANGLES, drive_amplitude=A, drive_frequency=F0, harmonics=HARMONICS),
    selection=(
        SolidHarmonics(((2, 2, 0.05),)),
        SolidHarmonics(((3, 0, 0.04), (3, 3, -0.03)), turning=True),
        Dipole((0.04, 0.02, 0.01), (0.0, 0.03, 0.05), radius=0.02),
    ),
    drive=(Uniform((0.02, -0.01, 0.0)), SolidHarmonics(((3, 0, 0.06),), radius=0.02)),
    coils=(
        Coil((10.0, -20.0, 800.0), (Polynomial(((1, 0, 0, -0.16), (0, 2, 0, 0.05)), radius=0.015),)),
        Coil((600.0, 0.0, 0.0), (SolidHarmonics(((2, 1, 0.1),), turning=True),)),
    ),
    recipe=QuadraticRecipe(0.1, -0.08, -0.05, radius=0.015),
    plane=LinePlane(4e-4, (0.03, 0.0), (1e-4, -2e-4)),
    line=AngleErrors(OFFSETS, TURNS, GAINS, PHASES),
    gain=ReceiveGain(((2, 0.9, 0.2), (9, 0.0, -1.1)), ((1.0, 0.0), (0.5, 0.5))),
)


def rotated(vectors, angle):
    cos, sin = np.cos(angle), np.sin(angle)
    return vectors @ np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])


def axial(points):
    """Gradient of z^3 - 3 z (x^2 + y^2) / 2, a third of it."""
    x, y, z = points.T
    return np.stack([-x * z, -y * z, z**2 - (x**2 + y**2) / 2], axis=-1)


def sixfold(points):
    x, y, _ = points.T
    return np.stack([x**2 - y**2, -2 * x * y, 0 * x], axis=-1)


def dipole(points):
    away, moment = (points - [0.04, 0.02, 0.01]) / 0.02, np.array([0, 0.03, 0.05])
    distance = np.linalg.norm(away, axis=-1, keepdims=True)
    direction = away / distance
    return (3 * (direction @ moment)[:, None] * direction - moment) / (2 * distance**3)


def square(points):
    return ((points[:, 0] ** 2 + points[:, 1] ** 2) / 0.015**2)[:, None]


def selection(points, i):
    cos, sin = np.cos(0.03), np.sin(0.03)
    tilt = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    angle = ANGLES[i] + TURNS[i]
    normal = np.array([np.cos(angle), np.sin(angle), 0])
    p = (points - [0, 0, 4e-4]) @ tilt - OFFSETS[i] * normal
    x, y, z = p.T
    field = G * (z[:, None] * normal + (p @ normal)[:, None] * [0, 0, 1])
    field = field + G * R * 0.05 * np.stack([x, -y, 0 * z], axis=-1) / R
    turned = rotated(p, -angle) / R
    field = field + G * R * rotated(0.04 * axial(turned) - 0.03 * sixfold(turned), angle)
    field = field + G * 0.02 * dipole(p)
    return (field * (1 + 0.1 * square(p))) @ tilt.T + [1e-4, -2e-4, 0]


def drive(points):
    return A * (np.array([0.02, -0.01, 1]) + 0.06 * axial(points / 0.02)) * (1 - 0.08 * square(points))


def coils(points, i):
    x, y, _ = points.T / 0.015
    first = np.array([10, -20, 800]) + np.sqrt(10**2 + 20**2 + 800**2) * (-0.16 * x + 0.05 * y**2)[:, None] * [0, 0, 1]
    inner = rotated(points, -ANGLES[i]) / R
    saddle = np.stack([inner[:, 2], 0 * inner[:, 2], inner[:, 0]], axis=-1)
    second = np.array([600, 0, 0]) + 600 * 0.1 * rotated(saddle, ANGLES[i])
    return np.stack([first, second]) * (1 - 0.05 * square(points))


def langevin(x):
    small = np.abs(x) < 1e-2
    safe = np.where(small, 1, x)
    return np.where(small, x / 3 - x**3 / 45 + 2 * x**5 / 945, 1 / np.tanh(safe) - 1 / safe)


def rows(particle, particles, times=1024):
    """Voltages of one particle model of one size on `GRID`, shape (angle, coil, harmonic, y, x)."""
    nodes, weights = np.polynomial.legendre.leggauss(4)
    x, y = (
        GRID.center[i] + (np.arange(n) - (n - 1) / 2) * (w / n)
        for i, (n, w) in enumerate(zip((4, 3), (0.02, 0.024), strict=True))
    )
    phase = 2 * np.pi * np.arange(times) / times
    beta = particle.moment / (BOLTZMANN * particle.temperature)
    out = np.zeros((len(ANGLES), 2, len(HARMONICS), y.size, x.size), complex)
    for i in range(len(ANGLES)):
        for row, column in np.ndindex(y.size, x.size):
            px, py = np.meshgrid(x[column] + 0.0025 * nodes, y[row] + 0.004 * nodes, indexing="ij")
            points = np.stack([px.ravel(), py.ravel(), 0 * px.ravel()], axis=-1)
            weight = np.outer(weights, weights).ravel() / 4
            field = selection(points, i) + np.sin(phase)[:, None, None] * drive(points)
            size = np.linalg.norm(field, axis=-1, keepdims=True)
            moment = particles * particle.moment * langevin(beta * size) * field / size
            flux = MU_0 * np.einsum("tqa,cqa,q->ct", moment, coils(points, i), weight)
            for c, k in np.ndindex(2, len(HARMONICS)):
                n = HARMONICS[k]
                coefficient = np.mean(flux[c] * np.exp(-1j * n * phase))
                out[i, c, k, row, column] = -2j * np.pi * n * F0 * coefficient
    chain = {2: 0.9 + 0.2j, 9: -1.1j}
    of_angle = (1 + np.array(GAINS)) * np.exp(1j * np.array(PHASES))
    of_harmonic = np.array([chain.get(n, 1) for n in HARMONICS])
    return out * np.einsum("a,c,k->ack", of_angle, [1, 0.5 + 0.5j], of_harmonic)[..., None, None]
