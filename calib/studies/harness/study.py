"""What a study is, what a user may choose for it, and the table in which every package enters its own.

A package lists `Study`s under the entry-point group `mpisim.studies`, as it lists commands under `mpisim.cli.simulator`.
"""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import xarray as xr

from calib.studies.harness.protocol import Protocol
from mpisim.cli.command import call
from mpisim.errors import one_of, positive, require, whole
from mpisim.io.atomic import output_folder

__all__ = ["Study", "StudyOptions", "studies"]

GROUP = "mpisim.studies"
QUICK_MATRICES = {"train": 6, "validation": 1, "test": 3}
QUICK_STEPS = 4


@dataclass(frozen=True)
class StudyOptions:
    """What a user may choose.

    Parameters
    ----------
    out
        Folder for numbers and figures.
    quick
        The short form: three test matrices, the factor 4, and, with `train`, trainings of four steps on six matrices.
        It shows the form of a study, and its files are named and labelled so.
    data
        A folder of `mpisim dataset --preset transms`; without it matrices are simulated.
    cache
        Folder of trained weights and finished rows; by default `cache` in `out`.
    methods, factors
        Only these.
    steps, share
        Steps of every training in place of the studies' budgets, or a share of these (not in the short form, nor of
        weights that ship).
    train
        Train what weights are missing. Without it a study takes those that ship or are in the cache.
    device
        Where to train, as torch names it.
    protocol
        The matrices; the paper's.
    started
        Seconds since 1970: when the study began.
    """

    out: Path
    quick: bool = False
    data: Path | None = None
    cache: Path | None = None
    methods: tuple[str, ...] | None = None
    factors: tuple[int, ...] | None = None
    steps: int | None = None
    share: float = 1.0
    train: bool = False
    device: str = "cpu"
    protocol: Protocol = field(default_factory=Protocol)
    started: float = field(default_factory=time.time, compare=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("out", "data", "cache"):
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else Path(value))
        for name in ("methods", "factors"):
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else tuple(dict.fromkeys(value)))
        if self.steps is not None:
            whole("steps", self.steps)
        positive("share", self.share)
        require(self.steps is None or self.share == 1, "share", "left out where steps are given", self.share)
        require(self.data is None or self.data.is_dir(), "--data", "an existing folder", str(self.data))

    @property
    def store(self) -> Path:
        """Folder of the cache."""
        return self.cache if self.cache is not None else self.out / "cache"

    def steps_of(self, budget: int) -> int:
        """Return the steps of a training with a budget of steps."""
        if self.steps is not None:
            return self.steps
        return QUICK_STEPS if self.quick and self.train else max(1, round(self.share * budget))

    def matrices(self, split: str) -> list[xr.Dataset]:
        """Return the fine matrices of a split; few of them in the short form."""
        short = self.quick and (self.train or split == "test")
        cases = self.protocol.of(split, QUICK_MATRICES[split] if short else None)
        return self.protocol.matrices(cases, self.data)

    def chosen(self, available: Sequence[str], usual: Sequence[str] | None = None) -> tuple[str, ...]:
        """Return the methods asked for, in the order of those available; by default the usual ones, or all.

        Raises `InputError` for one that is not available.
        """
        for name in self.methods or ():
            one_of("methods", name, available)
        wanted = self.methods or usual or available
        return tuple(name for name in available if name in wanted)

    def command(self, study: str, **changes: Any) -> str:
        """Return the command line of a study with these options, some of them changed."""
        changed = replace(self, **changes)
        words = ["mpisim", "study", study] + ["--quick"] * changed.quick + ["--train"] * changed.train
        for name in ("methods", "factors"):
            values = getattr(changed, name)
            words += [] if values is None else [f"--{name}", ",".join(map(str, values))]
        words += [] if changed.steps is None else ["--steps", str(changed.steps)]
        words += [] if changed.share == 1 else ["--share", f"{changed.share:g}"]
        words += [] if changed.device == "cpu" else ["--device", changed.device]
        words += [] if changed.data is None else ["--data", str(changed.data)]
        return shlex.join([*words, "--cache", str(changed.store), "--out", str(changed.out)])


@dataclass(frozen=True)
class Study:
    """An entry of the table; call it to run it.

    Parameters
    ----------
    name
        What the user types.
    summary
        One line of help.
    function
        `package.module:function` from `StudyOptions` to a result as of a command; imported when it runs.
    factors, usual, quick
        Factors that it can take, those it takes unless told otherwise (None: all of them), and those of its short form.
    """

    name: str
    summary: str
    function: str
    factors: tuple[int, ...] = (2, 4, 8)
    usual: tuple[int, ...] | None = None
    quick: tuple[int, ...] = (4,)

    def __call__(
        self, out: str | os.PathLike[str], quick: bool = False, data: Path | None = None, **options: Any
    ) -> Mapping[str, Any]:
        """Run the study; the arguments are those of `StudyOptions`.

        Returns
        -------
        dict
            The numbers, the files written, and the table as `text`.

        Raises
        ------
        InputError
            For an unknown method or factor, a folder that cannot be written, or data of another protocol.
        """
        chosen = StudyOptions(Path(out), quick, data, **options)
        for factor in chosen.factors or ():
            one_of("factors", factor, self.factors)
        for method in chosen.methods or ():
            one_of("methods", method, call("methods", [])["methods"])
        usual = self.quick if quick else self.usual or self.factors
        chosen = replace(chosen, factors=chosen.factors or usual)
        output_folder(chosen.out)
        output_folder(chosen.store)
        module, name = self.function.split(":")
        result: Mapping[str, Any] = getattr(import_module(module), name)(chosen)
        return {"study": self.name, "quick": quick, **result}


def studies() -> dict[str, Study]:
    """Return every study by name: tables, then figures, then others."""
    found = {s.name: s for point in entry_points(group=GROUP) for s in point.load().values()}
    kinds = ("table", "fig")
    return dict(sorted(found.items(), key=lambda item: ([not item[0].startswith(k) for k in kinds], item[0])))
