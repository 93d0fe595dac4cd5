"""Writing scanner files: TOML whose keys are explained by the docstrings of the classes that they describe.

Numbers are written with all their digits, so that a file gives the same scanner again, to the last bit. A key that has
its default stands behind `#`: its value may then be set on the command line.
"""

from __future__ import annotations

import inspect
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from textwrap import wrap
from typing import Any

from mpisim.data.grid import Grid
from mpisim.errors import require
from mpisim.io.atomic import expect_file, write_text
from mpisim.io.scanner_keys import GRID_KEYS
from mpisim.particles.table import PARTICLES
from mpisim.scanner.ffl import OpenSidedFFL, equidistant_angles, open_sided_ffl
from mpisim.scanner.table import SCANNER_PARTS, SCANNERS
from mpisim.simulation.sample import Sample
from mpisim.simulation.setup import Setup

__all__ = ["scanner_text", "write_scanner"]

_WIDTH = 118
_HEAD = (
    "Units are SI: m, T, T/m, Hz, rad, A/m, K. A key behind # has its default, which an option of the command line may "
    "replace. The command line must not contradict any other value."
)
_SECTION = re.compile(r"^Parameters\n-+\n(.*?)(?=^\w[^\n]*\n-+\n|\Z)", flags=re.MULTILINE | re.DOTALL)
_PARAMETER = re.compile(r"^(\w[\w, ]*)\n((?:(?: .*)?\n?)+)", flags=re.MULTILINE)


def write_scanner(setup: Setup, path: str | os.PathLike[str], title: str = "A scanner.", notes: str = "") -> None:
    """Write a scanner with its tracer and calibration scan as a commented TOML file, whole or not at all.

    `read_scanner` of the file returns an equal setup.

    Parameters
    ----------
    setup
        What to write.
    path
        A file with the suffix .toml.
    title
        The first line of the file: what the scanner is, in one line.
    notes
        Further sentences for the head of the file, such as the source of the numbers.

    Raises
    ------
    InputError
        If the class of the scanner, of its parts or of the particle is not registered (`mpisim.SCANNERS`,
        `mpisim.SCANNER_PARTS`, `mpisim.PARTICLES`), or the file cannot be written.
    """
    expect_file(path, (".toml",))
    write_text(path, scanner_text(setup, title, notes))


def scanner_text(setup: Setup, title: str = "A scanner.", notes: str = "") -> str:
    """Return the text of a scanner file; errors are those of `write_scanner`."""
    require(isinstance(setup, Setup), "setup", "a mpisim.Setup", repr(setup))
    require("\n" not in title, "title", "one line", repr(title))
    lines = [f"# {title}", "#", *_comment(_HEAD), *(["#", *_comment(notes)] if notes else []), ""]
    usual = _usual(setup)
    lines += [*_table("scanner", setup.scanner, SCANNERS, usual=usual), ""]
    lines += [*_table("particle", setup.particle, PARTICLES), ""]
    lines += ["[calibration]"]
    meanings = _meanings(Grid)
    for key, name in GRID_KEYS.items():
        lines += _entry(key, getattr(setup.grid, name), meanings[name], getattr(Grid(), name))
    for item in fields(Sample):
        lines += _entry(item.name, getattr(setup.sample, item.name), _meanings(Sample)[item.name], _default(item))
    return "\n".join(lines) + "\n"


def _usual(setup: Setup) -> dict[str, Any]:
    """Return what `open_sided_ffl` takes for fields of the scanner that a file leaves out."""
    scanner = setup.scanner
    if not isinstance(scanner, OpenSidedFFL):
        return {}
    usual = open_sided_ffl(scanner.sf_gradient, max(setup.grid.fov[:2]), harmonics=scanner.harmonics)
    return {name: getattr(usual, name) for name in ("angles", "samples_per_period", "drive_amplitude")}


def _table(
    where: str, instance: Any, classes: Any, brackets: str = "[{}]", usual: Mapping[str, Any] | None = None
) -> Iterator[str]:
    """Yield the lines of a table and of the tables of its parts; `usual` are defaults that the class does not know."""
    kind = type(instance)
    name = next((name for name, known in classes.items() if known is kind), "")
    must = "of a registered class (mpisim.SCANNERS, SCANNER_PARTS or PARTICLES)"
    require(bool(name) and is_dataclass(instance), where, must, kind.__qualname__)
    yield brackets.format(where)
    yield f'class = "{name}"'
    parts = []
    for item in (f for f in fields(instance) if f.init):
        value = getattr(instance, item.name)
        if _is_part(value) or (isinstance(value, tuple) and value and all(map(_is_part, value))):
            parts.append((item.name, value))
        else:
            yield from _entry(
                item.name, value, _meanings(kind).get(item.name, ""), (usual or {}).get(item.name, _default(item))
            )
    for key, value in parts:
        classes_of_part = PARTICLES if classes is PARTICLES else SCANNER_PARTS
        several = isinstance(value, tuple)
        for i, part in enumerate(value if several else (value,)):
            yield ""
            yield from _comment(_meanings(kind).get(key, "") if i == 0 else "")
            form = "[[{}]]" if several else "[{}]"
            yield from _table(f"{where}.{key}", part, classes_of_part, form)


def _is_part(value: Any) -> bool:
    return is_dataclass(value) and not isinstance(value, type)


def _default(item: Field[Any]) -> Any:
    return item.default_factory() if item.default_factory is not MISSING else item.default


def _entry(key: str, value: Any, meaning: str, default: Any) -> Iterator[str]:
    """Yield a key with its meaning; behind # where the value is the default, which also stands for None."""
    yield from _comment(meaning)
    usual = type(value) is type(default) and value == default
    if value is None:
        yield f"#{key} ="
    elif key == "angles" and value == equidistant_angles(len(value)):
        yield f"{'#' if usual else ''}{key} = {len(value)}"
    else:
        yield from ("#" + line if usual else line for line in f"{key} = {_toml(value)}".splitlines())


def _toml(value: Any) -> str:
    """Return a value as TOML: bare numbers with all digits, and lists of lists with one on each line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list | tuple):
        items = [_toml(v) for v in value]
        nested = any(isinstance(v, list | tuple) for v in value)
        if nested or sum(map(len, items)) > _WIDTH:
            return "[\n" + "".join(f"    {item},\n" for item in _lines_of(items, nested)) + "]"
        return f"[{', '.join(items)}]"
    return repr(int(value)) if isinstance(value, int) else repr(float(value))


def _lines_of(items: list[str], nested: bool) -> list[str]:
    """Return items, each on a line of its own where they are lists, else as many on a line as fit."""
    if nested:
        return items
    return [line.rstrip(",") for line in wrap(", ".join(items), _WIDTH - 6, break_long_words=False)]


def _comment(text: str) -> Iterator[str]:
    yield from (f"# {line}" for line in wrap(" ".join(text.split()), _WIDTH - 2))


def _meanings(kind: type) -> dict[str, str]:
    """Return the meaning of every field, from the section "Parameters" of the docstrings of a class and its bases."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        text = inspect.cleandoc(base.__dict__.get("__doc__") or "")
        section = _SECTION.search(text)
        for entry in _PARAMETER.finditer(section[1] if section else ""):
            meaning = _first_sentence(inspect.cleandoc(entry[2]))
            found |= {name.strip(): meaning for name in entry[1].split(",")}
    return found


def _first_sentence(text: str) -> str:
    """Return the first sentence, without the marks of reStructuredText."""
    plain = " ".join(text.replace("`", "").split())
    return re.split(r"(?<=\.) (?=[A-Z0-9])", plain, maxsplit=1)[0]
