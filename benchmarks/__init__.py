"""Measurements, printed and never asserted: machines are noisy, so read the ratios within one run."""
