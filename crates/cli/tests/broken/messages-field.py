"""Forgets a field."""

from conforming import Program


class Broken(Program):
    def send(self, message_type, **data):
        data.pop("end_time", None)
        super().send(message_type, **data)


if __name__ == "__main__":
    Broken().main()
