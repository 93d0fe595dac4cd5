"""Environment of the test session; it has to be set before NumPy, Numba or Matplotlib are imported.

With `-n 2` (pytest-xdist) each of the two processes has one thread, and they share the compiled kernels.
"""

import fcntl
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
WORKER = "PYTEST_XDIST_WORKER" in os.environ
if WORKER:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")


def pytest_configure(config):
    """Let one worker at a time write compiled kernels: Numba reads, numbers and writes its index without a lock."""
    if not WORKER:
        return
    import numba
    from numba.core.caching import IndexDataCacheFile

    numba.set_num_threads(1)  # tests of more threads set their number themselves
    save = IndexDataCacheFile.save

    def locked(cache, key, data):
        folder = Path(os.environ["NUMBA_CACHE_DIR"])
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            save(cache, key, data)

    IndexDataCacheFile.save = locked
