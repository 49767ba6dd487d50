"""Tags each of the first ten frames of a file of 25 frames a second, on its frame."""

from contract import done, paths, tag

for path in paths():
    for frame in range(10):
        tag(path, f"seen {frame}", frame * 40, frame * 40, frame_info={"frame_idx": frame, "box": None})
    done(path)
