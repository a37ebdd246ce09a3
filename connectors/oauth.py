"""Live tokens and sessions: one shared row per connection, refreshed early, once, by whoever is first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from connectors.http import Reply
from connectors.redaction import Redactor
from tieout.core.errors import AuthError
from tieout.core.ports import Env, Mint, Token


class Credentials:
    """Gives the shared token to a call and renews it once when the remote says that it is stale."""

    def __init__(self, env: Env, mint: Mint, redactor: Redactor, *, early: timedelta = timedelta(minutes=5)) -> None:
        self._env = env
        self._mint = mint
        self._redactor = redactor
        self._early = early
        self._token: Token | None = None

    def token(self) -> Token:
        """A token that is not about to lapse."""
        token = self._token or self._env.tokens.current()
        if token is not None and token.expires_at - self._env.clock.now() <= self._early:
            shared = self._env.tokens.current()
            fresher = shared is not None and shared.expires_at - self._env.clock.now() > self._early
            token = shared if fresher else self._env.tokens.refresh(token, self._mint)
        if token is None:
            token = self._env.tokens.refresh(None, self._mint)
        return self._use(token)

    def call(self, send: Callable[[Token], Reply], stale: Callable[[Reply], bool], what: str) -> Reply:
        """Send with the live token; if the remote calls it stale, renew once and send once more, else AuthError.

        Safe for writes as well: a request refused for its token was not carried out.
        """
        token = self.token()
        reply = send(token)
        if not stale(reply):
            return reply
        token = self._use(self._env.tokens.refresh(token, self._mint))
        reply = send(token)
        if stale(reply):
            self._token = None
            raise AuthError(
                f"{what}: a fresh token is refused too",
                code="invalid_token",
                hint="Reconnect: check the credentials and the data centre of this connection.",
                connection=self._env.connection,
            )
        return reply

    def _use(self, token: Token) -> Token:
        self._redactor.hide(token.value)
        for key, value in token.extra.items():
            if key not in {"api_domain", "scope", "ea"}:
                self._redactor.hide(value)
        self._token = token
        return token
