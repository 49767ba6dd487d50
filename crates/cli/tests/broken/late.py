"""Waits for the end of its input."""

from conforming import Program


class Broken(Program):
    def paths(self):
        return list(super().paths())


if __name__ == "__main__":
    Broken().main()
