"""Says a word on standard error for each word that comes through the pipe `words` in its parameter `folder`, and tags
nothing before that ends."""

import os
import sys

from contract import PARAMS, done, paths, tag

for path in paths():
    print("begun", file=sys.stderr, flush=True)
    with open(os.path.join(PARAMS["folder"], "words"), encoding="utf-8") as words:
        for word in words:
            print(word.strip(), file=sys.stderr, flush=True)
    tag(path)
    done(path)
