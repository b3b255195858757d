"""`python -m api`: start the controller."""

from api.app import create_app
from pilothouse.serving import run_process
from pilothouse.settings import ControllerSettings

if __name__ == "__main__":
    run_process("controller", ControllerSettings, create_app)
