"""Empties its output file."""

from conforming import Program


class Broken(Program):
    mode = "w"


if __name__ == "__main__":
    Broken().main()
