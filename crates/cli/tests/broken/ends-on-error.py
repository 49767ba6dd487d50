"""Waits for the end of its input after an error."""

import sys

from conforming import Program


class Broken(Program):
    def fail(self, path, error):
        try:
            super().fail(path, error)
        finally:
            if not self.goes_on:
                sys.stdin.read()


if __name__ == "__main__":
    Broken().main()
