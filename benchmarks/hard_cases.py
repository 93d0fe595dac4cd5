"""The method `auto` on matrices that make recovery hard, beside every method that it can take.

Every case of `benchmarks.disturbed` at 2x, 4x and 8x, with 12 angles. Printed are the errors (nRMSE) in percent of
`bicubic-dc`, of the best single method and of `auto`, with what it took; `!` marks those where `auto` errs by more than
2 % more than `bicubic-dc`, `?` those where it errs by more than 1.2 times the best single method.

    python -m benchmarks.hard_cases [--factors 2 4 8] [--scanner medium] [--cases "dead rows,no angles"] [--csv FILE]

With `--keep FOLDER` the result of every method is kept there, by its version, and read again the next time.
"""

from __future__ import annotations

import argparse
import csv
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import xarray as xr

import calib
import mpisim
from benchmarks.disturbed import Case, hard_cases
from calib.automatic import recover_automatically
from calib.recovery import METHODS, recover_usually
from mpisim.data.views import as_images
from mpisim.errors import InputError

__all__ = ["SINGLE", "Judged", "judged"]

SINGLE = (
    "bicubic-dc",
    "bicubic-strided-aligned",
    "cs",
    "ridge",
    "profile",
    "profile-prior",
    "linear-bayes",
    "physical",
    "transms",
)
"""Methods that are compared; the last resort of `auto` is `recover_usually`."""
SAFE = {"box": "bicubic-dc", "strided": "bicubic-strided-aligned", "random": "cs"}
"""What presumes least, by sampling."""
_WORSE, _NEAR = 1.02, 1.2


@dataclass(frozen=True)
class Judged:
    """Errors (nRMSE) of a case: of what presumes least, of the best single method, and of `auto`."""

    factor: int
    case: str
    safe: float
    best: float
    best_method: str
    auto: float
    method: str
    stage: str
    expected: float
    reason: str

    @property
    def worse(self) -> bool:
        """Whether `auto` errs by more than 2 % more than what presumes least."""
        return self.auto > _WORSE * self.safe

    @property
    def far(self) -> bool:
        """Whether `auto` errs by more than 1.2 times the best single method."""
        return self.auto > _NEAR * self.best


By = Callable[..., xr.Dataset]


def recover_by(coarse: xr.Dataset, method: str | None, given: Mapping[str, object] | None = None) -> xr.Dataset:
    """Recover by a method, or without a name by the last resort of `auto`; nothing else is given here."""
    return calib.recover(coarse, method) if method else recover_usually(coarse)


@dataclass(frozen=True)
class Keeper:
    """Recovers by methods and keeps the results in a folder, by method and version; a refusal is kept as its sentence.

    Parameters
    ----------
    folder
        That of a case.
    """

    folder: Path

    def __call__(self, coarse: xr.Dataset, method: str | None, given: Mapping[str, object] | None = None) -> xr.Dataset:
        """Recover by a method, or read what was kept."""
        name = f"{method or 'usual'}_v{METHODS[method].version if method else 1}"
        file, refusal = self.folder / f"{name}.nc", self.folder / f"{name}.txt"
        if refusal.is_file():
            raise InputError(refusal.read_text(encoding="utf-8"))
        if not file.is_file():
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                mpisim.write(recover_by(coarse, method), file)
            except (InputError, ValueError, ArithmeticError, np.linalg.LinAlgError) as error:
                refusal.write_text(str(error), encoding="utf-8")
                raise
        return mpisim.read(file)


def judged(case: Case, factor: int, by: By = recover_by) -> Judged:
    """Recover a case by all methods that can take it, and by `auto`; `by` may keep results."""
    scheme = case.coarse.attrs["sampling"]["scheme"]
    errors: dict[str, float] = {}
    for method in SINGLE:
        if scheme in METHODS[method].samplings:
            try:
                errors[method] = calib.nrmse(by(case.coarse, method), case.fine)
            except Exception:  # angles are missing, or weights for this factor
                continue
    found = recover_automatically(case.coarse, by)
    truth = as_images(case.fine)
    error = float(np.linalg.norm(found.rows - truth) / np.linalg.norm(truth))
    best = min(errors, key=lambda m: errors[m])
    told = found.metadata
    return Judged(
        factor,
        case.name,
        errors[SAFE[scheme]],
        errors[best],
        best,
        error,
        str(told.get("method")),
        str(told.get("instead") or told.get("stage") or ""),
        float(told.get("expected_nrmse", float("nan"))),  # type: ignore[arg-type]
        str(told.get("reason", "")),
    )


def line_of(found: Judged) -> str:
    """Return a case in words: errors in percent."""
    marks = "!" * found.worse + "?" * found.far
    numbers = " ".join(f"{100 * v:8.3f}" for v in (found.safe, found.best, found.auto))
    which = f"{found.method} {found.stage}".strip()
    return f"{found.factor}x {found.case:28} {numbers} {marks:2} {found.best_method:13} {which}"


def main() -> None:
    """Print all cases, and write them as CSV."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--factors", type=int, nargs="+", default=[2, 4, 8])
    parser.add_argument("--scanner", default="medium", help="ideal, mild, medium, strong or outside")
    parser.add_argument("--angles", type=int, default=12)
    parser.add_argument("--cases", default="", help="names, with commas; default: all")
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--keep", type=Path, help="folder of kept results")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    chosen = tuple(name for name in options.cases.split(",") if name)
    rows = []
    with TemporaryDirectory() as once:
        for factor in options.factors:
            for case in hard_cases(factor, options.scanner, options.angles, chosen):
                folder = f"{options.scanner}_{options.angles}_{factor}x_{case.name.replace(' ', '-')}"
                rows.append(judged(case, factor, Keeper((options.keep or Path(once)) / folder)))
                print(line_of(rows[-1]), flush=True)
    worse, near = sum(r.worse for r in rows), sum(not r.far for r in rows)
    print(f"{worse} of {len(rows)} cases are worse than what presumes least, {near} are near the best method")
    if options.csv:
        with options.csv.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, [f.name for f in fields(Judged)])
            writer.writeheader()
            writer.writerows(asdict(row) for row in rows)


if __name__ == "__main__":
    main()
