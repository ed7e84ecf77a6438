"""The pure core: no I/O, no clock, no threads, no logging. Time is counted in samples of what was sent."""
