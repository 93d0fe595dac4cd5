"""Subcommands of reconstruction, and the demo, which runs the whole chain."""

from mpisim.cli.command import Command

__all__ = ["COMMANDS"]

COMMANDS = (
    Command(
        "measure",
        "measure a phantom with the scanner of a system matrix",
        "mpisim measure sm.nc --phantom tubes --snr 30 --out y.nc",
        "recon.cli.measure",
        "reconstruct",
    ),
    Command(
        "reconstruct",
        "reconstruct the image of a measurement",
        "mpisim reconstruct fine.nc y.nc --method admm --out image.nc",
        "recon.cli.reconstruct",
        "reconstruct",
    ),
    Command(
        "plan",
        "plan the quickest calibration that reaches an error",
        "mpisim plan --scanner medium --error 0.25% --out plan.png",
        "recon.cli.plan",
        "calibrate",
    ),
    Command(
        "demo",
        "simulate, measure, recover and reconstruct in one go, with a report",
        "mpisim demo --out demo",
        "recon.cli.demo",
        "reconstruct",
    ),
)
