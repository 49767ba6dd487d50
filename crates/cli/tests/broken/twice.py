"""Remembers what it has tagged."""

from conforming import Program


class Broken(Program):
    known = ()

    def work(self, path):
        if path not in self.known:
            self.known = (*self.known, path)
            super().work(path)


if __name__ == "__main__":
    Broken().main()
