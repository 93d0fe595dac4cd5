"""Names of the engines in version 0.1: values of the argument `path`, and of the attribute of this name in files."""

from __future__ import annotations

__all__ = ["ENGINES_OF_0_1", "with_former_names"]

ENGINES_OF_0_1 = {"ridge": "line_profile", "general": "equilibrium"}
"""Engine by its name in version 0.1."""


def with_former_names(attributes: dict[str, object]) -> dict[str, object]:
    """Return attributes of a matrix with both `engine` and `path`, which version 0.4 removes, where one is there."""
    former = {engine: path for path, engine in ENGINES_OF_0_1.items()}
    both = dict(attributes)
    if "engine" in both:
        both.setdefault("path", former.get(str(both["engine"]), both["engine"]))
    elif "path" in both:
        both["engine"] = ENGINES_OF_0_1.get(str(both["path"]), both["path"])
    return both
