"""Cannot do without files."""

import sys

from conforming import Program


class Broken(Program):
    count = 0

    def work(self, path):
        self.count += 1
        super().work(path)

    def end(self):
        if self.count == 0:
            self.send("error", message="nothing to do")
            sys.exit(1)


if __name__ == "__main__":
    Broken().main()
