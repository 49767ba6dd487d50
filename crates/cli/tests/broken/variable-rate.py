"""Wants frames in step."""

from conforming import Failure, Program, frames


class Broken(Program):
    def check(self, path):
        super().check(path)
        if "variable" in path:
            raise Failure(f"{path} has frames out of step")


if __name__ == "__main__":
    Broken().main()
