"""The console: server-rendered pages in two languages, usable without JavaScript."""

from fastapi import APIRouter

from tieout.web.console import (
    account,
    alerts,
    charts,
    conflicts,
    connections,
    credit,
    credit_policy,
    customers,
    dunning,
    invoices,
    login,
    overview,
    people,
    plan,
    policies,
    pushes,
    reconciliations,
    regrouping,
    reports,
    rules,
    runs,
    texts,
    why,
)

router = APIRouter()
for _part in (
    overview,
    login,
    account,
    rules,  # its paths before those of one conflict
    conflicts,
    customers,
    regrouping,
    invoices,
    credit,
    credit_policy,
    dunning,
    texts,
    policies,
    plan,
    pushes,
    reconciliations,
    reports,
    charts,
    connections,
    alerts,
    runs,
    people,
    why,
):
    router.include_router(_part.router)

__all__ = ["router"]
