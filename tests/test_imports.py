"""Imports flow one way, and importing stays light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ALLOWED = {"mpisim": {"mpisim"}, "calib": {"calib", "mpisim"}, "recon": {"recon", "calib", "mpisim"}}
PACKAGES = set(ALLOWED)


def imported(file):
    """Top-level names of everything a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} has a relative import"
            yield node.module.split(".")[0]


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_imports_flow_one_way(package):
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    for file in files:
        names = set(imported(file))
        assert names & PACKAGES <= ALLOWED[package], file
        if package != "calib":
            assert "torch" not in names, file


def loaded(code, block=()):
    """Modules that are loaded after running some code in a fresh interpreter where `block` cannot be imported."""
    blocked = "".join(f"sys.modules[{name!r}] = None; " for name in block)
    script = f"import sys; {blocked}{code}; print(*sys.modules)"
    return set(
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    )


def test_mpisim_loads_neither_torch_nor_pyplot():
    assert not loaded("import mpisim, mpisim.cli; import mpisim.cli.command; mpisim.cli.command.table()") & {
        "torch",
        "matplotlib.pyplot",
    }


def test_calib_loads_torch_only_when_it_is_needed():
    assert "torch" not in loaded("import calib, mpisim; calib.downsample; calib.recover")


def test_recon_runs_without_torch():
    code = """
import mpisim, recon
fine = mpisim.simulate(mpisim.open_sided_ffl(1.0, angles=6), mpisim.Particle(25e-9), mpisim.Grid((8, 8)))
y = recon.measure(fine, recon.phantoms.tubes(), snr=30, seed=0)
assert recon.reconstruct(fine, y, method="tikhonov")["image"].shape == (8, 8)
"""
    assert "recon" in loaded(f"exec({code!r})", block=["torch"])
