"""Takes lines as they are."""

import sys

from conforming import Program


class Broken(Program):
    def paths(self):
        for line in sys.stdin:
            yield line.rstrip("\n")


if __name__ == "__main__":
    Broken().main()
