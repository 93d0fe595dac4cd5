"""Damaged and hostile files by the thousand: python -m benchmarks.fuzz [--count 10000] [--seed 0] [--only NUMBER].

Each file is read in a forked child with 1 GB of memory and 20 s of CPU for each reading. Printed are the readings
that were accepted, those refused with one sentence, and faults (`tests/fuzz/trial.py` says what counts as one). The
exit code is 1 if there is a fault.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"  # a child must not inherit half of a pool of threads

from tests.fuzz.campaign import Campaign, Counts, threads  # noqa: E402
from tests.fuzz.specimens import Specimen, specimens  # noqa: E402


def _others() -> tuple[Specimen, ...]:
    from tests.fuzz.other_specimens import other_specimens

    return other_specimens()


def main() -> int:
    """Run a campaign; return 1 if there is a fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000, help="files")
    parser.add_argument("--start", type=int, default=0, help="number of the first one")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, metavar="NUMBER", help="one file, which is kept in --folder")
    parser.add_argument("--names", nargs="*", help="specimens; default: all")
    parser.add_argument("--weights", action="store_true", help="files of weights, priors and phantoms instead")
    parser.add_argument("--quick", action="store_true", help="do one thing with every file, by chance")
    parser.add_argument("--folder", help="where files are written; default: a temporary folder")
    parser.add_argument("--every", type=int, default=500, help="files after which counts are printed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        offered = _others() if options.weights else specimens()
        chosen = tuple(s for s in offered if not options.names or s.name in options.names)
        campaign = Campaign(chosen, Path(options.folder or temporary), options.seed, options.quick)
        if threads() != 1:
            print(f"this process has {threads()} threads")
            return 1
        for name, found in campaign.sound_readings.items():
            if set(found) != {"accepted"}:
                print(f"sound file {name}: {found}", flush=True)
        if options.only is not None:
            print(*campaign.trial(options.only), sep="\n")
            return 0
        counts, printed = Counts(), 0
        last = options.start + options.count
        for number in range(options.start, last):
            campaign.run(range(number, number + 1), counts)
            for fault in counts.faults[printed:]:
                print(*fault, flush=True)
            printed = len(counts.faults)
            if (number + 1 - options.start) % options.every == 0 or number + 1 == last:
                print(counts.table(), flush=True)
    return 1 if counts.faults else 0


if __name__ == "__main__":
    sys.exit(main())
