import os
import subprocess
import sys

CODE = """
import os, sys, warnings
warnings.simplefilter("always")
from mpisim.plot.backend import load_matplotlib
load_matplotlib()
from matplotlib.figure import Figure
figure = Figure()
figure.add_subplot().plot([1, 2])
figure.savefig(sys.argv[1])
print(os.environ["MPLBACKEND"])
"""


def test_figures_are_written_under_a_bad_backend(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path / "a.png")],
        env={**os.environ, "MPLBACKEND": "nonsense"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "nonsense\n" and "MPLBACKEND is 'nonsense', which is no backend of Matplotlib" in done.stderr
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
