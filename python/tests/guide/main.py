from common_ml.tagging.run_helpers import run_default

# import your own model
from src.my_model import MyFrameModel

if __name__ == "__main__":
    model = MyFrameModel()
    run_default(model)
