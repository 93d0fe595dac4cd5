"""Files of version 0.1.0 (commit c5e387b), made by that version: run with its environment, in an empty folder."""

import json
import sys
from pathlib import Path

from calib.data import read_folder
from calib.recipe import recipe
from calib.train import Run, train
from mpisim.cells import grid_cells
from mpisim.grid import Grid
from mpisim.studies import Protocol, studies

import calib
import mpisim
import recon
from mpisim.cli import main
from mpisim.dataset import Family, generate

out = Path(sys.argv[1])
FAMILY = Family(grid=Grid((16, 16)), scanner={"angles": 4, "harmonics": (2, 3, 5, 8)})
CELLS = (
    *grid_cells((0.5, 0.9), (20e-9, 26e-9), "train"),
    *grid_cells((0.7,), (24e-9,), "validation"),
    *grid_cells((0.6, 0.8, 1.0), (24e-9,), "test"),
)
data = out / "data"
generate(CELLS, FAMILY, data)
numbers = {}

fine = mpisim.read(data / "test" / f"{CELLS[5].name}.nc")
for scheme in ("box", "strided", "random"):
    coarse = calib.downsample(fine, 2, scheme, snr=33.7, seed=3)
    mpisim.write(coarse, out / f"{scheme}.nc")
    for method, entry in calib.METHODS.items():
        if scheme in entry.schemes and (not entry.learned or method in ("srcnn", "transms")):
            found = calib.recover(coarse, method)
            numbers[f"{scheme} {method}"] = calib.nrmse(found, fine)
mpisim.write(calib.recover(calib.downsample(fine, 2, snr=33.7, seed=3), "ridge"), out / "recovered.nc")
y = recon.measure(fine, recon.phantoms.tubes(), snr=30, seed=1)
mpisim.write(y, out / "measurement.nc")
image = recon.reconstruct(fine, y, method="tikhonov")
mpisim.write(image, out / "image.nc")
numbers["image"] = {m: recon.nrmse(recon.reconstruct(fine, y, method=m), image) for m in ("admm", "kaczmarz")}

config = recipe(
    "srcnn",
    2,
    steps=6,
    batch=8,
    validate_every=3,
    checkpoint_every=3,
    draw="error",
    loss="norm",
    between=0.25,
    border=0.0,
)
train_set, validation_set = (read_folder(data, s) for s in ("train", "validation"))
whole = train(config, train_set, validation_set, out / "whole")
numbers["training"] = whole["validation_nrmse"]
numbers["weights"] = {}
run = Run(config, train_set, validation_set, out / "run", False, "cpu")
for _ in range(3):
    run.advance()
run.validate(), run.save()
(out / "whole" / "weights.safetensors").rename(out / "weights.safetensors")
numbers["own weights"] = calib.nrmse(
    calib.recover(mpisim.read(out / "box.nc"), "srcnn", out / "weights.safetensors"), fine
)
for f in (out / "whole").iterdir():
    f.unlink()
(out / "whole").rmdir()

small = Protocol(CELLS, FAMILY)
methods = ("bicubic", "ridge", "profile", "srcnn")
for name in ("table3", "table4"):
    result = studies()[name](
        out / "study",
        quick=True,
        data=data,
        cache=out / "cache",
        methods=methods,
        train=True,
        protocol=small,
        started=0.0,
    )
    key = "nrmse_percent" if name == "table3" else "psnr_db"
    numbers[name] = {f"{r['method']} {r.get('noise', 'noisy')}": r[key] for r in result["table"]}
main(
    [
        "tune",
        "srcnn",
        "--factor",
        "2",
        "--steps",
        "2",
        "--trials",
        "2",
        "--data",
        str(data),
        "--out",
        str(out / "search"),
    ]
)
numbers["search"] = (out / "search" / "trials.csv").read_text()
(out / "numbers.json").write_text(json.dumps(numbers, indent=1))
