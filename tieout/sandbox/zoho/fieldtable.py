"""Standard modules and fields of the sandbox's organisation, as a table: api name | type | label | options.

Options: a number is the length, `!` mandatory on insert, `ro` read only, `->Module` the looked-up module, `[a;b]` pick
list values. Names follow the record shapes of Zoho's v2 response pages and v8 get-records.
"""

from __future__ import annotations

from typing import Any

_SYSTEM = """
Created_Time | datetime | Created Time | ro
Modified_Time | datetime | Modified Time | ro
Created_By | ownerlookup | Created By | ro
Modified_By | ownerlookup | Modified By | ro
"""
_MONEY = """
Currency | picklist | Currency | [CNY;USD;EUR;HKD;GBP;JPY]
Exchange_Rate | double | Exchange Rate | 16
"""
_ADDRESS = "\n".join(
    f"{kind}_{part} | text | {kind} {part} | {length}"
    for kind in ("Billing", "Shipping")
    for part, length in (("Street", 250), ("City", 100), ("State", 100), ("Code", 30), ("Country", 100))
)

_TABLES: dict[str, str] = {
    "Accounts": f"""
Owner | ownerlookup | Account Owner
Account_Name | text | Account Name | 200 !
Account_Number | text | Account Number | 40
Account_Type | picklist | Account Type | [Customer;Prospect;Partner;Distributor;Other]
Industry | picklist | Industry | [Retail;Manufacturing;Technology;Services;Other]
Phone | phone | Phone | 30
Website | website | Website | 255
Annual_Revenue | currency | Annual Revenue | 16
Employees | integer | Employees | 9
Parent_Account | lookup | Parent Account | ->Accounts
Description | textarea | Description | 32000
Last_Activity_Time | datetime | Last Activity Time | ro
{_ADDRESS}{_MONEY}{_SYSTEM}""",
    "Contacts": f"""
Owner | ownerlookup | Contact Owner
First_Name | text | First Name | 40
Last_Name | text | Last Name | 80 !
Full_Name | text | Full Name | 120 ro
Email | email | Email | 100
Phone | phone | Phone | 50
Mobile | phone | Mobile | 30
Account_Name | lookup | Account Name | ->Accounts
Description | textarea | Description | 32000
{_MONEY}{_SYSTEM}""",
    "Deals": f"""
Owner | ownerlookup | Deal Owner
Deal_Name | text | Deal Name | 120 !
Stage | picklist | Stage | ! [Qualification;Proposal/Price Quote;Negotiation/Review;Closed Won;Closed Lost]
Pipeline | picklist | Pipeline | [Standard (Standard)]
Amount | currency | Amount | 16
Closing_Date | date | Closing Date
Probability | integer | Probability (%) | 3
Expected_Revenue | currency | Expected Revenue | 16 ro
Account_Name | lookup | Account Name | ->Accounts
Contact_Name | lookup | Contact Name | ->Contacts
Lead_Source | picklist | Lead Source | [Web;Referral;Trade Show]
Type | picklist | Type | [New Business;Existing Business]
Description | textarea | Description | 32000
{_MONEY}{_SYSTEM}""",
    "Invoices": f"""
Owner | ownerlookup | Invoice Owner
Invoice_Number | autonumber | Invoice Number | 120 ro
Subject | text | Subject | 255 !
Invoice_Date | date | Invoice Date
Due_Date | date | Due Date
Status | picklist | Status | [Created;Approved;Delivered;Cancelled]
Account_Name | lookup | Account Name | ->Accounts
Contact_Name | lookup | Contact Name | ->Contacts
Deal_Name__s | lookup | Deal Name | ->Deals
Sales_Order | lookup | Sales Order | ->Sales_Orders
Purchase_Order | text | Purchase Order | 100
Invoiced_Items | subform | Invoiced Items | ! ->Invoiced_Items
Sub_Total | currency | Sub Total | 16
Discount | currency | Discount | 16
Tax | currency | Tax | 16
Adjustment | currency | Adjustment | 16
Grand_Total | currency | Grand Total | 16
Excise_Duty | currency | Excise Duty | 16
Sales_Commission | currency | Sales Commission | 16
Terms_and_Conditions | textarea | Terms and Conditions | 32000
Description | textarea | Description | 32000
{_ADDRESS}{_MONEY}{_SYSTEM}""",
    "Invoiced_Items": f"""
Product_Name | lookup | Product Name | ->Products !
Quantity | double | Quantity | 16 !
List_Price | currency | List Price | 16
Total | currency | Total | 16
Discount | currency | Discount | 16
Tax | currency | Tax | 16
Net_Total | currency | Net Total | 16
Description | textarea | Description | 2000
Parent_Id | lookup | Parent Id | ->Invoices ro
{_SYSTEM}""",
    "Products": f"""
Owner | ownerlookup | Product Owner
Product_Name | text | Product Name | 200 !
Product_Code | text | Product Code | 100
Unit_Price | currency | Unit Price | 16
{_MONEY}{_SYSTEM}""",
    "Sales_Orders": f"""
Owner | ownerlookup | Sales Order Owner
Subject | text | Subject | 255 !
Account_Name | lookup | Account Name | ->Accounts
Grand_Total | currency | Grand Total | 16
{_MONEY}{_SYSTEM}""",
    "Tasks": f"""
Owner | ownerlookup | Task Owner
Subject | text | Subject | 300 !
Due_Date | date | Due Date
Status | picklist | Status | [Not Started;Deferred;In Progress;Completed;Waiting for input]
Priority | picklist | Priority | [High;Highest;Low;Lowest;Normal]
What_Id | lookup | Related To | ->se_module
Who_Id | lookup | Contact Name | ->Contacts
Description | textarea | Description | 32000
Closed_Time | datetime | Closed Time | ro
{_SYSTEM}""",
    "Notes": f"""
Owner | ownerlookup | Note Owner
Note_Title | text | Note Title | 120
Note_Content | textarea | Note Content | 32000 !
Parent_Id | lookup | Parent ID | ->se_module !
{_SYSTEM}""",
}

