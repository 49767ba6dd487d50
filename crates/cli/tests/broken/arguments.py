"""Wants to know every argument."""

import sys

from conforming import Program


class Broken(Program):
    def read_arguments(self):
        if any("xx" in word for word in sys.argv):
            sys.exit("error: unknown argument")
        super().read_arguments()


if __name__ == "__main__":
    Broken().main()
