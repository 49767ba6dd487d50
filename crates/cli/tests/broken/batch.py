"""Takes one line out of what has come together."""

from conforming import Program


class Broken(Program):
    def paths(self):
        import os

        while True:
            chunk = os.read(0, 1 << 16)
            if not chunk:
                return
            lines = [line.strip() for line in chunk.decode().splitlines() if line.strip()]
            yield lines[0]


if __name__ == "__main__":
    Broken().main()
