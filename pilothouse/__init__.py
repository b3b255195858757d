"""The shared kernel: what every process needs and nothing that decides. Imports nothing of ours."""
