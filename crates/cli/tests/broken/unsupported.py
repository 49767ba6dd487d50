"""Passes over what it does not know."""

from conforming import Program


class Broken(Program):
    def work(self, path):
        if not path.endswith(".txt"):
            super().work(path)


if __name__ == "__main__":
    Broken().main()
