"""Leaves its last line open."""

from conforming import Program


class Broken(Program):
    def end(self):
        self.output.write("{\"type\": \"progress_")
        super().end()


if __name__ == "__main__":
    Broken().main()
