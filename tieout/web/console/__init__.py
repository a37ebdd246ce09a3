"""The console: server-rendered pages in two languages, usable without JavaScript."""

from fastapi import APIRouter

from tieout.web.console import conflicts, login, overview, plan, receivables

router = APIRouter()
for _part in (overview, login, conflicts, receivables, plan):
    router.include_router(_part.router)

__all__ = ["router"]
