"""Images from recovered matrices of scanners as imperfect as real ones, by method, level and factor.

The scanners are those of the study `realistic` (`mpisim dataset --preset realistic`): levels mild, medium and strong,
and scanners outside of them. Block means have noise of 33.7 dB. Two phantoms, tubes and a shape, are measured at 30 dB
with the scanner's own fine matrix. The edges of the tubes lie on those of voxels, so that a finer grid would give the
same data. Images are made by ADMM with x >= 0 and a1 = aTV = 0.5. The seed of all noise is the number of the matrix in
its split. An image is compared with the one from the fine matrix, the reference, and with the phantom. Where a method
states the standard deviation of its rows they are weighted by it; the column `without_std` is the image without
weights. Networks have their weights for imperfect scanners where there are any.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd
import xarray as xr

from calib.recovery import METHODS
from calib.studies.harness.cache import ResultCache
from calib.studies.harness.missing import missing_note, shown
from calib.studies.harness.recovery import Recovery, recovered_by
from calib.studies.harness.results import Row, text_table, write_results
from calib.studies.harness.study import StudyOptions
from calib.studies.harness.variants import Variant, ready_variants
from calib.studies.realistic import RealisticScanner, realistic_scanners
from mpisim.cli.command import Result
from mpisim.data.downsampling import downsample
from mpisim.data.metrics import nrmse
from mpisim.data.noise import PROTOCOL_SNR
from mpisim.data.schema import STD
from mpisim.dataset.realistic import LEVELS
from mpisim.errors import DataWarning
from mpisim.io.digest import digest
from mpisim.plot.panels import Group, Panel, edges, panels
from mpisim.progress import progress
from recon import methods
from recon.measurement import measure
from recon.metrics import psnr
from recon.phantoms import Phantom, shape, tubes
from recon.reconstruction import reconstruct

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["realistic_images"]

IMAGE_SNR = 30.0
"""RMS of the measured signal over the noise in dB."""
WEIGHTS: dict[str, Any] = {"a1": 0.5, "atv": 0.5}
"""Options of ADMM."""
PHANTOMS: Mapping[str, Callable[[], Phantom]] = {"tubes": tubes, "shape": shape}
_DEFAULT = ("bicubic-dc", "transms", "linear-bayes", "physical", "auto")
_SHOWN = ("strong", "outside")  # levels of the figure
_REFERENCE = "reference"
_COLUMNS = ("nrmse_percent", "psnr", "psnr_phantom", "without_std")


@dataclass(frozen=True)
class _Case:
    """A scanner whose phantoms are measured, and its images."""

    cache: ResultCache
    scanner: RealisticScanner

    @cached_property
    def y(self) -> dict[str, xr.Dataset]:
        """The measurement of each phantom."""
        fine, seed = self.scanner.fine, self.scanner.number
        return {n: measure(fine, make(), IMAGE_SNR, seed, same_grid=True) for n, make in PHANTOMS.items()}

    @cached_property
    def key(self) -> dict[str, object]:
        """What all images depend on, for the cache."""
        return {
            "fine": digest(self.scanner.fine["system_matrix"].values),
            "phantoms": {name: make().describe() for name, make in PHANTOMS.items()},
            "image_snr": IMAGE_SNR,
            "seed": self.scanner.number,
            "solver": WEIGHTS,
            "solver_version": methods.METHODS["admm"].version,
        }

    @cached_property
    def reference(self) -> xr.Dataset:
        """The images from the fine matrix, by the name of the phantom, and the phantoms."""

        def compute() -> xr.Dataset:
            images = self._images(self.scanner.fine, ("",))
            return images.assign({f"{name}_phantom": y["phantom"] for name, y in self.y.items()})

        return self.cache.matrix("realistic_reference", self.key, compute)

    def images(self, variant: Variant, factor: int) -> xr.Dataset:
        """Return the images from a recovered matrix, with weights and, as `NAME_plain`, without; attribute `nrmse`."""
        fine, weights = self.scanner.fine, variant.weights
        coarse = downsample(fine, factor, variant.sampling, PROTOCOL_SNR, self.scanner.number)
        key = {
            **self.key,
            "method": variant.method,
            "version": METHODS[variant.method].version,
            "factor": factor,
            "coarse": digest(coarse["system_matrix"].values),
            "weights": None if weights is None else weights.digest,
        }

        def compute() -> xr.Dataset:
            found = recovered_by(coarse, variant.method, None if weights is None else weights.weights)
            made = self._images(found, ("", "_plain") if STD in found else ("",))
            return made.assign_attrs(nrmse=nrmse(found, fine))

        return self.cache.matrix(f"realistic_image_{variant.method}_{factor}x", key, compute)

    def _images(self, matrix: xr.Dataset, kinds: Sequence[str]) -> xr.Dataset:
        """Return an image of the schema (the first) with all images as variables named PHANTOM and PHANTOM_plain."""
        made = {
            f"{name}{kind}": reconstruct(matrix, y, eps="auto", use_std=kind == "", **WEIGHTS)
            for name, y in self.y.items()
            for kind in kinds
        }
        first = next(iter(made.values()))
        return first.assign({name: image["image"] for name, image in made.items()})

    def row(self, images: xr.Dataset, phantom: str) -> Row:
        """Return the figures of the images of a phantom."""
        reference, truth = (self.reference[f"{phantom}{kind}"].values for kind in ("", "_phantom"))
        image, plain = images[phantom].values, images.get(f"{phantom}_plain")
        of_reference = images is self.reference
        return {
            "level": self.scanner.level,
            "number": self.scanner.number,
            "phantom": phantom,
            "nrmse_percent": None if of_reference else 100 * float(images.attrs["nrmse"]),
            "psnr": None if of_reference else psnr(image, reference),
            "psnr_phantom": psnr(image, truth),
            "without_std": None if plain is None else psnr(plain.values, reference),
        }


def realistic_images(options: StudyOptions) -> Result:
    """Run the study and write `realistic_images.nc`, `realistic_images.csv` and `realistic_images.png`.

    The option `scanners` limits the number of scanners of each level. The short form has one, with 12 angles. The
    figure shows tubes at the largest factor that all methods can recover, for the first scanner of the level strong and
    the first one outside.
    """
    recovery = Recovery(options)
    variants, status = _variants(recovery)
    shown(options, status)
    rows: list[Row] = []
    drawn: dict[str, dict[str, xr.Dataset]] = {}
    largest = max(variants, key=lambda factor: (len(variants[factor]), factor))
    for scanner in progress(realistic_scanners(options), unit="scanner"):
        case = _Case(recovery.cache, scanner)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            found: dict[str, dict[int | None, xr.Dataset]] = {_REFERENCE: {None: case.reference}}
            for step, of_factor in variants.items():
                for variant in of_factor:
                    found.setdefault(variant.name, {})[step] = case.images(variant, step)
        for name, by_factor in found.items():
            for factor, images in by_factor.items():
                rows += [{"method": name, "factor": factor, **case.row(images, phantom)} for phantom in PHANTOMS]
        if scanner.level in _SHOWN and scanner.level not in drawn:
            shown_here = {name: by_factor[largest] for name, by_factor in found.items() if largest in by_factor}
            drawn[scanner.level] = {_REFERENCE: case.reference, **shown_here}
    table = list(_means(rows))
    short = ", a short form" if options.quick else ""
    figure = _figure(drawn, f"Images of tubes after recovery at {largest}x, 30 dB{short}") if drawn else None
    files = write_results(options, "realistic_images", _dataset(rows), table, figure, recovery.cache.earlier)
    text = "\n".join([f"Mean pSNR in dB of images, {IMAGE_SNR:g} dB{short}", _text(table)])
    return {"table": table, "files": files, "text": "\n".join([text, *missing_note(options, status)])}


def _variants(recovery: Recovery) -> tuple[dict[int, list[Variant]], list[Row]]:
    """Return by factor the chosen methods, networks with weights of imperfect scanners if there are any."""
    chosen = set(recovery.options.chosen(tuple(METHODS), _DEFAULT))
    variants: dict[int, list[Variant]] = {}
    status: list[Row] = []
    for factor in recovery.options.factors or ():
        ready, of_methods = ready_variants(recovery, factor)
        last = {v.method: Variant(v.method, v.method, v.weights) for v in ready if v.method in chosen}
        order = [name for name in _DEFAULT if name in last] + [name for name in last if name not in _DEFAULT]
        variants[factor] = [last[name] for name in order]
        status += [row for row in of_methods if row["method"] in chosen and row["method"] not in last]
    return variants, status


def _means(rows: Sequence[Row]) -> Iterator[Row]:
    """Yield the means over the scanners of a level, with the lowest pSNR."""
    frame = pd.DataFrame(rows)
    frame["factor"] = frame["factor"].fillna(0).astype(int)  # the reference has none
    frame["order"] = frame["level"].map({level: i for i, level in enumerate((*LEVELS, "outside"))})
    frame["place"] = [list(frame["method"].unique()).index(m) for m in frame["method"]]
    for (_, factor, _, phantom), group in frame.groupby(["order", "factor", "place", "phantom"], sort=True):
        first = group.iloc[0]
        means = {name: _mean(group[name]) for name in _COLUMNS}
        yield {
            "level": first["level"],
            "scanners": len(group),
            "phantom": phantom,
            "factor": factor or None,
            "method": first["method"],
            **means,
            "psnr_lowest": None if means["psnr"] is None else float(group["psnr"].min()),
        }


def _mean(values: pd.Series) -> float | None:
    known = values.dropna()
    return float(known.mean()) if len(known) else None


def _dataset(rows: Sequence[Row]) -> xr.Dataset:
    """Return all figures (method, factor, phantom, scanner), with the level and number of each scanner."""
    frame = pd.DataFrame(rows)
    frame["factor"] = frame["factor"].fillna(1).astype(int)  # the reference: voxels of the size 1
    frame["scanner"] = [f"{number:04d}_{level}" for level, number in zip(frame["level"], frame["number"], strict=True)]
    index = frame.set_index(["method", "factor", "phantom", "scanner"])
    data = index[list(_COLUMNS)].astype(float).to_xarray()
    for name in _COLUMNS:
        data[name].attrs["units"] = "%" if name == "nrmse_percent" else "dB"
    return data.assign_attrs(snr=PROTOCOL_SNR, image_snr=IMAGE_SNR, phantoms=list(PHANTOMS))


def _text(table: Sequence[Row]) -> str:
    """Return a line for each level, factor and method: pSNR for each phantom against reference and phantom."""
    frame = pd.DataFrame(table).astype(object).where(lambda f: f.notna(), None)
    lines = []
    for (level, factor, method), group in frame.groupby(["level", "factor", "method"], sort=False, dropna=False):
        cells: list[object] = [level, None if factor is None or factor != factor else int(factor), method]
        cells.append(None if group["nrmse_percent"].iloc[0] is None else f"{group['nrmse_percent'].iloc[0]:.3g}")
        for row in group.to_dict("records"):
            numbers = (row[n] for n in ("psnr", "psnr_lowest", "without_std", "psnr_phantom"))
            cells += [None if n is None else f"{n:.1f}" for n in numbers]
        lines.append(cells)
    names = list(dict.fromkeys(row["phantom"] for row in table))
    of_phantom = ("pSNR", "lowest", "no std", "to phantom")
    titles = ["level", "factor", "method", "nRMSE %", *(f"{name}: {title}" for name in names for title in of_phantom)]
    return text_table(titles, lines)


def _figure(drawn: Mapping[str, Mapping[str, xr.Dataset]], title: str) -> Figure:
    """Draw the tubes of each level by method on one scale, and below the differences from the reference."""
    name = next(iter(PHANTOMS))
    columns = list(dict.fromkeys(method for images in drawn.values() for method in images))
    references = {level: images[_REFERENCE] for level, images in drawn.items()}
    top = max(float(r[kind].max()) for r in references.values() for kind in (name, f"{name}_phantom"))
    lines, differences, notes = [], [], []
    for level, images in drawn.items():
        reference = references[level]
        frame, wanted = edges(reference), reference[name].values
        line: list[Panel | None] = [(reference[f"{name}_phantom"].values, frame)]
        lines.append(line + [(images[c][name].values, frame) for c in columns])
        others: list[Panel | None] = [None, None]
        others += [(images[c][name].values - wanted, frame) for c in columns if c != _REFERENCE]
        differences.append(others)
        quality = [f"{psnr(images[c][name].values, wanted):.1f} dB" for c in columns if c != _REFERENCE]
        notes.append(["", "", *quality])
    levels = list(drawn)
    half = top / 5
    groups = [
        Group(lines, levels, f"concentration / that of\nthe sample, cut at {top:.2g}", (0.0, top), "inferno"),
        Group(
            differences,
            [f"{level}:\n- reference" for level in levels],
            f"difference,\ncut at ± {half:.2g}",
            (-half, half),
            "PuOr_r",
            notes,
        ),
    ]
    return panels(groups, ["phantom", *columns], title)
