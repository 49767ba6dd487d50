"""Says that a failed file is finished."""

from conforming import Program


class Broken(Program):
    def fail(self, path, error):
        super().fail(path, error)
        self.done(path)


if __name__ == "__main__":
    Broken().main()
