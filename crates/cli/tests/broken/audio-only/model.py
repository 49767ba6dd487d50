"""Listens, and wants pictures all the same."""

import sys

sys.path.insert(0, "..")

from conforming import Failure, Program  # noqa: E402


class Broken(Program):
    def check(self, path):
        super().check(path)
        if path.endswith(".wav"):
            raise Failure(f"{path} shows nothing")


if __name__ == "__main__":
    Broken().main()
