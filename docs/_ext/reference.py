"""The pages that are made from the code: the Python names, and the command line.

A public name of `mpisim`, `calib` or `recon` is described once, under the name that users write; the pages of the rooms
hold what modules say of their mathematics, and every other documented name. A link to where a public name is defined
leads to its description.
"""

from __future__ import annotations

import argparse
import ast
import itertools
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache, reduce
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

PACKAGES = {"mpisim": "Simulation and data", "calib": "Calibration", "recon": "Reconstruction"}
_ROOT = Path(__file__).resolve().parents[2]
_HIDDEN = ("cli", "studies", "__main__", "version")
_GROUPS = {g for g in entry_points().groups if g.startswith("mpisim.")} | {"mpisim.scanner_parts", "mpisim.formats"}
_GROUPS |= {"mpisim.recovery_methods", "mpisim.solvers", "mpisim.scanners", "mpisim.particles"}
"""Groups of entry points, which look like names of Python."""


@lru_cache(maxsize=1)
def homes() -> dict[str, str]:
    """Return where every public name is defined, such as `mpisim.Grid`: `mpisim.data.grid.Grid`."""
    found = {}
    for package in PACKAGES:
        tree = ast.parse((_ROOT / package / "__init__.py").read_text(encoding="utf-8"))
        imported = {
            a.name: node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for a in node.names
        }
        for name in import_module(package).__all__:
            found[f"{package}.{name}"] = f"{imported[name]}.{name}"
    return found


def modules(package: str) -> Iterator[str]:
    """Yield the modules of a package that have a page, in the order of their names."""
    for file in sorted((_ROOT / package).rglob("*.py")):
        parts = file.relative_to(_ROOT).with_suffix("").parts
        if file.name != "__init__.py" and parts[1] not in _HIDDEN:
            yield ".".join(parts)


def _described(name: str) -> str:
    """Return the directive that describes a class, a function or a value by its full name."""
    module, _, attribute = name.rpartition(".")
    value = getattr(import_module(module), attribute)
    if isinstance(value, type(ast)):
        return f"``{name}``: the module :py:mod:`{value.__name__}`.\n"
    if isinstance(value, type):
        return f".. autoclass:: {name}\n   :members:\n"
    if callable(value) and hasattr(value, "__qualname__") and not hasattr(value, "__origin__"):
        return f".. autofunction:: {name}\n"
    text = _text_below(homes().get(name, name)).replace("\n", "\n   ")
    return f".. py:data:: {attribute}\n   :module: {module}\n\n   {text}\n"


@lru_cache(maxsize=512)
def _text_below(name: str) -> str:
    """Return the string that follows the assignment of a value in its module; empty where there is none."""
    module, _, attribute = name.rpartition(".")
    body = ast.parse((_ROOT / (module.replace(".", "/") + ".py")).read_text(encoding="utf-8")).body
    for assignment, below in itertools.pairwise(body):
        targets = getattr(assignment, "targets", [getattr(assignment, "target", None)])
        named = any(isinstance(t, ast.Name) and t.id == attribute for t in targets)
        if named and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            return str(below.value.value)
    return ""


def _heading(text: str, line: str) -> str:
    return f"{text}\n{line * len(text)}\n"


def public_page(package: str) -> str:
    """Return the page of the public names of a package."""
    known = homes()
    first = {home: name for name, home in reversed(known.items())}
    parts = [_heading(package, "="), f".. automodule:: {package}\n"]
    own = [name for name in known if name.startswith(f"{package}.") and "__" not in name]
    for name in sorted(own, key=str.casefold):
        other = first[known[name]]
        parts.append(_described(name) if other == name else f":py:obj:`{name} <{other}>` is ``{other}``.\n")
    return "\n".join(parts)


def room_page(package: str, room: str, names: list[str]) -> str:
    """Return the page of one room: its modules with their mathematics, and the names that are not public."""
    public = {home: name for name, home in reversed(homes().items())}
    parts = [_heading(f"{package}.{room}", "=")]
    if names != [f"{package}.{room}"]:
        parts.append(f".. automodule:: {package}.{room}\n")
    for name in names:
        parts += [_heading(name, "-"), f".. automodule:: {name}\n"]
        for attribute in getattr(import_module(name), "__all__", []):
            full = f"{name}.{attribute}"
            home = getattr(getattr(import_module(name), attribute), "__module__", name)
            if full not in public and home != name and home in names:  # described where it is defined
                full = f"{home}.{attribute}"
                parts.append(f":py:obj:`{full}`\n")
            else:
                parts.append(f":py:obj:`{public[full]}`\n" if full in public else _described(full))
    return "\n".join(parts)


def write_api(folder: Path) -> None:
    """Write the pages of all packages and rooms, and their table of contents."""
    contents = []
    for package, title in PACKAGES.items():
        _write(folder / f"{package}.rst", public_page(package))
        rooms: dict[str, list[str]] = {}
        for name in modules(package):
            rooms.setdefault(name.split(".")[1], []).append(name)
        for room, names in rooms.items():
            _write(folder / f"{package}.{room}.rst", room_page(package, room, names))
        listed = "\n".join(f"   {package}.{room}" for room in rooms)
        contents.append(f"**{title}**\n\n.. toctree::\n   :maxdepth: 1\n\n   {package}\n{listed}\n")
    head = _heading("Python", "=") + (
        "\n``mpisim``, ``calib`` and ``recon`` are the public names, which change only with a warning"
        " (:doc:`/contributing`). The other pages show what lies behind them, room by room (:doc:`/structure`):"
        " every module opens with the mathematics that it implements.\n"
    )
    _write(folder / "index.rst", head + "\n" + "\n".join(contents))


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.is_file() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;").replace("$", "\\$")


