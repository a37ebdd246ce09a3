"""A faithful local Fxiaoke (纷享销客) enterprise: objects, tokens, limits, events."""

from tieout.sandbox.fxiaoke.server import FxiaokeServer
from tieout.sandbox.fxiaoke.settings import FxiaokeSettings

__all__ = ["FxiaokeServer", "FxiaokeSettings"]
