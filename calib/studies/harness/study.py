"""What a study is, what a user may choose for it, and the table in which every package enters its own studies.

A package lists its `Study` records under the entry-point group `mpisim.studies`, as it lists its commands under
`mpisim.commands`.
"""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, TypedDict, Unpack, cast

import xarray as xr

from calib.learned.bundled import BUNDLED
from calib.studies.harness.protocol import Protocol
from mpisim.cli.command import Result
from mpisim.errors import one_of, positive, require, whole
from mpisim.io.atomic import output_folder
from mpisim.plot.backend import load_matplotlib
from mpisim.plugins import gathered
from mpisim.progress import say

__all__ = ["ROWS", "Choices", "Study", "StudyOptions", "studies"]

GROUP = "mpisim.studies"
QUICK_MATRICES = {"train": 6, "validation": 1, "test": 3}
"""Number of matrices of every split in the short form."""
QUICK_STEPS = 4
"""Steps of a training in the short form."""
ROWS = ("lines", "bands")
"""Rows of the in-house scanner: harmonics alone, or bands of lines around them."""


class Choices(TypedDict, total=False):
    """Fields of `StudyOptions` as keyword arguments of a study."""

    cache: Path | None
    bundled: Path
    methods: tuple[str, ...] | None
    factors: tuple[int, ...] | None
    scanners: int | None
    steps: int | None
    budget_fraction: float
    train: bool
    device: str
    protocol: Protocol
    report: Callable[[str], None]
    calibrations: Path | None
    measurement: Path | None
    rows: str
    started: float


@dataclass(frozen=True)
class StudyOptions:
    """What a user may choose.

    Parameters
    ----------
    out
        Folder for numbers and figures.
    quick
        Whether to run the short form: three test matrices, the factor 4, and, with `train`, trainings of four steps on
        six matrices. It shows the form of a study; its files are named and labelled as short forms. Studies of networks
        of which none are bundled (Table II, Fig. 4 and 5) train them even without `train`.
    data
        A folder of `mpisim dataset --preset transms`, or `--preset realistic` for the study of these; None simulates
        the matrices.
    cache
        Folder of trained weights and finished results; None takes `cache` in `out`.
    bundled
        Folder of the bundled weights; by default that of the package.
    methods, factors
        Methods and factors to which the study is restricted; None takes all that the study has.
    scanners
        Most scanners of each level, in studies of realistic scanners; None takes all that the study has.
    steps
        Steps of every training in place of the study's budget; None takes the budget.
    budget_fraction
        Factor on the budget of every training (not in the short form, and not for bundled weights).
    train
        Whether to train missing weights. Otherwise a study takes bundled weights and those in the cache.
    device
        Where to train, as torch names it.
    protocol
        Cases and data-set specification of the matrices; by default those of the paper.
    calibrations, measurement
        Folder of measured calibrations, and file of a measurement, in studies of measured data; None for none.
    rows
        Rows of the in-house scanner, in its table: `lines`, the harmonics alone, or `bands` of lines around them.
    report
        Receives lines of text on the progress of long work.
    started
        Time at which the study began, in seconds since 1970.

    Raises
    ------
    InputError
        If the number of scanners, that of steps or the fraction is not positive, both of the latter are given, or
        `data` or `calibrations` is no folder, `measurement` is no file, or `rows` is another word.
    """

    out: Path
    quick: bool = False
    data: Path | None = None
    cache: Path | None = None
    bundled: Path = BUNDLED
    methods: tuple[str, ...] | None = None
    factors: tuple[int, ...] | None = None
    scanners: int | None = None
    steps: int | None = None
    budget_fraction: float = 1.0
    train: bool = False
    device: str = "cpu"
    protocol: Protocol = field(default_factory=Protocol)
    calibrations: Path | None = None
    measurement: Path | None = None
    rows: str = "lines"
    report: Callable[[str], None] = field(default=say, compare=False, repr=False)
    started: float = field(default_factory=time.time, compare=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("out", "data", "cache", "bundled", "calibrations", "measurement"):
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else Path(value))
        for name in ("methods", "factors"):
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else tuple(dict.fromkeys(value)))
        for name in ("scanners", "steps"):
            if getattr(self, name) is not None:
                whole(name, getattr(self, name))
        fraction = positive("budget_fraction", self.budget_fraction)
        require(self.steps is None or fraction == 1, "budget_fraction", "1 where steps are given", fraction)
        for name in ("data", "calibrations"):
            folder = getattr(self, name)
            require(folder is None or folder.is_dir(), name, "an existing folder", str(folder))
        file = self.measurement
        require(file is None or file.is_file(), "measurement", "an existing file", str(file))
        one_of("rows", self.rows, ROWS)

    @property
    def store(self) -> Path:
        """Folder of the cache."""
        return self.cache if self.cache is not None else self.out / "cache"

    def steps_of(self, budget: int) -> int:
        """Return the number of steps of a training with a budget of so many steps."""
        if self.steps is not None:
            return self.steps
        return QUICK_STEPS if self.quick and self.train else max(1, round(self.budget_fraction * budget))

    def matrices(self, split: str) -> list[xr.Dataset]:
        """Return the fine matrices of a split; only a few of them in the short form."""
        short = self.quick and (self.train or split == "test")
        cases = self.protocol.of(split, QUICK_MATRICES[split] if short else None)
        return self.protocol.matrices(cases, self.data)

    def chosen(self, available: Sequence[str], default: Sequence[str] | None = None) -> tuple[str, ...]:
        """Return the chosen methods in the order of those available; without a choice `default`, or all.

        Raises `InputError` for a method that is not available.
        """
        for name in self.methods or ():
            one_of("methods", name, available)
        wanted = self.methods or default or available
        return tuple(name for name in available if name in wanted)

    def cases(self, available: Sequence[str]) -> list[tuple[str, int]]:
        """Return every chosen method with every factor; raise `InputError` for a method that is not available."""
        return [(method, factor) for method in self.chosen(available) for factor in self.factors or ()]

    def command(self, study: str) -> str:
        """Return the command line that runs a study with these options."""
        words = ["mpisim", "study", study] + ["--quick"] * self.quick + ["--train"] * self.train
        for flag, values in (("--methods", self.methods), ("--factors", self.factors)):
            words += [] if values is None else [flag, ",".join(map(str, values))]
        words += [] if self.scanners is None else ["--scanners", str(self.scanners)]
        words += [] if self.steps is None else ["--steps", str(self.steps)]
        words += [] if self.budget_fraction == 1 else ["--share", f"{self.budget_fraction:g}"]
        words += [] if self.rows == ROWS[0] else ["--rows", self.rows]
        words += [] if self.device == "cpu" else ["--device", self.device]
        for flag in ("data", "calibrations", "measurement"):
            words += [] if getattr(self, flag) is None else [f"--{flag}", str(getattr(self, flag))]
        return shlex.join([*words, "--cache", str(self.store), "--out", str(self.out)])


