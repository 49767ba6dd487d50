from common_ml.tagging.models.tag_types import Tag, FrameInfo

Tag(
    tag="BMX Bike",
    source_media="input.mp4",
    start_time=1500,
    end_time=1500,
    track="vertical_video",
    frame_info={"frame_idx":45}, # tagger converts relative to content
    additional_info={
        "x-coordinates": [0.31, 0.32, 0.31, ...]
    }
)
