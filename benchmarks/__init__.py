"""Benchmarks of this project; not installed. `python -m benchmarks.run` runs them."""
