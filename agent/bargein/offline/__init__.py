"""The core without a telephone: replay, text calls, plots, a simulated caller."""
