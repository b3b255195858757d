"""What memory takes for a secret, and what it leaves alone. Every secret here is invented."""

import random
import string

import pytest

from memory.gate_secrets import find_secrets, refuse_secrets, without_secrets
from pilothouse.errors import BadInputError

SEED = "legal winner thank year wave sausage worth useful legal winner thank yellow"
BINANCE = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
SECRETS = [
    ("my OpenRouter key is {}", "sk-or-v1-0d5c61f4a9b84f7c8e1d2a3b4c5d6e7f"),
    ("use {} for that", "ph_Zb3kQ9xW7vT5rN1mL0pY8sD6fG4hJ2aC-eUiOq_RtYw"),
    ("push with {}", "ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"),
    ("Slack: {}", "xoxb-123456789012-AbCdEfGhIjKl"),
    ("{} is the AWS one", "AKIAIOSFODNN7EXAMPLE"),
    ("header {}", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"),
    ("{}", "-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----"),
    ("{}", "-----BEGIN OPENSSH PRIVATE KEY-----\ncut off in the mid"),
    ("Authorization: Bearer {}", "abcdEF1234567890xyz"),
    ("My password is {}", "swordfish"),
    ("my password for Kraken is {}.", "hunter2"),
    ("Password: {}", "Tr0ub4dor&3"),
    ("the password is: {}", "correcthorse"),
    ("my password is '{}'", "blue sky"),
    ("DB_PASSWORD={}", "s3cr3t"),
    ('{{"api_key": "{}"}}', "abcd1234efgh"),
    ("{} is my password", "hunter2"),
    ("my PIN is {}", "4821"),
    ("Mein Passwort lautet {}!", "Sommer2024"),
    ("postgresql://bob:{}@db:5432/x", "s3cret"),
    ("my bot's token is {}", "8123456789:AAE-abcdefghijklmnopqrstuvwxyz12345"),
    ("the token for my bot is {}", "Zx81kLm9Qp22Vb7n"),
    ("private key {}", "0x4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"),
    ("api key: {}", "123e4567-e89b-12d3-a456-426614174000"),
    ("https://example.test/?api_key={}", "abc123def456"),
    ("{}", BINANCE),
    ("Write down: {}", SEED),
    ("1. {}", SEED.upper().replace(" ", ", 2. ")),
]
HARMLESS = [
    "order 123e4567-e89b-12d3-a456-426614174000 was filled",
    "thread key 12345678-1234-5678-1234-567812345678",
    "The key commit is 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b",
    "order id OID-2024-000123 and client id x-ABC123def456",
    "0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045 is my address",
    "transaction 0x5c504ed432cb51138bcf09aa5e8a410dd4a1e204ef84bfed1be16dfba1b22060",
    "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v is the mint of USDC",
    "BTC/USDT:USDT and 1000SATS/USDT",
    "my favourite token is ETH, the token of the day is PEPE2024",
    "The token LINK/USDT stands at 14.2500, key levels 42,000.50 and 2026-11-25T12:00:00Z",
    "The key takeaway: SampleStrategyV2Long made 12.5 %, NostalgiaForInfinityX5 lost",
    "backtest EMA_Cross_12_26 2024-01-01 to 2024-06-30 profit_pct 12.5",
    "the secret is patience, and the secret of RSI14 is to wait",
    "My password is in Bitwarden",
    "My password manager is Bitwarden and the password is too short",
    "I changed my password yesterday; my pin number was changed too",
    "password: ****, DB_PASSWORD=$DB_PASSWORD",
    "I keep my seed phrase in a safe: never share that with anyone because they could steal your coins tomorrow",
    "What is my API key for? The API key is stored in .env and expires on 2026-12-01",
    "https://www.freqtrade.io/en/stable/strategy-customization/ and http://127.0.0.1:8701/v1",
    "postgresql://user@host/db",
    "sk-learn-is-a-library-for-python",
]


@pytest.mark.parametrize(("around", "secret"), SECRETS)
def test_a_secret_is_taken_out_whole_and_the_words_around_it_stay(around: str, secret: str) -> None:
    left = without_secrets(around.format(secret))

    assert secret not in left
    assert "[secret removed: " in left
    before, _, after = around.format("\0").partition("\0")
    assert left.startswith(before)
    assert left.endswith(after)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_a_secret_is_left_alone(text: str) -> None:
    assert without_secrets(text) == text


def test_a_refusal_says_what_to_do_and_does_not_repeat_the_secret() -> None:
    with pytest.raises(BadInputError) as refused:
        refuse_secrets("I like ETH", "my password is swordfish")

    assert "password" in refused.value.message
    assert ".env" in refused.value.hint
    assert "swordfish" not in refused.value.message + refused.value.hint


def test_taking_secrets_out_twice_changes_nothing_more() -> None:
    once = without_secrets(" and ".join(around.format(secret) for around, secret in SECRETS))

    assert without_secrets(once) == once


def test_nearly_every_random_key_of_32_characters_is_found_where_it_is_called_one() -> None:
    draw = random.Random(6)  # noqa: S311 -- the same keys each time
    keys = ["".join(draw.choices(string.ascii_letters + string.digits, k=32)) for _ in range(500)]

    assert sum(bool(find_secrets(f"the token is {key}")) for key in keys) > 480
