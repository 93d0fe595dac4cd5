"""Fig. 8: larger grids by patches."""

import xarray as xr

from tests.small import short


def test_blended_patches_have_no_seams(tmp_path, cache):
    result = short("fig8", tmp_path, cache, methods=("bicubic", "vdsr"))
    rows = {(r["grid"], r["method"], r["by"]): r for r in result["table"]}
    assert len(rows) == 8
    for grid in ("finer voxels", "larger field"):
        blended, aside = (rows[grid, "vdsr", by] for by in ("blended patches", "patches side by side"))
        assert blended["seam"] < 1.1 < aside["seam"] and blended["nrmse_percent"] < aside["nrmse_percent"]
    stored = xr.open_dataset(tmp_path / "fig8_quick.nc")
    assert stored["finer_voxels_reference"].shape == (4, 32, 32, 2)
    assert stored["finer_voxels_vdsr_blended_patches"].shape == (4, 32, 32, 2)
    assert (tmp_path / "fig8_quick.png").is_file()
