"""Maps of a fitted scanner's fields and coils, from what a recovered matrix reports of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from calib.methods.physical.fields import FieldMap
from calib.methods.physical.parameters import ScannerState
from calib.methods.physical.polynomials import monomials
from calib.methods.physical.scanner_table import scanner_parameters
from mpisim.errors import require

__all__ = ["fitted_maps", "fitted_state"]


def fitted_state(recovery: Mapping[str, Any]) -> ScannerState:
    """Return the parameters of a fitted scanner, from the attribute `recovery` of a matrix recovered by `physical`.

    Raises `InputError` if that attribute holds no fitted scanner.
    """
    must = "that of a matrix recovered by physical, with a fitted scanner"
    require("parameters" in recovery and "angle_errors" in recovery, "recovery", must, sorted(recovery))
    gains = recovery["gains"]
    coils = 1 + max(int(g["coil"]) for g in gains)
    values = [g["amplitude"] * np.exp(1j * g["phase"]) for g in gains]
    local = np.stack([np.asarray(error["value"]) for error in recovery["angle_errors"].values()], axis=1)
    shared = np.array([p["value"] for p in recovery["parameters"]])
    return ScannerState(shared, np.array(values).reshape(coils, -1), local)


def fitted_maps(
    recovery: Mapping[str, Any], x: np.ndarray, y: np.ndarray, center: tuple[float, float] = (0.0, 0.0)
) -> dict[str, np.ndarray]:
    """Return maps of a fitted scanner over a grid of positions.

    Parameters
    ----------
    recovery
        The attribute `recovery` of a matrix recovered by `physical`.
    x, y
        Coordinates in m, of the columns (x,) and of the rows (y,), from the scanner's axis.
    center
        Centre of the recovered grid in m, about which the polynomials are.

    Returns
    -------
    dict
        Arrays (y, x): `coil_z` (coil, y, x), the sensitivity along z over that at the centre; `drive_z`, the drive
        field along z over that at the centre; `line_shift`, the distortion of the line's field at the first angle over
        its gradient, in m; `perpendicular`, the selection field perpendicular to the drive over the drive's amplitude.
    """
    state = fitted_state(recovery)
    scale = float(recovery["length_unit"])
    harmonics = sorted({int(g["harmonic"]) for g in recovery["gains"]})
    parameters = scanner_parameters(recovery["angles"], harmonics, len(state.gains))
    at = FieldMap(parameters, (center[0] / scale, center[1] / scale))
    fields = at.fields(state, slice(0, 1))
    points = np.stack(np.meshgrid((np.asarray(x) - center[0]) / scale, (np.asarray(y) - center[1]) / scale), axis=-1)
    values = monomials(points, at.degree)
    reach = np.exp(state.shared[parameters.place("reach")])
    angle = parameters.angles[0] + state.local[0, 1]
    xi, eta = (points[..., i] + center[i] / scale for i in (0, 1))
    straight = xi * np.cos(angle) + eta * np.sin(angle) - state.local[0, 0]
    line = values @ fields.selection[0].T
    return {
        "coil_z": np.stack([values @ coil[2] for coil in fields.coils]),
        "drive_z": values @ fields.drive[2],
        "line_shift": scale * (reach * line[..., 2] - straight),
        "perpendicular": np.hypot(line[..., 0], line[..., 1]),
    }
