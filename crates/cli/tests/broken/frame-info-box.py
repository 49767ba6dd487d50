"""Counts its boxes in pixels."""

from conforming import Program


class Broken(Program):
    def tag(self, path, **other):
        box = {"x1": 10, "y1": 10, "x2": 50, "y2": 50}
        super().tag(path, frame_info={"frame_idx": 0, "box": box})


if __name__ == "__main__":
    Broken().main()
