"""Resource policies: may this AWS service, on behalf of that resource, do this?

Source: IAM user guide, "Policy evaluation logic"; the part of it that queue and topic policies use.
"""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import Any

from sandbox.aws.http import ACCOUNT_ID

_EXACT = {"StringEquals", "ArnEquals", "ArnLike", "StringLike"}


def admits(policy: str, *, service: str, action: str, resource: str, source_arn: str) -> bool:
    """Whether a policy lets a service act for `source_arn`.

    Args:
        policy: The JSON text of the policy.
        service: The acting service, such as `sns.amazonaws.com`.
        action: What it wants to do, such as `sqs:SendMessage`.
        resource: ARN of the queue or topic the policy hangs on.
        source_arn: ARN of the topic or configuration set it acts for.
    """
    context = {"aws:sourcearn": source_arn, "aws:sourceaccount": ACCOUNT_ID}
    effects = {
        statement.get("Effect")
        for statement in _listed(json.loads(policy).get("Statement"))
        if _names_service(statement.get("Principal"), service)
        and _matches(statement.get("Action"), action, ignore_case=True)
        and _matches(statement.get("Resource", "*"), resource)
        and _holds(statement.get("Condition", {}), context)
    }
    return "Allow" in effects and "Deny" not in effects


def _names_service(principal: Any, service: str) -> bool:  # noqa: ANN401  "*" or an object
    if isinstance(principal, dict):
        if "*" in _listed(principal.get("AWS")):
            return True
        return service in _listed(principal.get("Service"))
    return bool(principal == "*")


def _holds(condition: dict[str, dict[str, Any]], context: dict[str, str]) -> bool:
    return all(
        operator in _EXACT and _matches(wanted, context.get(key.lower(), ""))
        for operator, keys in condition.items()
        for key, wanted in keys.items()
    )


def _matches(patterns: Any, value: str, *, ignore_case: bool = False) -> bool:  # noqa: ANN401
    fold = str.lower if ignore_case else str
    return any(fnmatchcase(fold(value), fold(pattern)) for pattern in _listed(patterns))


def _listed(value: Any) -> list[Any]:  # noqa: ANN401  IAM writes one thing without its list
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
