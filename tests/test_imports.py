"""The rooms of the house: who may import whom, what `__init__` files do, and what importing loads.

`docs/structure.md` shows the same rooms in words.
"""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("mpisim", "calib", "recon")

# Rooms from the ground up: a file imports its own room and lower lines only. A room is a folder or a single module.
FLOORS = {
    "mpisim": [
        {"kernels", "constants", "errors", "version", "progress", "lazy"},
        {"plugins", "deprecation", "memory"},
        {"particles", "data", "parallel"},
        {"scanner", "preprocess"},
        {"simulation"},
        {"io"},
        {"dataset"},
        {"plot"},
        {"cli"},
    ],
    "calib": [
        {"batches", "evaluation"},
        {"inflation"},
        {"methods"},
        {"design", "nets", "contract"},
        {"learned"},
        {"choice", "automatic", "catalogue"},
        {"recovery", "training"},
        {"files", "patches", "comparison", "diagnostics"},
        {"studies"},
        {"cli"},
    ],
    "recon": [
        {"solvers", "phantoms", "metrics", "point_spread"},
        {"xspace"},
        {"selection", "measurement", "fit"},
        {"preparation", "methods"},
        {"solving", "streaming"},
        {"reconstructor"},
        {"reconstruction"},
        {"compare"},
        {"frames"},
        {"studies", "cli"},
    ],
}
# Rooms on one floor do not import each other, but for these.
NEIGHBOURS = {("cli", "studies")}
UPSTAIRS = {"mpisim": set(), "calib": {"mpisim"}, "recon": {"mpisim"}}


def imports(file):
    """Dotted names of everything a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} has a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def files_of(package):
    files = sorted((ROOT / package).rglob("*.py"))
    assert len(files) > 10
    return files


def room(file):
    return file.relative_to(ROOT).with_suffix("").parts[1]


def floor(package, name):
    return next((i for i, rooms in enumerate(FLOORS[package]) if name in rooms), None)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_file_has_a_room(package):
    for file in files_of(package):
        assert room(file) in ("__init__", "__main__") or floor(package, room(file)) is not None, file


@pytest.mark.parametrize("package", PACKAGES)
def test_rooms_import_downwards_only(package):
    for file in (f for f in files_of(package) if room(f) not in ("__init__", "__main__")):
        for name in imports(file):
            parts = name.split(".")
            if parts[0] != package or parts[1:2] == [room(file)]:
                continue
            if len(parts) < 2 or floor(package, parts[1]) is None:  # names that the package hands on, from any room
                assert room(file) == "cli", f"{file.relative_to(ROOT)} imports {name}"
                continue
            here, there = floor(package, room(file)), floor(package, parts[1])
            allowed = there < here or (room(file), parts[1]) in NEIGHBOURS
            assert allowed, f"{file.relative_to(ROOT)} imports {name}"


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_one_way(package):
    """mpisim < calib < recon.studies; the rest of recon imports mpisim only."""
    for file in files_of(package):
        for name in imports(file):
            top = name.split(".")[0]
            if top in PACKAGES and top != package:
                upstairs = package == "recon" and room(file) == "studies" and top == "calib"
                assert top in UPSTAIRS[package] or upstairs, f"{file.relative_to(ROOT)} imports {name}"


def test_only_recovery_needs_torch():
    """And the plots of a library need no pyplot anywhere."""
    for package in PACKAGES:
        for file in files_of(package):
            names = {n.split(".")[0] for n in imports(file)}
            assert package == "calib" or "torch" not in names, file
            assert not any(n.startswith("matplotlib.pyplot") for n in imports(file)), file


def test_the_simulator_names_no_method():
    """But for the preset `transms`, and `path="ridge"`, an alias of the engine `line_profile`."""
    import calib
    import recon

    methods = {*calib.METHODS, *recon.METHODS} - {"auto"}  # which is also a value of other options
    names = "|".join(map(re.escape, sorted(methods, key=len, reverse=True)))
    word = re.compile(rf"(?<![\w-])({names})(?![\w-])")
    allowed = {"transms": {"dataset", "cli"}, "ridge": {"simulation"}}
    words_of_physics = {"profile"}  # the profile of a line; as a string of its own it names the method
    for file in files_of("mpisim"):
        strings = {node.value for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Constant)}
        assert not words_of_physics & strings, file
        for name in word.findall(file.read_text()):
            good = name in words_of_physics or room(file) in allowed.get(name, ())
            assert good, f"{file.relative_to(ROOT)} names {name}"


@pytest.mark.parametrize("package", PACKAGES)
def test_init_files_only_hand_names_on(package):
    for file in sorted((ROOT / package).rglob("__init__.py")):
        for node in ast.parse(file.read_text()).body:
            text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            typing_only = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
            target = ast.unparse(node.targets[0]) if isinstance(node, ast.Assign) else ""
            assigned = target in ("__all__", "(__getattr__, __dir__)")
            assert text or typing_only or assigned or isinstance(node, ast.Import | ast.ImportFrom), file


@pytest.mark.parametrize("package", PACKAGES)
def test_what_is_handed_on_is_what_is_listed(package):
    """For type checkers the names stand once more under `TYPE_CHECKING`: all three lists agree."""
    module = __import__(package)
    tree = ast.parse((ROOT / package / "__init__.py").read_text())
    typed = next(n for n in tree.body if isinstance(n, ast.If))
    names = {a.name for n in typed.body for a in n.names}
    assert names == set(module.__all__)
    for name in module.__all__:
        assert getattr(module, name) is not None
    assert names <= set(dir(module))  # which completion in a shell shows
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        module.nothing  # noqa: B018


def loaded(code, block=()):
    """Modules that are loaded after running some code in a fresh interpreter where `block` cannot be imported."""
    blocked = "".join(f"sys.modules[{name!r}] = None; " for name in block)
    script = f"import sys; {blocked}{code}; print(*sys.modules)"
    return set(
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    )


def test_importing_the_packages_loads_nothing_else():
    heavy = {"numpy", "numba", "scipy", "xarray", "torch", "matplotlib", "h5py", "netCDF4", "pandas"}
    assert not loaded("import mpisim, calib, recon") & heavy


def test_the_list_of_commands_loads_nothing_heavy():
    heavy = {"numpy", "numba", "scipy", "xarray", "torch", "matplotlib", "h5py", "netCDF4", "pandas"}
    assert not loaded("from mpisim.cli.main import main; main(['--help'])") & heavy
    assert not loaded("from mpisim.cli.main import main; main(['--version'])") & heavy


def test_the_simulator_loads_neither_command_line_nor_plot_nor_torch():
    modules = loaded("import mpisim; mpisim.simulate; mpisim.read; mpisim.open_sided_ffl; mpisim.nrmse")
    assert "numba" in modules
    assert not {m for m in modules if m.startswith(("mpisim.cli", "mpisim.plot", "torch", "matplotlib"))}


def test_calib_loads_torch_only_when_it_is_needed():
    assert "torch" not in loaded("import calib; calib.downsample; calib.recover; list(calib.METHODS)")


def test_recon_runs_without_torch():
    code = """
import mpisim, recon
fine = mpisim.simulate(mpisim.open_sided_ffl(1.0, angles=6), mpisim.Particle(25e-9), mpisim.Grid((8, 8)))
y = recon.measure(fine, recon.phantoms.tubes(), snr=30, seed=0)
assert recon.reconstruct(fine, y, method="tikhonov")["image"].shape == (8, 8)
"""
    modules = loaded(f"exec({code!r})", block=["torch"])
    assert "recon.reconstruction" in modules and not {m for m in modules if m.startswith("calib")}
