from typing import List

from common_ml.tagging.models.av import AVModel
from common_ml.tagging.models.tag_types import Tag

class MyVideoModel(AVModel):
    def tag(self, fpath: str) -> List[Tag]:
        return [
            Tag(
                tag="A dog",
                source_media=fpath,
                start_time=1500,
                end_time=8000,
            )
        ]
