"""How secrets look, and how people say them. Each pattern's `value` is the secret; without one, all of it."""

import re

# What gives itself away by how it looks.
TOKENS = [
    re.compile(pattern)
    for pattern in (
        r"\b(?:sk|rk|pk)[-_](?=[\w-]*\d)[\w-]{16,}",  # OpenAI, OpenRouter, Anthropic, Stripe
        r"\bph_[\w-]{20,}",  # ours
        r"\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}",
        r"\bxox[a-z]-[\w-]{10,}|\bxapp-[\w-]{10,}",
        r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bAIza[\w-]{30,}|\bya29\.[\w-]{20,}",
        r"\bhf_\w{20,}|\bnpm_\w{20,}|\bpypi-[\w-]{30,}|\bSG\.[\w-]{16,}\.[\w-]{16,}",
        r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*",  # a JWT
        r"\b\d{8,12}:[A-Za-z0-9_-]{30,}",  # a Telegram bot
        r"\b[xyztuv]prv[1-9A-HJ-NP-Za-km-z]{80,}",  # an extended private key
        r"\bhooks\.slack\.com/services/[\w/-]{20,}|\bdiscord(?:app)?\.com/api/webhooks/\d+/[\w-]{20,}",
    )
]
PEM = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,20}-----.*?(?:-----END [A-Z0-9 ]{0,60}-----|\Z)", re.DOTALL
)
IN_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]{1,30}://[^\s:/@]{0,200}:(?P<value>[^\s/@]{1,200})@", re.IGNORECASE)
BEARER = re.compile(r"\b(?:Bearer|Basic)\s+(?P<value>[\w.~+/=-]{16,})")
RANDOM = re.compile(r"(?<![\w/+=.-])(?P<value>[A-Za-z0-9+/_-]{40,}={0,2})(?![\w/+=])")

# What is given away by the word before it. `NAMED` may stand inside a name, as in `DB_PASSWORD=`.
LINK = r"(?P<link>\s*(?:[:=]+>?|->)\s*|\s+(?:is|was|ist|lautet)(?:\s+(?:now|still|jetzt))?\s*:?\s+)"
QUALIFIED = r"(?:\s+(?:for|of|to|on|at|in|from|für)(?:\s+[\w./'-]{1,30}){1,4}?)?"
VALUE = r"[\"'`“]?(?P<value>[^\s\"'`”]{3,300})"
PASSWORD = re.compile(
    rf"(?:password|passwd|passphrase|passwort|kennwort|\bpass[ -]?code|\bpwd|\bpw)\b[\"']?{QUALIFIED}{LINK}{VALUE}",
    re.IGNORECASE,
)
QUOTED_PASSWORD = re.compile(
    rf"(?:password|passwd|passphrase|passwort|kennwort|\bpass[ -]?code|\bpwd)\b[\"']?{QUALIFIED}{LINK}"
    r"[\"'`“](?P<value>[^\"'`”\n]{3,100})[\"'`”]",
    re.IGNORECASE,
)
PASSWORD_BESIDE = re.compile(
    r"\b(?:password|passwd|passwort|passphrase)\s+[\"'`“]?(?P<value>[^\s\"'`”]{6,100})", re.IGNORECASE
)
IS_PASSWORD = re.compile(
    r"(?<!\S)[\"'`“]?(?P<value>[^\s\"'`”]{4,100})[\"'`”]?\s+(?:is|as|ist)\s+(?:my|the|our|a|mein)?\s*(?:[\w-]+\s+){0,2}"
    r"(?:password|passphrase|passwort|passcode)\b",
    re.IGNORECASE,
)
PIN = re.compile(
    rf"\b(?:PIN|CVV|CVC|(?:2fa|security|backup|recovery) codes?)\b{QUALIFIED}{LINK}(?P<value>\d[\d -]{{1,10}}\d)",
    re.IGNORECASE,
)
NAMED_KEY = re.compile(
    r"(?:(?:api|access|secret|private|signing|encryption|master|auth|client|bot)[ _-]?(?:keys?|tokens?|secrets?)"
    rf"|_key|_token|_secret)\b[\"']?{QUALIFIED}(?:{LINK}|\s+){VALUE}",
    re.IGNORECASE,
)
NEAR_KEY = re.compile(
    r"\b(?:keys?|tokens?|secrets?|credentials?|schlüssel)\b[^\n]{0,40}?(?<![\w/-])(?P<value>[A-Za-z0-9+/_=.~-]{12,300})",
    re.IGNORECASE,
)

WORD = re.compile(r"[A-Za-z]+")
BETWEEN_SEED_WORDS = re.compile(r"[\s,;:.\d()\-\u2013\"'`]{1,12}")
NO_SECRET = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"  # a UUID
    r"|(?:0x)?[0-9a-f]{7,40}|(?:0x)?[0-9a-f]{64}"  # a commit, an address, a transaction
    r"|[\d.,:TZ+/-]+",  # a number, a date
    re.IGNORECASE,
)
DIGITS = re.compile(r"\d+")
ALNUM = re.compile(r"[A-Za-z0-9]+")

ORDINARY = (
    "safe secure secret strong weak long short longer shorter required wrong lost unknown old new changed expired "
    "stored kept saved hidden encrypted hashed correct incorrect right fine good bad important private public empty "
    "missing needed set reset gone forgotten different same unique random simple complex ready mandatory optional "
    "invalid valid written in on at the a an not never always only too very so "
    "sicher geheim falsch verloren neu alt"
)
NOT_PASSWORDS = frozenset(ORDINARY.split())
