"""Environment of the test session; it has to be set before NumPy, Numba or Matplotlib are imported."""

import getpass
import hashlib
import os
import tempfile
from pathlib import Path

KERNELS = sorted((Path(__file__).parent.parent / "mpisim" / "kernels").glob("*.py"))

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning threads cost far more than they save on a busy machine
os.environ.setdefault("MPLBACKEND", "Agg")
# Numba's own cache misses edits to callees; one folder for each version of the kernels sees every edit.
digest = hashlib.sha256(b"".join(f.read_bytes() for f in KERNELS)).hexdigest()[:12]
os.environ["NUMBA_CACHE_DIR"] = str(Path(tempfile.gettempdir()) / f"mpisim-numba-{getpass.getuser()}-{digest}")
