"""Samples: levels, fades, utterances and the playback cursor."""
