"""Says nothing of what it cannot read."""

import sys

from conforming import Program


class Broken(Program):
    def fail(self, path, error):
        if not self.goes_on:
            sys.exit(1)


if __name__ == "__main__":
    Broken().main()
