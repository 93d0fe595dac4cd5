"""Subcommands of the simulator."""

from mpisim.cli.command import Command

__all__ = ["COMMANDS"]

COMMANDS = (
    Command(
        "simulate",
        "simulate a system matrix",
        "mpisim simulate --sf-gradient 0.5 --particle-diameter 25 --out sm.nc",
        "mpisim.cli.simulate",
        "simulate",
    ),
    Command(
        "dataset",
        "simulate a family of system matrices, fine and coarse",
        "mpisim dataset --sf-gradient 0.4:1.0:10 --particle-diameter 14.1:33.405:10 --factor 4 --out data",
        "mpisim.cli.dataset",
        "simulate",
    ),
    Command(
        "calibrate",
        "simulate a coarse calibration with a large sample, and with the noise that it has",
        "mpisim calibrate --scanner mine.toml --factor 2 --out coarse.nc",
        "mpisim.cli.calibrate",
        "simulate",
    ),
    Command(
        "scanners",
        "list the scanners that have a name, or copy the file of one",
        "mpisim scanners open-sided-ffl --out mine.toml",
        "mpisim.cli.scanners",
        "simulate",
    ),
    Command(
        "convert",
        "convert MDF, or an array of MATLAB, NumPy or HDF5, to NetCDF; or NetCDF to MDF",
        "mpisim convert S.mat sm.nc --variable S --grid 8x8",
        "mpisim.cli.convert",
        "files",
    ),
    Command("info", "describe a file, or list the arrays in it", "mpisim info sm.nc", "mpisim.cli.info", "files"),
    Command(
        "validate",
        "compare an MDF file with the specification",
        "mpisim validate sm.mdf",
        "mpisim.cli.validate",
        "files",
    ),
    Command(
        "pair",
        "say whether a system matrix and a measurement belong together",
        "mpisim pair sm.mdf measurement.mdf",
        "mpisim.cli.pair",
        "files",
    ),
    Command(
        "preprocess",
        "background, means of frames, choice of frequencies, whitening and weights, alike for matrix and measurement",
        "mpisim preprocess sm.mdf y.mdf --row-snr 5 --whiten --out sm.nc y.nc",
        "mpisim.cli.preprocess",
        "files",
    ),
    Command(
        "data",
        "load files of a public data set, and say how to cite it",
        "mpisim data fetch open-mpi --calibration 10",
        "mpisim.cli.data",
        "files",
    ),
    Command(
        "plot",
        "draw a system matrix, a measurement, an image or a scanner",
        "mpisim plot sm.nc --angle 0,45 --harmonic 2,3 --out sm.png",
        "mpisim.cli.plot",
        "files",
    ),
)
