"""The subcommand `methods`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypedDict

from mpisim.cli.command import Result

if TYPE_CHECKING:
    from calib.methods.record import Method

__all__ = ["KEYS", "MethodEntry", "add_arguments", "run"]

KEYS = {
    "methods": "by name: summary, sampling, whether it is learned, factors of bundled weights, their scope, version",
}
"""Keys of `--json`."""


class MethodEntry(TypedDict):
    """What `--json` states of a method; `shipped_factors` are those with bundled weights, `scope` what these know."""

    summary: str
    sampling: list[str]
    learned: bool
    shipped_factors: list[int]
    scope: dict[str, object] | None
    version: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser: there are none."""


def run(options: argparse.Namespace) -> Result:
    """Return every method of recovery by name."""
    from calib.recovery import METHODS

    listed = {name: _entry(name, method) for name, method in METHODS.items()}
    return {"methods": listed, "text": _text(listed)}


def _entry(name: str, method: Method) -> MethodEntry:
    from calib.learned.bundled import bundled_weights
    from calib.nets.table import FACTORS

    return {
        "summary": method.summary,
        "sampling": list(method.samplings),
        "learned": method.learned,
        "shipped_factors": [f for f in FACTORS if method.learned and bundled_weights(name, f).is_file()],
        "scope": _scope(name) if method.learned else None,
        "version": method.version,
    }


def _scope(name: str) -> dict[str, object] | None:
    """Return what the bundled weights of a network were trained on, in SI units; None without any that state it."""
    from calib.learned.bundled import BUNDLED
    from calib.learned.scope import stated_metadata, stated_scope

    stated = (stated_scope(stated_metadata(file)) for file in sorted(BUNDLED.glob(f"{name}_*.safetensors")))
    return next((scope.as_mapping() for scope in stated if scope), None)


def _text(listed: Mapping[str, MethodEntry]) -> str:
    width = max(map(len, listed))
    lines = [f"{name:<{width}}  {entry['summary']}{_weights(entry)}" for name, entry in listed.items()]
    return "\n".join([*lines, *_trained_on(listed)])


def _trained_on(listed: Mapping[str, MethodEntry]) -> list[str]:
    """Return one line for every scope of bundled weights."""
    from calib.learned.scope import Scope

    scopes: dict[Scope, list[str]] = {}
    for name, entry in listed.items():
        if entry["scope"]:
            scopes.setdefault(Scope.from_mapping(entry["scope"]), []).append(name)
    return [
        f"The bundled weights of {', '.join(names)} were trained on {scope.described()}."
        for scope, names in scopes.items()
    ]


def _weights(entry: MethodEntry) -> str:
    """Return in words for which factors weights are bundled; empty for a method without weights."""
    factors = ", ".join(f"{f}x" for f in entry["shipped_factors"]) or "no factor"
    return f" (weights are bundled for {factors})" if entry["learned"] else ""
