"""Many trials from one parent, which stays warm and has one thread; what they came to is counted.

A seed and the number of a trial give the file again: `python -m benchmarks.fuzz --only 1234`.
"""

from __future__ import annotations

import gc
import os
import random
import resource
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.fuzz.hdf5_mutations import mutate_hdf5
from tests.fuzz.mutations import mutated
from tests.fuzz.specimens import Action, Specimen
from tests.fuzz.trial import read_here, read_in_child

__all__ = ["Campaign", "Counts", "threads"]

_HDF5 = b"\x89HDF\r\n\x1a\n"


@dataclass
class Counts:
    """What trials came to: readings that were accepted, refused with a sentence, and faults, by specimen."""

    files: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    faults: list[tuple[int, str, str]] = field(default_factory=list)
    seconds: float = 0.0
    slowest: tuple[float, int] = (0.0, -1)

    def table(self) -> str:
        """Return the counts as lines of text."""
        faulty = Counter(name for _, name, _ in self.faults)
        head = f"{'file':<16} {'files':>6} {'accepted':>9} {'refused':>8} {'faults':>7}"
        rows = [
            f"{n:<16} {self.files[n]:6d} {self.accepted[n]:9d} {self.refused[n]:8d} {faulty[n]:7d}"
            for n in sorted(self.files)
        ]
        total = [sum(c.values()) for c in (self.files, self.accepted, self.refused)]
        last = f"{'all':<16} {total[0]:6d} {total[1]:9d} {total[2]:8d} {len(self.faults):7d}"
        used = resource.getrusage(resource.RUSAGE_CHILDREN), resource.getrusage(resource.RUSAGE_SELF)
        cpu = sum(u.ru_utime + u.ru_stime for u in used)
        slowest = (
            f"{self.seconds:.0f} s ({cpu:.0f} s of CPU); the slowest took {self.slowest[0]:.2f} s ({self.slowest[1]})"
        )
        return "\n".join([head, *rows, last, slowest])


class Campaign:
    """Specimens in a folder, their mutations by number, and their trials.

    Parameters
    ----------
    specimens
        Sound files.
    folder
        Where they are written; every trial works in a folder of its own in it.
    seed
        Tells apart campaigns.
    quick
        Whether one thing is done with every file, by chance, instead of all.
    """

    def __init__(self, specimens: tuple[Specimen, ...], folder: Path, seed: int = 0, quick: bool = False) -> None:
        self.specimens, self.seed, self.quick = specimens, seed, quick
        self.folder = Path(os.path.realpath(folder))
        self.sound, self.work = self.folder / "sound", self.folder / "work"
        for place in (self.sound, self.work):
            place.mkdir(parents=True, exist_ok=True)
        self._save()
        for name in ("matrix.mdf", "raw.mdf"):  # which others are paired with
            if (self.sound / name).exists() and not (self.work / name).exists():
                os.link(self.sound / name, self.work / name)
        self.contents = [(self.sound / s.name).read_bytes() for s in specimens]
        self.sound_readings = self._warm()
        """What the sound files come to, by name; it warms up this process."""
        self.pipe = self.folder / "pipe"
        if not self.pipe.exists():
            os.mkfifo(self.pipe)

    def _save(self) -> None:
        """Write the specimens in another process: simulating one starts threads."""

        def save() -> None:
            for specimen in self.specimens:
                specimen.save(self.sound / specimen.name)

        _in_child(save)

    def _warm(self) -> dict[str, list[str]]:
        """Read the sound files in this process, so that what is loaded at first use is there in every child."""
        here = os.getcwd()
        os.chdir(self.work)
        found = {}
        for specimen in self.specimens:  # the scanners of TOML files start threads
            apart = specimen.name.endswith(".toml")
            read = partial(read_in_child, folder=self.work) if apart else read_here
            found[specimen.name] = read(self.sound / specimen.name, specimen.actions)
        os.chdir(here)
        gc.collect()
        gc.freeze()  # so that the collector does not copy what children share
        return found

    def write(self, number: int) -> tuple[Specimen, Path]:
        """Write the file of a trial; return what it was made from, and where it is."""
        rng = random.Random(f"{self.seed} {number}")
        place = number % len(self.specimens)
        specimen, content = self.specimens[place], self.contents[place]
        file = self.folder / f"trial_{specimen.name}"
        if _HDF5 in (content[:8], content[512:520]) and rng.random() < 0.5:
            seed = rng.randrange(2**32)
            _in_child(lambda: mutate_hdf5(self.sound / specimen.name, file, self.pipe, seed))
            if rng.random() < 0.1:  # and damage besides
                file.write_bytes(mutated(file.read_bytes(), self.contents, rng.randrange(2**32)))
        else:
            file.write_bytes(mutated(content, self.contents, rng.randrange(2**32)))
        return specimen, file

    def trial(self, number: int) -> list[str]:
        """Return what the file of a trial came to."""
        specimen, file = self.write(number)
        chosen = random.Random(number).choice(specimen.actions)
        return self._tried(file, (chosen,) if self.quick else specimen.actions)

    def _tried(self, file: Path, actions: Sequence[Action]) -> list[str]:
        before = self._state()
        found = read_in_child(file, actions, self.work)
        changed = self._state() ^ before
        return [*found, f"fault: changes {sorted(changed)}"] if changed else found

    def _state(self) -> set[tuple[str, int, int]]:
        """Return names, sizes and times of all files around."""
        return {
            (f"{place.name}/{entry.name}", entry.stat().st_size, entry.stat().st_mtime_ns)
            for place in (self.folder, self.sound, self.work)
            for entry in os.scandir(place)
            if not entry.is_dir()
        }

    def run(self, numbers: range, counts: Counts | None = None) -> Counts:
        """Return the counts of trials."""
        counts = Counts() if counts is None else counts
        for number in numbers:
            start = time.monotonic()
            found = self.trial(number)
            spent = time.monotonic() - start
            name = self.specimens[number % len(self.specimens)].name
            counts.files[name] += 1
            counts.accepted[name] += found.count("accepted")
            counts.refused[name] += found.count("refused")
            counts.faults += [(number, name, text) for text in found if text.startswith("fault")]
            counts.seconds += spent
            counts.slowest = max(counts.slowest, (spent, number))
        return counts


def _in_child(work: Callable[[], None]) -> None:
    """Do something in another process: HDF5 can end the one that writes nonsense, too."""
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        try:
            work()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def threads() -> int:
    """Return the threads of this process."""
    return len(os.listdir("/proc/self/task"))
