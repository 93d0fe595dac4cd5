"""Calibrations that a plan can choose from, and the time that each takes on the scanner."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from calib.studies.limits import MOVE, RECORD, scanner_time
from mpisim.data.grid import Grid
from mpisim.errors import non_negative, positive, require
from mpisim.scanner.recording import Recording

__all__ = ["AVERAGES", "FACTORS", "Candidate", "ScanTime", "candidates_of"]

FACTORS = (2, 4, 8, 16)
"""Edges of the sample in voxels that are planned."""
AVERAGES = tuple(2**n for n in range(11))
"""Averages of each position, up to 1024."""
_LEAST_POSITIONS = 4
_LEAST_ANGLES = 12  # of which half may be left out


@dataclass(frozen=True)
class Candidate:
    """A calibration.

    Parameters
    ----------
    factor
        Edge of the sample in voxels.
    averages
        Recordings of each position.
    angles
        Angles that are measured.
    share
        Share of the scanner's angles that this is.
    positions
        Positions of the sample.
    seconds
        Time of the scanner.
    """

    factor: int
    averages: int
    angles: int
    share: float
    positions: int
    seconds: float

    @property
    def step(self) -> int:
        """Every how many-th angle is measured."""
        return round(1 / self.share)

    @property
    def measured(self) -> tuple[int, int, int]:
        """Factor, averages, and every how many-th angle is measured."""
        return self.factor, self.averages, self.step

    def described(self) -> str:
        """Return sample, averages and angles in words."""
        averages = f"{self.averages} average{'s' * (self.averages > 1)}"
        return f"{self.factor}x, {averages}, {self.angles} angles"


@dataclass(frozen=True)
class ScanTime:
    """Time of a position: `move` s to move the sample, and `record` s for one average of all angles of the scanner.

    `recording` is that of the receive chain, whose background frames take time, too; None for no chain.
    """

    move: float = MOVE
    record: float = RECORD
    recording: Recording | None = None

    @classmethod
    def of(
        cls, recording: Recording | None, angles: int, move: float | None, record: float | None
    ) -> tuple[ScanTime, list[str]]:
        """Return the times that are given, or those of the receive chain, or those of the paper, and notes on the last.

        A chain that states no time to move takes that of the paper. Raises `InputError` where a time is out of range.
        """
        notes = []
        if move is None and recording is not None and recording.move_time > 0:
            move = recording.move_time
        if move is None:
            move, notes = MOVE, [f"the time to move the sample is that of the paper, {MOVE:g} s"]
        if record is None and recording is not None:
            record = replace(recording, averages=1, move_time=0.0).position_time(angles)
        if record is None:
            record = RECORD
            notes.append(f"the time to record a position once is that of the paper, {RECORD:g} s for all angles")
        return cls(non_negative("move", move), positive("record", record), recording), notes

    def seconds(self, positions: int, averages: int, share: float) -> float:
        """Return the time of a calibration in s, for a share of the angles."""
        if self.recording is not None:
            frames = self.recording.order(positions)[1].size
            positions += frames
        return scanner_time(positions, averages, self.move, share * self.record)


def candidates_of(
    grid: Grid, angles: int, time: ScanTime, factors: Sequence[int] = FACTORS, fewer_angles: bool = True
) -> list[Candidate]:
    """Return the calibrations of a plane, the quickest first: factors, averages, and all or half of the angles.

    Factors that do not divide the grid, or leave fewer than four positions, are left out. Raises `InputError` where
    none remains.
    """
    nx, ny = grid.shape[:2]
    good = [f for f in factors if nx % f == 0 and ny % f == 0 and nx * ny // f**2 >= _LEAST_POSITIONS]
    wanted = f"with sides that one of the factors {', '.join(map(str, factors))} divides into at least 4 positions"
    require(bool(good), "grid", wanted, f"{nx} x {ny} voxels")
    shares = (1.0, 0.5) if fewer_angles and angles >= _LEAST_ANGLES and angles % 2 == 0 else (1.0,)
    found = []
    for factor in good:
        positions = math.prod(n // factor for n in (nx, ny))
        for share in shares if factor > 1 else (1.0,):
            for averages in AVERAGES:
                seconds = time.seconds(positions, averages, share)
                found.append(Candidate(factor, averages, round(share * angles), share, positions, seconds))
    return sorted(found, key=lambda c: (c.seconds, -c.factor, -c.angles))
