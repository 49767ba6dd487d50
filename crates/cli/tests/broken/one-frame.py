"""Wants more than a frame."""

from conforming import Failure, Program, frames


class Broken(Program):
    def check(self, path):
        super().check(path)
        if frames(path) == 1:
            raise Failure(f"{path} has a single frame")


if __name__ == "__main__":
    Broken().main()
