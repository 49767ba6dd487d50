"""Ends before it starts."""

from conforming import Program


class Broken(Program):
    def tag(self, path, **other):
        super().tag(path, start_time=500, end_time=100)


if __name__ == "__main__":
    Broken().main()
