"""`python -m broker`: start the broker."""

from broker.app import create_app
from pilothouse.serving import run_process
from pilothouse.settings import BrokerSettings

if __name__ == "__main__":
    run_process("broker", BrokerSettings, create_app)
