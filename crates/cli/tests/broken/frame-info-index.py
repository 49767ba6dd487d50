"""Names frames that are not there."""

from conforming import Program


class Broken(Program):
    def tag(self, path, **other):
        super().tag(path, frame_info={"frame_idx": 5000})


if __name__ == "__main__":
    Broken().main()
