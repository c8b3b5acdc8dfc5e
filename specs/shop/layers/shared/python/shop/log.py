"""Lines that CloudWatch Logs Insights can read: one JSON object each."""

import json
import os
import sys

LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR"]


def write(level, message, **fields):
    """Writes a line, unless LOG_LEVEL asks for less."""
    if LEVELS.index(level) >= LEVELS.index(os.environ.get("LOG_LEVEL", "INFO")):
        print(json.dumps({"level": level, "message": message, **fields}), file=sys.stdout, flush=True)
