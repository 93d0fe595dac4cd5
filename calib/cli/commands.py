"""The subcommands of this package."""

from __future__ import annotations

from mpisim.cli.command import Command

__all__ = ["COMMANDS"]

COMMANDS = (
    Command(
        "downsample",
        "measure a fine system matrix coarsely",
        "mpisim downsample sm.nc --factor 4 --out coarse.nc",
        "calib.cli.downsample",
        "calibrate",
    ),
    Command(
        "recover",
        "recover a fine system matrix from a coarse one",
        "mpisim recover coarse.nc --method transms --out fine.nc",
        "calib.cli.recover",
        "calibrate",
    ),
    Command(
        "prior",
        "make a prior of known matrices for recover --method linear-bayes",
        "mpisim prior --data realistic --out prior.npz",
        "calib.cli.prior",
        "calibrate",
    ),
    Command(
        "design",
        "choose the positions that a calibration should measure",
        "mpisim design -n 16 --size 4 --out positions.csv",
        "calib.cli.design",
        "calibrate",
    ),
    Command("methods", "list the methods of recovery", "mpisim methods", "calib.cli.methods", "calibrate"),
    Command(
        "evaluate",
        "compare a system matrix with a reference",
        "mpisim evaluate fine.nc --reference sm.nc --json",
        "calib.cli.evaluate",
        "calibrate",
    ),
    Command(
        "compare",
        "recover by every method that applies and compare with a reference",
        "mpisim compare coarse.nc --reference sm.nc --out compare",
        "calib.cli.compare",
        "calibrate",
    ),
    Command(
        "train",
        "train a network on a data set",
        "mpisim train --method transms --factor 4 --data transms --out run",
        "calib.cli.train",
        "studies",
    ),
    Command(
        "tune",
        "search hyper-parameters on validation data",
        "mpisim tune transms --factor 4 --data transms --trials 10 --out search",
        "calib.cli.tune",
        "studies",
    ),
    Command(
        "study",
        "compute the tables and figures of the manual, beside the paper's where it has them",
        "mpisim study table3 --quick --out study",
        "calib.cli.study",
        "studies",
    ),
)
