"""Never says that a file is finished."""

from conforming import Program


class Broken(Program):
    def done(self, path):
        pass


if __name__ == "__main__":
    Broken().main()
