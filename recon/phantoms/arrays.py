"""Phantoms from arrays and image files, with the size that they have in the scanner."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from mpisim.errors import InputError, finite, positive, require, within
from recon.phantoms.parts import Phantom, Pixels

__all__ = ["from_array", "from_image"]

_LUMINANCE = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601


def from_array(
    values: np.ndarray,
    size: float | tuple[float, float],
    center: tuple[float, float] = (0.0, 0.0),
    concentration: float = 1.0,
    name: str = "array",
) -> Phantom:
    """Return a phantom whose concentration is constant in each pixel of an array.

    Parameters
    ----------
    values
        Concentrations of zero or more, shape (y, x): x is fastest, and the first row has the lowest y, as in all arrays
        of this toolkit.
    size
        Edge lengths of the complete array along x and y in m, or one number for both.
    center
        Where its centre lies (x, y) in m.
    concentration
        Concentration relative to the calibration sample's of the value 1.
    name
        Name of the phantom, for files.

    Raises
    ------
    InputError
        If the array is not two-dimensional, has a negative or infinite value or none above zero, or a length is out of
        the range from 1e-6 to 1 m.
    """
    pixels = np.asarray(values)
    require(pixels.ndim == 2 and pixels.size > 0, "values", "an array (y, x)", f"one of shape {pixels.shape}")
    require(pixels.dtype.kind in "fiub", "values", "real numbers", pixels.dtype)
    pixels = finite("values", pixels.astype(float))
    require(bool(np.all(pixels >= 0)), "values", "zero or more", f"{pixels.min():g}")
    require(bool(np.any(pixels > 0)), "values", "different from zero", "all zeros")
    lengths = size if isinstance(size, tuple | list) else (size, size)
    require(len(lengths) == 2, "size", "one length or two (x, y)", size)
    along_x, along_y = (within("size", length, 1e-6, 1.0, "m") for length in lengths)
    x, y = (within("center", c, -2.0, 2.0, "m") for c in center)
    part = Pixels((x, y), (along_x, along_y), pixels, positive("concentration", concentration))
    return Phantom(name, (part,), (("size", [along_x, along_y]), ("center", [x, y])))


def from_image(
    file: str | os.PathLike[str],
    size: float | tuple[float, float],
    center: tuple[float, float] = (0.0, 0.0),
    concentration: float = 1.0,
) -> Phantom:
    """Return a phantom whose concentration is the brightness of a picture.

    Parameters
    ----------
    file
        A picture (.png and what Matplotlib reads): black is no tracer, white is `concentration`, colours count by their
        luminance (ITU-R BT.601), transparent pixels are empty, and the top row has the highest y. Or an array in a
        `.npy` file, see `from_array`.
    size, center, concentration
        See `from_array`.

    Raises
    ------
    InputError
        If the file is missing or cannot be read, and as `from_array`.
    """
    path = Path(file)
    require(path.is_file(), "file", "an existing image or .npy file", str(file))
    values = _array(path) if path.suffix.lower() == ".npy" else _picture(path)[::-1]
    return from_array(values, size, center, concentration, path.name)


def _array(path: Path) -> np.ndarray:
    try:
        return np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise InputError(f"Input file must be a .npy file of numbers; instead received {path} ({error}).") from None


def _picture(path: Path) -> np.ndarray:
    """Return the brightness from 0 to 1 of a picture, shape (row from the top, column)."""
    from matplotlib.image import imread

    try:
        values = np.asarray(imread(path))
    except Exception as error:  # whatever a reader of pictures raises for a damaged one
        reason = " ".join(str(error).split())
        raise InputError(f"Input file must be a readable picture; instead received {path} ({reason}).") from None
    if values.dtype.kind in "iu":
        values = values / np.iinfo(values.dtype).max
    if values.ndim == 2:
        return values
    channels = values.shape[-1]
    opacity = values[..., -1] if channels in (2, 4) else 1.0
    return opacity * (values[..., 0] if channels < 3 else values[..., :3] @ _LUMINANCE)
