"""`python -m mpisim` is the console command."""

import sys

from mpisim.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