# What is shown as a record's name in lookups and in the recycle bin; also the module's system key for upserts.
NAME_FIELD = {
    "Accounts": "Account_Name",
    "Contacts": "Full_Name",
    "Deals": "Deal_Name",
    "Invoices": "Subject",
    "Products": "Product_Name",
    "Sales_Orders": "Subject",
    "Tasks": "Subject",
    "Notes": "Note_Title",
}
# Zoho docs v8 upsert-records, "system-defined duplicate check fields".
SYSTEM_KEYS = {"Accounts": "Account_Name", "Contacts": "Email", "Deals": "Deal_Name", "Invoices": "Subject"}

# Custom fields of the seeded company (the AR_* fields are not here: `tieout setup` creates them over the API).
COMPANY_FIELDS: dict[str, list[dict[str, Any]]] = {
    "Accounts": [
        {"api_name": "Tax_ID", "field_label": "Tax ID", "data_type": "text", "length": 50},
        {"api_name": "Legal_Name", "field_label": "Legal Name", "data_type": "text", "length": 200},
    ],
    "Deals": [{"api_name": "Order_No", "field_label": "Order No", "data_type": "text", "length": 100}],
    "Invoices": [
        {"api_name": "ERP_Bill_No", "field_label": "ERP Bill No", "data_type": "text", "length": 100},
        {"api_name": "Order_No", "field_label": "Order No", "data_type": "text", "length": 100},
    ],
}


def standard_fields() -> dict[str, list[dict[str, Any]]]:
    """The table as field descriptions per module."""
    return {module: [_field(line) for line in text.splitlines() if line.strip()] for module, text in _TABLES.items()}


def _field(line: str) -> dict[str, Any]:
    api_name, data_type, label, *rest = [part.strip() for part in line.split("|")]
    field: dict[str, Any] = {"api_name": api_name, "data_type": data_type, "field_label": label}
    options = rest[0] if rest else ""
    if "[" in options:
        options, _, picks = options.partition("[")
        field["picks"] = picks.rstrip("]").split(";")
    for word in options.split():
        if word.isdigit():
            field["length"] = int(word)
        elif word == "!":
            field["mandatory"] = True
        elif word == "ro":
            field["read_only"] = True
        else:
            field["lookup"] = word.removeprefix("->")
    return field