def _option(action: argparse.Action) -> tuple[str, str]:
    """Return how an option is typed, and its help with its default."""
    value = action.metavar or (action.dest.upper() if action.nargs != 0 and action.option_strings else "")
    choices = "{" + ",".join(map(str, action.choices)) + "}" if action.choices else ""
    names = ", ".join(f"`{name}`" for name in action.option_strings) or f"`{action.metavar or action.dest}`"
    typed = names + (f" *{choices or value}*" if action.option_strings and (value or choices) else "")
    text = (
        (action.help or "") % {"default": action.default, "prog": "mpisim"}
        if "%" in (action.help or "")
        else action.help
    )
    needed = " **Required.**" if action.required and action.option_strings else ""
    return typed, _cell(text or "") + needed


def command_section(command: Any, keys: Mapping[str, str]) -> str:
    """Return what the reference says of one command."""
    from mpisim.cli.command import parser_of

    parser = parser_of(command)
    actions = [a for a in parser._actions if a.help != argparse.SUPPRESS and a.dest != "help"]
    lines = [
        f"(command-{command.name})=",
        f"## {command.name}",
        "",
        f"{command.summary[0].upper()}{command.summary[1:]}.",
    ]
    lines += ["", "```text", command.example, "```", "", "| option | meaning |", "|---|---|"]
    lines += ["| {} | {} |".format(*_option(action)) for action in actions]
    if keys:
        lines += ["", "Keys of `--json`:", "", "| key | meaning |", "|---|---|"]
        lines += [f"| {'others' if name == '*' else f'`{name}`'} | {_cell(text)} |" for name, text in keys.items()]
    return "\n".join(lines) + "\n"


def write_commands(file: Path) -> None:
    """Write the page of the command line from the parsers."""
    from mpisim.cli.command import GROUPS, keys_of, table

    parts = [(_ROOT / "docs" / "reference" / "commands.head.md").read_text(encoding="utf-8")]
    commands, sections = table().values(), []
    for group, title in GROUPS.items():
        own = [command for command in commands if command.group == group]
        if own:
            parts += ["", f"**{title[0].upper()}{title[1:]}**", "", "| command | what it does |", "|---|---|"]
            parts += [f"| [`{c.name}`](#command-{c.name}) | {_cell(c.summary)} |" for c in own]
            sections += [command_section(c, keys_of(c)) for c in own]
    _write(file, "\n".join([*parts, "", *sections]))


def _pages(app: Sphinx) -> None:
    write_api(Path(app.srcdir) / "generated" / "api")
    write_commands(Path(app.srcdir) / "generated" / "commands.md")


_VERBATIM = r"\.\. math::.*(?:\n(?:[ \t].*)?)*|`[^`]*`"
"""What a docstring holds as it is: an equation of its own, and what stands between backquotes."""


def _escaped(app: Sphinx, kind: str, name: str, value: object, options: object, lines: list[str]) -> None:
    """Keep bars, as those of a norm, and letters after a backquote, which mean something else to reStructuredText."""

    def kept(match: re.Match[str]) -> str:
        joined = match[1] and match[1].endswith("`") and match[2]
        return f"{match[1]}\\ {match[2]}" if joined else match[1] + match[2] if match[1] else r"\|"

    lines[:] = re.sub(rf"({_VERBATIM})(\w?)|\|", kept, "\n".join(lines)).split("\n")


def _defined(target: str) -> str | None:
    """Return the full name under which what `target` names is defined; None where it names nothing."""
    parts = target.split(".")
    for count in range(len(parts) - 1, 0, -1):
        try:
            value = reduce(getattr, parts[count:], import_module(".".join(parts[:count])))
        except (ImportError, AttributeError):
            continue
        return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', '')}"
    return None


def _resolved(app: Sphinx, env: BuildEnvironment, node: pending_xref, text: nodes.Element) -> nodes.Element | None:
    """Lead to the public name of what a link names; leave words and names of other libraries as they are written."""
    target = str(node["reftarget"])
    if node.get("refdomain") != "py":
        return None
    inside = re.fullmatch(r"(mpisim|calib|recon)(\.\w+)+", target)
    if inside is None or target in _GROUPS:
        return text
    public = {home: name for name, home in reversed(homes().items())}
    defined = _defined(target)
    for name in (public.get(target), public.get(defined or ""), defined):
        found = name and env.domains["py"].resolve_xref(env, node["refdoc"], app.builder, "obj", name, node, text)
        if found:
            return found
    return text if node["reftype"] == "class" else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Write the pages before they are read, and resolve links to public names."""
    app.connect("builder-inited", _pages)
    app.connect("autodoc-process-docstring", _escaped)
    app.connect("missing-reference", _resolved)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
