"""Counts in microseconds."""

from conforming import Program


class Broken(Program):
    def tag(self, path, **other):
        super().tag(path, end_time=1_500_000)


if __name__ == "__main__":
    Broken().main()
