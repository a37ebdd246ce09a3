"""View and QueryBusinessInfo: one document in ORM names, and the fields of a form."""

from __future__ import annotations

from typing import Any

from tieout.sandbox.kingdee.errors import KingdeeError
from tieout.sandbox.kingdee.forms import Form
from tieout.sandbox.kingdee.library import Doc, Library

_ELEMENTS = {"text": 1, "int": 2, "amount": 33, "date": 58, "bool": 8}


def _success() -> dict[str, Any]:
    return {
        "ErrorCode": 0,
        "IsSuccess": True,
        "Errors": [],
        "SuccessEntitys": [],
        "SuccessMessages": [],
        "MsgCode": 0,
    }


def view(form: Form, library: Library, data: dict[str, Any]) -> dict[str, Any]:
    """`Result.Result` holds the document under ORM property names: most keys lose their leading F."""
    asked = {str(key).lower(): value for key, value in data.items()}
    key = str(asked.get("number") or asked.get("id") or "")
    doc = library.find(form, key) if key else None
    if doc is None:
        raise KingdeeError(f"传递的编码值或内码值不存在: {key}")
    return {"Result": {"ResponseStatus": _success(), "Result": _orm(form, doc, library)}}


def _orm(form: Form, doc: Doc, library: Library) -> dict[str, Any]:
    out: dict[str, Any] = {"Id": doc[form.pk]}
    for key, kind in form.head.items():
        if key != form.pk:
            out[_orm_name(key)] = _orm_value(kind, doc.get(key), library)
    for entry, fields in form.entries.items():
        out[_orm_name(entry)] = [
            {
                "Id" if key == f"{entry}_FEntryID" else _orm_name(key): _orm_value(kind, line.get(key), library)
                for key, kind in fields.items()
            }
            for line in doc.get(entry, [])
        ]
    return out


def _orm_name(key: str) -> str:
    return key[1:] if key[:1] == "F" else key


def _orm_value(kind: str, value: Any, library: Library) -> Any:
    if not kind.startswith("base:") or not value:
        return value
    target = kind[5:]
    found = {
        "Id": library.lookup_id(target, value["FNumber"]),
        "Number": value["FNumber"],
        "Name": [{"Key": 2052, "Value": library.lookup_part(target, value, "FName")}],
    }
    if target == "BD_Currency":
        found["CODE"] = library.lookup_part(target, value, "FCode")
    return found


def business_info(form: Form) -> dict[str, Any]:
    """The metadata answer: header and entries with their fields."""
    entries = [_entry("FBillHead", form.caption, form.pk, form.head)]
    for entry, fields in form.entries.items():
        entries.append(_entry(entry, entry, f"{entry}_FEntryID", fields))
    data = {
        "Id": form.id,
        "Name": [{"Key": 2052, "Value": form.caption}],
        "PkFieldName": form.pk,
        "Entrys": entries,
    }
    return {"Result": {"ResponseStatus": _success(), "NeedReturnData": data}}


def _entry(key: str, caption: str, pk: str, fields: dict[str, str]) -> dict[str, Any]:
    return {
        "Key": key,
        "Name": [{"Key": 2052, "Value": caption}],
        "EntryPkFieldName": pk,
        "Fields": [
            {
                "Key": name,
                "Name": [{"Key": 2052, "Value": name}],
                "ElementType": _ELEMENTS.get(kind, 13),
                "LookUpObject": {"FormId": kind[5:]} if kind.startswith("base:") else None,
            }
            for name, kind in fields.items()
        ],
    }
