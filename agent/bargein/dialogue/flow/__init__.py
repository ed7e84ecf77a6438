"""Dialogue by a flow file: `load` it once, one `FlowPlanner` a call."""

from .file import load
from .model import Flow
from .planner import FlowPlanner, FlowReply

__all__ = ["Flow", "FlowPlanner", "FlowReply", "load"]
