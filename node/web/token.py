"""Who may pass as the launcher, or as this process itself.

The node knows only the sha256 of its session token. Its own start-up and its MCP server call it over
HTTP too; they show a secret made at start, never written anywhere.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

TOKEN_HEADER = "x-kangklip-token"
"""Shows the session token for a visitor: the launcher's proxy puts it on everything it passes on."""
CONTROL_HEADER = "x-kangklip-control"
"""Shows the same token for the launcher itself, which a proxied visitor must not speak as."""
INNER_HEADER = "x-kangklip-inner"


def digest(token: str) -> str:
    """The sha256 of a token, as it stands in SESSION_TOKEN_SHA256."""
    return hashlib.sha256(token.encode()).hexdigest()


def is_token(shown: str, token_sha256: str) -> bool:
    """Whether the shown header is the token, compared in constant time."""
    return hmac.compare_digest(hashlib.sha256(shown.encode("latin-1")).hexdigest(), token_sha256.lower())


def is_secret(shown: str, secret: str) -> bool:
    """Whether the shown header is the secret, compared in constant time."""
    return hmac.compare_digest(shown.encode("latin-1"), secret.encode())


def new_secret() -> str:
    """256 random bits as text."""
    return secrets.token_urlsafe(32)
