"""Stays when its input has ended."""

from conforming import Program


class Broken(Program):
    def end(self):
        import time

        while True:
            time.sleep(60)


if __name__ == "__main__":
    Broken().main()
