from dataclasses import dataclass
from dacite import from_dict, Config
from common_ml.tagging.run_helpers import run_default, get_params, catch_errors

from src.configured import MyModel

@dataclass
class MyInputSchema:
    confidence_threshold: float = 0.5

catch_errors()

params = get_params() # user submits a typo: {"confdence_threshold": 1}

# raises exception! ("dacite.exceptions.UnexpectedDataError: can not match "confdence_threshold" to any data class field")
validated_params = from_dict(data=params, data_class=MyInputSchema, config=Config(strict=True))

my_model = MyModel(validated_params)
run_default(my_model)
