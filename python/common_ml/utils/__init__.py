"""Small helpers for model programs."""

from common_ml.utils.dictionary import nested_update as nested_update
from common_ml.utils.files import get_file_type as get_file_type
