"""Does not go on."""

from conforming import Program


class Broken(Program):
    def fail(self, path, error):
        self.goes_on = False
        super().fail(path, error)


if __name__ == "__main__":
    Broken().main()
