"""Tells of an error, and calls it a success."""

import sys

from conforming import Program


class Broken(Program):
    def fail(self, path, error):
        try:
            super().fail(path, error)
        except SystemExit:
            sys.exit(0)


if __name__ == "__main__":
    Broken().main()
