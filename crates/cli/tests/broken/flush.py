"""Keeps its lines until there are enough of them."""

from conforming import Program


class Broken(Program):
    def send(self, message_type, **data):
        import json

        print(json.dumps({"type": message_type, "data": data}), file=self.output)


if __name__ == "__main__":
    Broken().main()
