"""Parties: what a source says about a customer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class PartyCandidate:
    """A customer as one source record describes it.

    `names` in order of authority (legal name first); `tax_ids` raw as stored; `number` the source's own customer
    number. From the book of record it becomes an account, from a CRM a record that is linked to a customer.
    """

    external_id: str
    names: Sequence[str]
    legal_name: str = ""
    tax_ids: Sequence[str] = ()
    number: str = ""
    currency: str = ""
    company_ref: str = ""  # source organisation, "" where the connection implies it
    phone: str = ""
    website: str = ""
    country: str = ""
    city: str = ""
    address: str = ""
    owner: Mapping[str, str] = field(default_factory=dict)
    is_active: bool = True
    credit_limit_minor: int | None = None  # in `currency`; None = the record states none
    credit_managed: bool | None = None  # False = the books do not check its credit; None = not stated

    @property
    def display_name(self) -> str:
        return self.legal_name or (self.names[0] if self.names else self.number or self.external_id)
