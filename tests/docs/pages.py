"""The code on a page of the manual: what a reader would type, in the order of the page, and what it prints.

- A block `python` is run. A block `text` that is the next one after it is what it prints.
- A block `console` holds commands after `$ ` and what each prints; the commands run, too.
- A block `sh` holds commands that are not run, as for hours of training; their options are parsed.

Output agrees where the words are equal and the numbers within 2 %; a line `...` stands for any lines.
"""

import contextlib
import io
import re
import shlex
import warnings
from dataclasses import dataclass
from pathlib import Path

from mpisim.cli.command import parse, table
from mpisim.cli.main import main
from mpisim.errors import DataWarning

ROOT = Path(__file__).parents[2]
NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
TOLERANCE = 0.02


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, its text, and the line where it stands."""

    language: str
    text: str
    line: int


def blocks_of(page):
    """Blocks of a page that hold code or output."""
    text = page.read_text(encoding="utf-8")
    found = re.finditer(r"^```(python|console|sh|text)\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    return [Block(m[1], m[2], text[: m.start()].count("\n") + 1) for m in found]


def commands_of(block):
    """Pairs of the words of a command and the lines that it prints."""
    joined = block.text.replace("\\\n", " ")
    if block.language == "sh":
        lines = (line.strip().removeprefix(".venv/bin/") for line in joined.splitlines())
        return [(shlex.split(line, comments=True)[1:], []) for line in lines if line.startswith("mpisim ")]
    pairs = []
    for line in joined.splitlines():
        if line.startswith("$ "):
            pairs.append((shlex.split(line[2:], comments=True), []))
        elif line.strip():
            pairs[-1][1].append(line)
    return [(words[1:], lines) for words, lines in pairs if words[0] == "mpisim"]


def agrees(shown, printed):
    """Whether lines of output are those shown."""
    pattern = [re.escape(line.rstrip()) if line.strip() != "..." else None for line in shown]
    start = 0
    free = False
    for i, line in enumerate(pattern):
        if line is None:
            free = True
            continue
        places = range(start, len(printed)) if free else range(start, min(start + 1, len(printed)))
        place = next((p for p in places if same_line(shown[i], printed[p])), None)
        if place is None:
            return False
        start, free = place + 1, False
    return free or start == len(printed)


def same_line(shown, printed):
    """Whether two lines have equal words, and numbers within the tolerance; spaces do not matter."""
    if "".join(NUMBER.sub("#", shown).split()) != "".join(NUMBER.sub("#", printed).split()):
        return False
    pairs = zip(NUMBER.findall(shown), NUMBER.findall(printed), strict=True)
    return all(abs(float(a) - float(b)) <= TOLERANCE * abs(float(b)) + rounding(a) for a, b in pairs)


def rounding(number):
    """Half a unit of the last digit shown."""
    mantissa, _, exponent = number.partition("e")
    return 0.5 * 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))


def run_command(words):
    """Run a command as the console does; return the lines of its warnings and its output."""
    out, err = io.StringIO(), io.StringIO()
    with (
        warnings.catch_warnings(record=True) as caught,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        warnings.simplefilter("error")
        warnings.simplefilter("always", DataWarning)
        code = main(words)
    said = [f"mpisim: warning: {w.message}" for w in caught]
    errors = [line for line in err.getvalue().splitlines() if line.startswith("mpisim: ")]
    assert (code == 0) == (not errors), (words, code, err.getvalue())
    return said + errors + [line.rstrip() for line in out.getvalue().splitlines() if line.strip()]


def run_python(text, names, where):
    """Run a block of Python in the names of its page; return the lines it prints."""
    out = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(out):
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", DataWarning)
        exec(compile(text, where, "exec"), names)
    return [line.rstrip() for line in out.getvalue().splitlines() if line.strip()]


def run_page(page):
    """Run everything on a page in the current folder; return the number of blocks that were run."""
    blocks, names, count = blocks_of(page), {"__name__": "__main__"}, 0
    for block, following in zip(blocks, [*blocks[1:], None], strict=True):
        where = f"{page.relative_to(ROOT)}:{block.line}"
        if block.language == "python":
            printed = run_python(block.text, names, where)
            if following is not None and following.language == "text":
                shown = [line for line in following.text.splitlines() if line.strip()]
                assert agrees(shown, printed), f"{where} prints\n" + "\n".join(printed)
            count += 1
        elif block.language == "console":
            for words, shown in commands_of(block):
                printed = run_command(words)
                assert agrees(shown, printed), f"{where}: mpisim {shlex.join(words)} prints\n" + "\n".join(printed)
            count += 1
        elif block.language == "sh":
            for words, _ in commands_of(block):
                if words[0] != "--version":
                    assert words[0] in table(), f"{where}: no command {words[0]}"
                    parse(table()[words[0]], words[1:])
            count += 1
    return count
