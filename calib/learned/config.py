"""What defines a model besides its weights; it needs no PyTorch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from calib.nets.table import FACTORS, NETS
from mpisim.errors import non_negative, one_of, require, whole

__all__ = ["RENAMED", "ModelConfig", "current_keys"]

T = TypeVar("T")

RENAMED = {"border": "flip_threshold"}
"""Keys of `ModelConfig` by their names in files and configurations of version 0.1.0."""


@dataclass(frozen=True)
class ModelConfig:
    """Definition of a model.

    Parameters
    ----------
    method
        Name of the network in `calib.nets.table.NETS`.
    factor
        Super-resolution factor S.
    skip
        `bicubic` or `none`: the interpolant without parameters that is added to the network's output.
    scaling
        `rms`, `amplitude` or `minmax`: how a row is scaled for the network. For `amplitude`, rows have to be in units
        of the RMS of all block means of their matrix.
    canonical
        Whether mirror images of a row are brought to one orientation (`calib.learned.canonical`).
    flip_threshold
        How clearly a row must fall along the diagonal to be flipped, 0 to 1; see
        `calib.learned.canonical.canonical_orientation`.
    denoise
        `ridge` or `none`: whether block means are moved towards a ridge, within their noise, before the network.
    consistency
        Whether data consistency follows the network.
    phase
        `ideal` or `none`: whether rows are turned to the phases of an ideal scanner's harmonics before all else, and
        back at the end (`calib.learned.phase`).

    Raises
    ------
    InputError
        If a value is not among the choices, or values contradict each other.
    """

    method: str = "transms"
    factor: int = 4
    skip: str = "bicubic"
    scaling: str = "rms"
    canonical: bool = True
    flip_threshold: float = 0.0
    denoise: str = "ridge"
    consistency: bool = True
    phase: str = "none"

    def __post_init__(self) -> None:
        one_of("method", self.method, NETS)
        object.__setattr__(self, "factor", whole("factor", one_of("factor", self.factor, FACTORS)))
        one_of("skip", self.skip, ("bicubic", "none"))
        one_of("scaling", self.scaling, ("rms", "amplitude", "minmax"))
        one_of("denoise", self.denoise, ("ridge", "none"))
        one_of("phase", self.phase, ("ideal", "none"))
        one_of("canonical", self.canonical, (True, False))
        one_of("consistency", self.consistency, (True, False))
        threshold = non_negative("flip_threshold", self.flip_threshold)
        require(threshold <= 1, "flip_threshold", "between 0 and 1", threshold)
        self._require_agreement()

    def _require_agreement(self) -> None:
        require(self.canonical or not self.flip_threshold, "flip_threshold", "0 without canonical", self.flip_threshold)
        linear = self.scaling != "minmax" or self.denoise == "none"
        require(linear, "scaling", "rms or amplitude where rows are denoised", self.scaling)
        if NETS[self.method].sampling == "strided":
            fits = not self.canonical and self.denoise == "none" and not self.consistency
            require(fits, f"model of {self.method}", "without canonical, denoise and consistency", "strided samples")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> ModelConfig:
        """Return the model of a mapping; absent keys have their defaults, and keys of version 0.1.0 are accepted.

        Raises `InputError` if a key is unknown or its value is refused.
        """
        return cls(**current_keys(values, (f.name for f in fields(cls)), RENAMED))


def current_keys(values: Mapping[str, T], known: Iterable[str], renamed: Mapping[str, str]) -> dict[str, T]:
    """Return values under today's names of their keys.

    `known` are today's keys; `renamed` holds today's key by former key. Raises `InputError` if a key is unknown, or a
    value is given under both names.
    """
    names = [renamed.get(key, key) for key in values]
    listed = list(known)
    unknown = sorted(set(names) - set(listed))
    require(not unknown, "configuration", f"made of the keys {', '.join(listed)}", f"also {', '.join(unknown)}")
    twice = sorted({name for name in names if names.count(name) > 1})
    require(not twice, ", ".join(twice), "given under one name", "its former name, too")
    return dict(zip(names, values.values(), strict=True))
