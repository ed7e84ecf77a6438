"""A barge-in voice agent for Asterisk: hears the caller over its own voice, stops mid-word, re-plans."""

import os

__version__ = "0.2.0"

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # onnxruntime reports to its maker otherwise; before it is imported
