"""Models whose videos may have several classes: probabilities, metrics and thresholds."""
