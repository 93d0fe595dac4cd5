"""A scanner of your own: a receive coil whose sensitivity falls off, and which methods of recovery tolerate that.

Any other field or sensitivity is a subclass of `mpisim.OpenSidedFFL` with another `drive_field`, `selection_field` or
`receive_sensitivity`. Here the coil lies on one side, and its sensitivity falls towards the other side by `fall` over
the field of view. A row is then no longer a function of one coordinate, as `ridge` and `profile` presume, and the
bundled networks were not trained on such rows. Bicubic interpolation with data consistency presumes nothing about the
scanner, and is still the worst.

Matrices of such scanners are calibrated coarsely at 4x, recovered, and compared. The class is registered under a name,
and files of its matrices hold this name. So measurements can be simulated on a finer grid than that of the matrix.

Run:  python examples/own_coil.py [--out own_coil.png]
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

import calib
import mpisim
import recon
from mpisim.plot.panels import save_figure

FALLS = (0.0, 0.03, 0.1, 0.3)
METHODS = ("bicubic-dc", "ridge", "profile", "transms")


@dataclass(frozen=True)
class SurfaceCoil(mpisim.OpenSidedFFL):
    """A field-free-line scanner whose coil receives less at larger x."""

    fall: float = 0.3
    width: float = 0.032

    def receive_sensitivity(self, points: np.ndarray) -> np.ndarray:
        """Sensitivity of the ideal coil times 1 in the centre, 1 + fall / 2 and 1 - fall / 2 at the sides."""
        return super().receive_sensitivity(points) * (1 - self.fall * points[..., :1] / self.width)


def study() -> tuple[np.ndarray, np.ndarray]:
    """Return nRMSE of the matrix in % and pSNR of an image in dB, of shape (fall, method) each."""
    grid = mpisim.Grid((32, 32), (0.032, 0.032))
    ideal = mpisim.open_sided_ffl(0.8, fov=grid.fov[0])
    known = {name: getattr(ideal, name) for name in ("sf_gradient", "drive_amplitude", "angles", "harmonics")}
    errors, quality = np.empty((2, len(FALLS), len(METHODS)))
    for i, fall in enumerate(FALLS):
        scanner = mpisim.check_scanner(SurfaceCoil(**known, fall=fall))
        fine = mpisim.simulate(scanner, mpisim.Particle(25e-9), grid)
        coarse = calib.downsample(fine, factor=4, snr=33.7, seed=0)
        y = recon.measure(fine, recon.phantoms.tubes(), snr=30, seed=0)
        best = recon.reconstruct(fine, y)["image"].values
        for j, method in enumerate(METHODS):
            recovered = calib.recover(coarse, method)
            errors[i, j] = 100 * calib.nrmse(recovered, fine)
            quality[i, j] = recon.psnr(recon.reconstruct(recovered, y)["image"].values, best)
            print(f"sensitivity falls by {fall:4.0%}, {method:<10}: {errors[i, j]:6.2f} %, {quality[i, j]:5.1f} dB")
    return errors, quality


def draw(errors: np.ndarray, quality: np.ndarray) -> Figure:
    """Draw both figures of merit against the fall."""
    figure = Figure(figsize=(9, 3.6), dpi=110, layout="constrained")
    axes = figure.subplots(1, 2)
    labels = ("nRMSE of the matrix in %", "pSNR of the image in dB")
    for values, ax, label in zip((errors, quality), axes, labels, strict=True):
        for line, method in zip(values.T, METHODS, strict=True):
            ax.plot(100 * np.array(FALLS), line, "o-", label=method)
        ax.set_xlabel("fall of the coil's sensitivity in %")
        ax.set_ylabel(label)
        ax.grid(alpha=0.3)
    axes[0].set_yscale("log")
    axes[0].legend(title="recovered at 4x by")
    return figure


def main() -> None:
    """Register the scanner, compare the methods and write the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="own_coil.png")
    options = parser.parse_args()
    mpisim.SCANNERS.register("SurfaceCoil", SurfaceCoil)
    save_figure(draw(*study()), options.out)
    print(f"figure: {options.out}")


if __name__ == "__main__":
    main()
