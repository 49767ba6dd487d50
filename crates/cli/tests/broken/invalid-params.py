"""Takes what is no JSON for nothing."""

import sys

from conforming import Program


class Broken(Program):
    def read_arguments(self):
        try:
            super().read_arguments()
        except SystemExit:
            sys.argv[sys.argv.index("--params") + 1] = "{}"
            super().read_arguments()


if __name__ == "__main__":
    Broken().main()
