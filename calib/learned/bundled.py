"""Weights that are bundled with the package; `weights/README.md` says how they were made."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from mpisim.errors import require

__all__ = ["BUNDLED", "bundle", "bundled_weights", "realistic_weights"]

BUNDLED = Path(__file__).parents[1] / "weights"
"""Folder of the bundled weights."""


def bundled_weights(
    method: str,
    factor: int,
    noiseless: bool = False,
    folder: str | os.PathLike[str] = BUNDLED,
) -> Path:
    """Return the file of the bundled weights of a method and factor; it may not exist.

    `noiseless` prefers weights that were trained for exact block means, where there are any.
    """
    exact = Path(folder) / f"{method}_{factor}x_noiseless.safetensors"
    return exact if noiseless and exact.is_file() else Path(folder) / f"{method}_{factor}x.safetensors"


def realistic_weights(method: str, factor: int, folder: str | os.PathLike[str] = BUNDLED) -> Path:
    """Return the file of the bundled weights that were trained on imperfect scanners; it may not exist."""
    return Path(folder) / f"{method}_{factor}x_realistic.safetensors"


def bundle(run: str | os.PathLike[str], folder: str | os.PathLike[str] = BUNDLED) -> Path:
    """Copy the weights of a run of `mpisim train`, in half precision, and its log into the package; return the file.

    The name of the file says what they were trained for: `_noiseless` for exact block means, `_realistic` on imperfect
    scanners, as their scope states.

    Half precision halves the files and costs nothing measurable: `weights/README.md` has the figures. Raises
    `InputError` if the weights are missing, damaged, or hold numbers beyond half precision.
    """
    import torch

    from calib.learned.checkpoint import load_model, save_model

    model, metadata = load_model(Path(run) / "weights.safetensors")
    numbers = (v for v in model.net.state_dict().values() if v.is_floating_point())  # counts of batches are integers
    largest = max(float(v.abs().max()) for v in numbers)
    require(largest < torch.finfo(torch.float16).max, "weights", "within half precision", f"{largest:.3g}")
    suffix = "_noiseless" if metadata.get("train", {}).get("noiseless_fraction") == 1 else ""
    suffix = "_realistic" if metadata.get("scope", {}).get("imperfect") else suffix
    file = Path(folder) / f"{model.config.method}_{model.config.factor}x{suffix}.safetensors"
    model.net.half()
    save_model(file, model, {k: v for k, v in metadata.items() if k not in ("software", "model")})
    shutil.copyfile(Path(run) / "log.csv", file.with_suffix(".csv"))
    return file
