"""Write the files of the scanners `mild`, `medium` and `strong`: python -m tests.mpisim.io.make_scanners."""

from pathlib import Path

import mpisim
from mpisim.dataset.realistic import fixed_setup

FOLDER = Path(mpisim.__file__).parent / "scanners"
LEVELS = {
    "mild": "Mild imperfections of fields, coil, angles and gains, 0.7 T/m and 25 nm.",
    "medium": "Medium imperfections of fields, coil, angles and gains, 0.7 T/m and 25 nm.",
    "strong": "Strong imperfections of fields, coil, angles and gains, 0.7 T/m and 25 nm.",
}
NOTES = (
    "Drawn at random once; mpisim.dataset.realistic lists the sizes of the imperfections and how they are drawn (mild "
    "has 0.3 and medium 0.6 of the sizes of strong). Positioning is exact; jitter in [calibration] switches its errors "
    "on."
)


def main() -> None:
    for level, title in LEVELS.items():
        mpisim.write_scanner(fixed_setup(level), FOLDER / f"{level}.toml", title, NOTES)


if __name__ == "__main__":
    main()
