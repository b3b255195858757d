"""`python -m memory`: start the memory service."""

from memory.app import create_app
from pilothouse.serving import run_process
from pilothouse.settings import MemorySettings

if __name__ == "__main__":
    run_process("memory", MemorySettings, create_app)
