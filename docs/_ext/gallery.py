"""The gallery: every example is run as a user runs it, and its page shows what it says, prints and draws.

A finished run is kept beside the pages under the digest of the example and of the code, so that a second build takes no
time. While you write, `sphinx-build -D gallery_keep=1` keeps runs of other code, too.
"""

from __future__ import annotations

import ast
import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util import logging

logger = logging.getLogger(__name__)
_ROOT = Path(__file__).resolve().parents[2]
_NEEDS_FILES = ("encoding_array", "measured_matrix")
"""Examples that need files of others; their page shows the source only."""


def _code_digest() -> str:
    digest = hashlib.sha256()
    for package in ("mpisim", "calib", "recon"):
        for file in sorted((_ROOT / package).rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _run(example: Path, folder: Path, digest: str, keep: bool) -> str:
    """Run an example unless it was run with this code; return what it printed. Its picture lies in the folder."""
    record, picture = folder / f"{example.stem}.txt", folder / f"{example.stem}.png"
    key = hashlib.sha256(digest.encode() + example.read_bytes()).hexdigest()
    if record.is_file() and picture.is_file():
        known, _, printed = record.read_text(encoding="utf-8").partition("\n")
        if keep or known == key:
            return printed
    logger.info("running %s", example.name)
    command = [sys.executable, "-W", "error::DeprecationWarning", str(example), "--out", picture.name]
    environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ, "PYTHONPATH": str(_ROOT)}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, env=environment)
    if done.returncode != 0:
        raise ExtensionError(f"{example.name} failed:\n{done.stderr}")
    record.write_text(f"{key}\n{done.stdout}", encoding="utf-8")
    return done.stdout


def _page(example: Path, folder: Path, digest: str, keep: bool) -> str:
    title, _, rest = (ast.get_docstring(ast.parse(example.read_text(encoding="utf-8"))) or "").partition("\n")
    title = title.rstrip(".")
    parts = [f"{title}\n{'=' * len(title)}\n", rest.strip() + "\n"]
    if example.stem not in _NEEDS_FILES:
        printed = _run(example, folder, digest, keep).strip()
        parts.append(f".. image:: {example.stem}.png\n   :alt: {title}\n")
        if printed:
            parts.append(
                "It prints:\n\n.. code-block:: text\n\n" + "\n".join(f"   {s}" for s in printed.splitlines()) + "\n"
            )
    parts.append(f".. literalinclude:: ../../../examples/{example.name}\n   :caption: examples/{example.name}\n")
    return "\n".join(parts)


def _write(app: Sphinx) -> None:
    folder = Path(app.srcdir) / "generated" / "gallery"
    folder.mkdir(parents=True, exist_ok=True)
    digest, examples = _code_digest(), sorted((_ROOT / "examples").glob("*.py"))
    keep = bool(app.config.gallery_keep)
    with ThreadPoolExecutor(max_workers=2) as pool:
        pages = list(pool.map(lambda example: _page(example, folder, digest, keep), examples))
    for example, text in zip(examples, pages, strict=True):
        page = folder / f"{example.stem}.rst"
        if not page.is_file() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Write the pages before they are read."""
    app.add_config_value("gallery_keep", False, "env")
    app.connect("builder-inited", _write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
