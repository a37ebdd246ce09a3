"""Configurations of the product for a run."""

from __future__ import annotations

from pathlib import Path


def write_config(folder: Path, source: str, database: str, *, page_rows: int, vendor: str) -> Path:
    """One connection to the static source: `kingdee` is book of record, `zoho` a CRM whose invoices are claims."""
    folder.mkdir(parents=True, exist_ok=True)
    url = "" if not database.startswith("postgres") else database
    home = folder / "home"
    home.mkdir(exist_ok=True)
    if not url:
        url = f"sqlite:///{database}"
    connection = (
        f"""
[connections.source]
vendor = "kingdee"
sandbox = true
company = "cn"
base_url = "{source}"
acct_id = "bench"
user = "bench"
app_id = "bench"
app_secret = "bench"
page_rows = {page_rows}
streams = ["customers", "invoices"]
"""
        if vendor == "kingdee"
        else f"""
[connections.source]
vendor = "zoho_crm"
sandbox = true
company = "cn"
auth_url = "{source}"
client_id = "bench"
client_secret = "bench"
refresh_token = "bench"
per_page = {page_rows}
streams = ["invoices"]
push = []
"""
    )
    path = folder / "tieout.toml"
    path.write_text(
        f"""
[tieout]
home = "{home}"
database_url = "{url}"
secret_key = "a key of the bench, nothing else"
language = "en"

[companies.cn]
name = "Example"
functional_currency = "CNY"
timezone = "Asia/Shanghai"
book_of_record = "source"
{connection}""",
        encoding="utf-8",
    )
    return path
