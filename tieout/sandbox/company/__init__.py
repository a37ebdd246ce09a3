"""A seeded company whose CRM and books describe the same business in different words.

`build_company(seed, customers, invoices, today=...)` makes up a seller (organisation 100, 示例科技有限公司, base
currency CNY), its customers, receivables, receipts and allocations as Kingdee K3Cloud holds them, and the accounts,
deals and invoices that its sales team keeps in Zoho CRM. All names and numbers are invented by generators.

Three stories sit at fixed numbers, so that a person can recognise them:

- CUST0001: AR00000001 (CNY 113,000.00) is unpaid and 30 days overdue; AR00000002 (22,600.00) is not due yet.
- CUST0002: AR00000003 (CNY 56,500.00) was paid in part by SKD00000001 (20,000.00): 36,500.00 is open.
- CUST0003: AR00000004 to AR00000006 (CNY 3,955,000.00 open). Zoho shows exactly the same legal name with another
  valid tax id: an identity conflict with a lot of money at stake.

Shares, of customers: 2 % two Zoho accounts for one legal person, 1.5 % same legal name but different valid tax ids,
2 % known in Zoho by a short name that fits two customers, 3 % not in Zoho, 3 % Zoho accounts that nobody bills.
Account names in Zoho: 50 % exact, 12 % bracket or spacing variants, 18 % short, 15 % English, 5 % traditional.
Of receivables: 75 % CNY (13 % VAT), 15 % USD and 10 % EUR (zero-rated), 3 % red, 5 % with 2 or 3 instalments, 2 % not
audited, 1 % cancelled. Of Zoho invoices on posted bills: 70 % carry the bill number, 12 % have it as subject, 12 %
link by order number and amount, 6 % cannot be linked (`truth["invoices"]` says why).

Credit: 70 % of customers have a line in the credit archive, a tenth of them owe more than it allows; some lines hold a
temporary limit or a limit in another currency, 8 % are not checked, one archive is not approved, one line is about a
customer group. Rates are fixed for the year; a draft, a forbidden one and one of another type must not be used.
CUST0001 is on watch (overdue), CUST0002 ok, CUST0003 on hold (over its limit of CNY 3,000,000.00).

An allocation appears in the settlement log as two mirrored rows with one FMATCHID; FCURWRITTENOFFAMOUNTFOR is the
amount by which the row's *target* is written off, so it is negative where a red bill is the target.
"""

from tieout.sandbox.company.builder import build_company
from tieout.sandbox.company.model import Company

__all__ = ["Company", "build_company"]
