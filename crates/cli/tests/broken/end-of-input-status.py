"""Ends well, and says that it did not."""

import sys

from conforming import Program


class Broken(Program):
    def end(self):
        sys.exit(3)


if __name__ == "__main__":
    Broken().main()
