"""Makes its own of the paths."""

from conforming import Program


class Broken(Program):
    def send(self, message_type, **data):
        import os

        if "source_media" in data:
            data["source_media"] = os.path.basename(data["source_media"])
        super().send(message_type, **data)


if __name__ == "__main__":
    Broken().main()
