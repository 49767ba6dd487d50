import json
import sys

answer = {
    "version": ".".join(str(part) for part in sys.version_info[:3]),
    "executable": sys.executable or "",
    "is_virtual": sys.prefix != getattr(sys, "base_prefix", sys.prefix),
    "common_ml": None,
    "error": None,
}
try:
    import common_ml  # noqa: F401 (its native half is loaded with it)
    from common_ml import _native  # noqa: F401
    from importlib.metadata import version

    answer["common_ml"] = version("common-ml")
except Exception as error:
    answer["error"] = " ".join(str(error).split()) or type(error).__name__
print(json.dumps(answer))