@dataclass(frozen=True)
class Study:
    """A record of the table; calling it runs the study.

    Parameters
    ----------
    name
        What the user types.
    summary
        One line of help.
    function
        `package.module:function` that turns `StudyOptions` into the result of a command; it is imported when it runs.
    factors
        Factors that the study can take.
    default_factors
        Factors that it takes unless the user chooses; None takes all of them.
    quick_factors
        Factors of its short form.
    catalogue
        `package.module:name` of the table whose methods the user may choose from; by default those of recovery.
    """

    name: str
    summary: str
    function: str
    factors: tuple[int, ...] = (2, 4, 8)
    default_factors: tuple[int, ...] | None = None
    quick_factors: tuple[int, ...] = (4,)
    catalogue: str = "calib.recovery:METHODS"

    def __call__(
        self,
        out: str | os.PathLike[str],
        quick: bool = False,
        data: str | os.PathLike[str] | None = None,
        **choices: Unpack[Choices],
    ) -> Result:
        """Run the study under the choices of a user, the fields of `StudyOptions`.

        It returns the numbers, the names of the written files, and the table as `text`. Raises `InputError` for an
        unknown method or factor, a folder that cannot be written, or data of another protocol.
        """
        options = StudyOptions(Path(out), quick, None if data is None else Path(data), **choices)
        for factor in options.factors or ():
            one_of("factors", factor, self.factors)
        for method in options.methods or ():
            one_of("methods", method, _imported(self.catalogue))
        default = self.quick_factors if quick else self.default_factors or self.factors
        options = replace(options, factors=options.factors or default)
        output_folder(options.out)
        output_folder(options.store)
        load_matplotlib()
        return {"study": self.name, "quick": quick, **self.load()(options)}

    def load(self) -> Callable[[StudyOptions], Result]:
        """Import and return the function."""
        return cast(Callable[[StudyOptions], Result], _imported(self.function))


def _imported(name: str) -> Any:
    """Import and return what `package.module:name` names."""
    module, attribute = name.split(":")
    return getattr(import_module(module), attribute)


def studies() -> dict[str, Study]:
    """Return every study by name: tables, then figures, then others."""
    points = sorted(entry_points(group=GROUP), key=lambda p: (p.name not in ("calib", "recon"), p.name))
    listed = gathered(points, "study", Study, lambda catalogue: {study.name: study for study in catalogue.values()})
    kinds = ("table", "fig")

    def place(name: str) -> tuple[list[bool], int, str]:
        digits = "".join(filter(str.isdigit, name))
        return [not name.startswith(kind) for kind in kinds], int(digits or 0), name

    return {name: listed[name] for name in sorted(listed, key=place)}
