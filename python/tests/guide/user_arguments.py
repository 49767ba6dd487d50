from common_ml.tagging.run_helpers import get_params

params = get_params()
