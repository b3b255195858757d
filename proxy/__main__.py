"""`python -m proxy`: start the proxy."""

from pilothouse.serving import run_process
from pilothouse.settings import ProxySettings
from proxy.app import create_app

if __name__ == "__main__":
    run_process("proxy", ProxySettings, create_app)
