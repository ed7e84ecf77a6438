"""Bytes on the wire: AudioSocket and FastAGI as pure codecs."""
