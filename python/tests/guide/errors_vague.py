from dataclasses import dataclass
from dacite import from_dict, Config
from common_ml.tagging.run_helpers import run_default, get_params

from src.configured import MyModel

@dataclass
class MyInputSchema:
    confidence_threshold: float = 0.5

params = get_params() # user submits a typo: {"confdence_threshold": 1}

# raises exception!
validated_params = from_dict(data=params, data_class=MyInputSchema, config=Config(strict=True))

my_model = MyModel(validated_params)
run_default(my_model)
