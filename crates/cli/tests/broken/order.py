"""Tags on when a file is finished."""

from conforming import Program


class Broken(Program):
    def done(self, path):
        super().done(path)
        self.tag(path, tag="afterthought")


if __name__ == "__main__":
    Broken().main()
