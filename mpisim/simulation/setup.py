"""Scanner, particle, grid and sample together: all that a simulation needs, and what a scanner file describes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import xarray as xr

from mpisim.data.attributes import plain_attributes
from mpisim.data.downsampling import downsample
from mpisim.data.grid import Grid
from mpisim.data.noise import PROTOCOL_SNR
from mpisim.data.schema import expect
from mpisim.errors import require
from mpisim.particles.checks import check_magnetisation
from mpisim.particles.protocol import Magnetisation
from mpisim.scanner.checks import check_scanner
from mpisim.scanner.protocol import Scanner
from mpisim.simulation.matrix import simulate
from mpisim.simulation.provenance import from_mapping, particle_from_mapping, scanner_from_mapping
from mpisim.simulation.sample import Sample

__all__ = ["Setup"]


@dataclass(frozen=True)
class Setup:
    """A scanner, its tracer, and the calibration scan: what `mpisim.read_scanner` returns.

    Parameters
    ----------
    scanner
        Fields, coils and sequence, such as `mpisim.open_sided_ffl(0.5)`.
    particle
        Magnetisation of the tracer, such as `mpisim.Particle(25e-9)`.
    grid
        Voxels of the calibration scan; 32 x 32 over 32 x 32 mm by default.
    sample
        The sample that is moved over them; it fills a voxel by default.

    Raises
    ------
    InputError
        If one of them is of another type, or cannot be simulated.
    """

    scanner: Scanner
    particle: Magnetisation
    grid: Grid = field(default_factory=Grid)
    sample: Sample = field(default_factory=Sample)

    def __post_init__(self) -> None:
        for name, value, kind in (("grid", self.grid, Grid), ("sample", self.sample, Sample)):
            require(isinstance(value, kind), name, f"a mpisim.{kind.__name__}", repr(value))
        check_scanner(self.scanner, self.grid.center)
        check_magnetisation(self.particle)

    @classmethod
    def of(cls, data: xr.Dataset) -> Setup:
        """Return the setup that a simulated system matrix describes.

        That of a coarse matrix is the setup of its fine one. Raises `InputError` if the dataset is no system matrix, or
        does not describe how it was simulated.
        """
        attributes = cls.described(data)
        return cls(
            scanner_from_mapping(attributes["scanner"]),
            particle_from_mapping(attributes["particle"]),
            from_mapping(Grid, attributes["grid"], "grid"),
            from_mapping(Sample, attributes["sample"], "sample"),
        )

    @staticmethod
    def described(data: xr.Dataset, name: str = "data") -> dict[str, Any]:
        """Return the attributes `scanner`, `particle`, `grid` and `sample` of a simulated system matrix.

        Raises `InputError`, which calls the dataset `name`, if it is no system matrix, or lacks one of them.
        """
        attributes = expect(data, "system_matrix", name).attrs
        names = ("scanner", "particle", "grid", "sample")
        missing = [name for name in names if not isinstance(attributes.get(name), dict)]
        must = "a simulated system matrix, which describes its scanner"
        require(not missing, name, must, f"one without {', '.join(missing)}")
        return {name: attributes[name] for name in names}

    def simulate(self, path: str = "auto") -> xr.Dataset:
        """Simulate the system matrix; `path` is that of `mpisim.simulate`."""
        return simulate(self.scanner, self.particle, self.grid, self.sample, path)

    def exact(self) -> Setup:
        """Return the setup without jitter of the sample's positions."""
        return replace(self, sample=replace(self.sample, jitter=0.0))

    def simulate_coarse(
        self, factor: int, snr: float | None = PROTOCOL_SNR, seed: int = 0, fine: xr.Dataset | None = None
    ) -> xr.Dataset:
        """Simulate the coarse calibration with a sample of `factor` x `factor` voxels, ready for `calib.recover`.

        Without jitter these are the block means of the fine matrix, as `calib.downsample` returns them. With jitter
        each large sample is misplaced as a whole, by an error that `sample.seed` draws for the coarse positions.

        Parameters
        ----------
        factor
            Edge S of the large sample in voxels; it divides both sides of the grid.
        snr, seed
            Noise in dB below the RMS of the block means with exact positions, or None, and its seed.
        fine
            The matrix of `exact()`, where it is known already.

        Returns
        -------
        xarray.Dataset
            A coarse system matrix; its attribute `sample` states the jitter.

        Raises
        ------
        InputError
            If the sample is not a box that fills a voxel, the factor does not divide the grid, or an argument is out of
            range.
        """
        fills = self.sample.size is None and self.sample.shape == "box"
        require(fills, "sample", "a box without a size, which fills a voxel", repr(self.sample))
        coarse = downsample(self.exact().simulate() if fine is None else fine, factor, "box", snr, seed)
        if not self.sample.jitter:
            return coarse
        sample = replace(self.sample, points=factor * self.sample.points)
        large = replace(self, grid=self.grid.coarsened(factor), sample=sample)
        moved, unmoved = (s.simulate()["system_matrix"].values / factor**2 for s in (large, large.exact()))
        rows = coarse["system_matrix"]
        rows = rows.copy(data=(rows.values + (moved - unmoved)).astype(rows.dtype))
        return coarse.assign(system_matrix=rows).assign_attrs(plain_attributes({"sample": self.sample.as_mapping()}))
