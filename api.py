"""Builds the FastAPI app: `uvicorn api:app` serves it with the configuration TIEOUT_CONFIG names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastapi import FastAPI

    from tieout.core.config import Config


def build_app(config: Config | None = None) -> FastAPI:
    """The app of a configuration (the one found in the usual places when none is given)."""
    from tieout.cli.options import load_config
    from tieout.web.app import build

    return build(config or load_config(None))


def __getattr__(name: str) -> Any:
    if name == "app":  # made when a server asks for it, so that importing this module needs no configuration
        return build_app()
    raise AttributeError(name)
