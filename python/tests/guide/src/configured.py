from common_ml.tagging.models.av import AVModel
from common_ml.tagging.models.tag_types import Tag

class MyModel(AVModel):
    def __init__(self, params):
        self.params = params

    def tag(self, fpath):
        return [Tag(0, 1000, f"above {self.params.confidence_threshold}", fpath)]
