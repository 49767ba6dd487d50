"""Looks at pictures, and finishes a file that has none."""

import sys

sys.path.insert(0, "..")

from conforming import Program  # noqa: E402

Program().main()
