"""Prints into its output file."""

from conforming import Program


class Broken(Program):
    def tag(self, path, **other):
        print("a look at", path, file=self.output)
        super().tag(path, **other)


if __name__ == "__main__":
    Broken().main()
