"""Cannot do without --params."""

import sys

from conforming import Program


class Broken(Program):
    def read_arguments(self):
        if "--params" not in sys.argv:
            sys.exit("error: --params is missing")
        super().read_arguments()


if __name__ == "__main__":
    Broken().main()
