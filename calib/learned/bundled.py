"""Weights that ship with the package; how they were made is in `weights/README.md`."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

__all__ = ["bundled_weights", "ship"]

_FOLDER = Path(__file__).parents[1] / "weights"


def bundled_weights(method: str, factor: int, noiseless: bool = False) -> Path:
    """Return where the package keeps weights of a method and factor; the file may not exist.

    With `noiseless`, those that were trained on for exact block means, if there are any.
    """
    exact = _FOLDER / f"{method}_{factor}x_noiseless.safetensors"
    return exact if noiseless and exact.is_file() else _FOLDER / f"{method}_{factor}x.safetensors"


def ship(run: str | os.PathLike[str], folder: str | os.PathLike[str] = _FOLDER) -> Path:
    """Put the weights of a run of `mpisim train`, in half precision, and its log where weights ship.

    Half precision halves the files and costs nothing measurable: `weights/README.md` has the figures.

    Parameters
    ----------
    run
        The run's folder.
    folder
        Where to; by default in the package.

    Returns
    -------
    Path
        The file of the weights.

    Raises
    ------
    InputError
        If the weights are missing, damaged, or hold numbers beyond half precision.
    """
    import torch

    from calib.learned.checkpoint import load_model, save_model
    from mpisim.errors import require

    model, about = load_model(Path(run) / "weights.safetensors")
    numbers = (v for v in model.net.state_dict().values() if v.is_floating_point())  # counts of batches stay whole
    largest = max(float(v.abs().max()) for v in numbers)
    require(largest < torch.finfo(torch.float16).max, "weights", "within half precision", f"{largest:.3g}")
    kind = "_noiseless" if about.get("train", {}).get("noiseless_fraction") == 1 else ""
    file = Path(folder) / f"{model.config.method}_{model.config.factor}x{kind}.safetensors"
    model.net.half()
    save_model(file, model, {k: v for k, v in about.items() if k not in ("software", "model")})
    shutil.copyfile(Path(run) / "log.csv", file.with_suffix(".csv"))
    return file
