"""A limit that is breached is an event: stored once when it begins, and once when it is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sync.fold.batch import Batch
from sync.settle.decisions import Verdict, current, put
from tieout.receivables.status import Reason

KIND = "credit_alert"
ALERT_VERSION = "credit-alert-1"


def raise_alerts(batch: Batch, verdicts: Sequence[Verdict], known: Mapping[str, str]) -> None:
    """Begin or end the alert of each of these credit decisions; `known` breaches go on under the key they had.

    Subject and key name the breach (customer and company, first day), so that whoever is told is told once; figures
    that move while it lasts are in the credit decision. Source: receivables reference, section 8.3.
    """
    held = current(batch, KIND, [verdict.subject for verdict in verdicts])
    alerts: list[Verdict] = []
    for verdict in verdicts:
        over = next((reason for reason in verdict.reasons if reason.code == "over_limit"), None)
        standing = held.get(verdict.subject)
        is_on = standing is not None and standing["value"] == "breach"
        if over is None and not is_on:
            continue
        if over is not None and is_on:
            continue
        if over is not None or standing is None:
            key = known.get(verdict.subject) or verdict.effective_on.isoformat()
        else:
            key = standing["body"]["key"]
        # No figures: those of the first look depend on what had arrived by then.
        body = {"key": key, "currency": verdict.body["currency"]}
        alerts.append(
            Verdict(
                subject=verdict.subject,
                company=verdict.company,
                value="breach" if over is not None else "over",
                body=body,
                reasons=[Reason("over_limit" if over is not None else "within_limit")],
                inputs={"credit_rule": verdict.rule_version},
                rule_version=ALERT_VERSION,
                effective_on=verdict.effective_on,
                next_change_on=None,
            )
        )
    put(batch, KIND, alerts)
