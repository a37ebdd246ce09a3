"""The facts of a record as a store keeps them, so that a candidate is not taken apart again at every question.

What stands in the store was made by some version of the code. `VERSION` is a digest of all that takes a record apart,
tables included: facts of another version are not read, and the record is taken apart anew.
"""

from __future__ import annotations

from functools import cache
from hashlib import blake2b
from importlib import metadata
from importlib.resources import files

import msgspec

from mapping.identity.addresses import Address
from mapping.identity.facts import PartyFacts, facts
from mapping.identity.names import Name
from mapping.identity.places import Place
from mapping.identity.tax_ids import TaxId
from tieout.canonical.parties import PartyCandidate

_CODE = (
    "addresses countries domains facts foreign_ids former_names latin_names lookalikes names numbers phones places "
    "remembered simplify sounds stored tables tax_ids"
).split()
_DATA = (
    "clutter.yaml common_brands.yaml generic_words.yaml hosts.yaml legal_forms.yaml persons.yaml pinyin.txt "
    "places_latin.yaml regions.yaml"
).split()
_LIBRARIES = ("babel", "python-stdnum", "opencc-python-reimplemented")

# In the order of their fields.
_Name = tuple[
    str, str, str, bool, str, str, str, frozenset[Place], str, bool, str, frozenset[Place], tuple[str, ...], bool, str
]  # fmt: skip
_Id = tuple[str, str, str]
_Address = tuple[str, tuple[Place, ...], str, str]
_Facts = tuple[tuple[_Name, ...], tuple[_Id, ...], str, str, str, str, tuple[Place, ...], _Address | None, str]
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Facts).decode


@cache
def version() -> bytes:
    """Eight bytes that change with everything that `facts` depends on."""
    made, home = blake2b(digest_size=8), files("mapping").joinpath("identity")
    for path in (*(home / f"{name}.py" for name in _CODE), *(home / "data" / name for name in _DATA)):
        made.update(path.read_bytes())
    for name in _LIBRARIES:
        made.update(metadata.version(name).encode())
    return made.digest()


def stored_party(party: PartyCandidate) -> bytes:
    """The facts of a party as bytes."""
    return stored(facts("", party))


def stored(known: PartyFacts) -> bytes:
    """The facts of a record as bytes, without its `ref`, `side`, and where it stands."""
    names = [
        (n.raw, n.script, n.key, n.is_full, n.core, n.brand, n.form, n.regions, n.branch, n.is_group, n.stem,
         n.branch_places, n.words, n.has_brand, n.district)
        for n in known.names
    ]  # fmt: skip
    ids = [(one.value, one.scheme, one.key) for one in known.tax_ids]
    a = known.address
    address = (a.script, a.places, a.text, a.road) if a is not None else None
    contact = (known.number, known.phone, known.domain, known.mobile, known.places, address, known.country)
    return version() + _encode((names, ids, *contact))


def restored(data: bytes | None, ref: str, side: str = "", group: str = "", rule: str = "") -> PartyFacts | None:
    """The facts that `stored` wrote; None where there are none, or another version of the code made them."""
    if data is None or data[:8] != version():
        return None
    names, ids, number, phone, domain, mobile, places, address, country = _decode(memoryview(data)[8:])
    return PartyFacts(
        ref, side, group, tuple([Name(*one) for one in names]), tuple([TaxId(*one) for one in ids]), number, phone,
        domain, mobile, places, Address(*address) if address is not None else None, country, rule,
    )  # fmt: skip
