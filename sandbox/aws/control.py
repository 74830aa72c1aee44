"""Client of the simulator's control interface: make it misbehave, and ask what really happened."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import urllib3

from sandbox.aws.stalls import Stall
from sandbox.aws.truth import Send

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

_TIMEOUT_SECONDS = 10.0
_BAD_REQUEST = 400
_TIMED_OUT = 408


class Control:
    """Steers one running simulator; every method is one HTTP call and safe in any thread.

    Args:
        endpoint_url: Where the simulator listens, such as `http://127.0.0.1:4566`.
    """

    def __init__(self, endpoint_url: str) -> None:
        self._base = endpoint_url.rstrip("/") + "/_sandbox/"
        self._pool = urllib3.PoolManager(maxsize=4, retries=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections kept open."""
        self._pool.clear()

    def fault(  # noqa: PLR0913  each is a property of the one rule
        self,
        service: str,
        action: str,
        kind: str,
        *,
        status: int = 500,
        code: str = "InternalFailure",
        message: str = "The request processing has failed because of an unknown error.",
        seconds: float = 0.0,
        times: int | None = None,
        queue: str | None = None,
        probability: float = 1.0,
        seed: int | None = None,
    ) -> str:
        """Make calls fail from now on; the oldest rule that fits a call decides.

        Args:
            service: `sqs`, `sns` or `ses`.
            action: An API name such as `SendEmail`, or `*` for all of the service.
            kind: `status` answers with an error without doing the call; `cut` closes the connection
                before doing it; `hang` never answers, and cuts when cleared or after `seconds`;
                `slow` does the call and answers after `seconds`; `lose_answer` does the call and
                cuts; `error_after` does the call and answers with an error.
            status: HTTP status of `status` and `error_after`.
            code: Error code of the same.
            message: Error text of the same.
            seconds: Duration of `slow`, or the longest duration of `hang`.
            times: How many calls it hits; None until cleared.
            queue: Only calls about the SQS queue of this name.
            probability: Share of the matching calls that it hits.
            seed: Makes the choice repeatable.

        Returns:
            The id of the rule.

        Raises:
            ValueError: The rule makes no sense; the text says why.
        """
        rule = {
            "service": service,
            "action": action,
            "kind": kind,
            "status": status,
            "code": code,
            "message": message,
            "seconds": seconds,
            "times": times,
            "queue": queue,
            "probability": probability,
            "seed": seed,
        }
        return str(self._call("POST", "faults", rule)["id"])

    def clear_faults(self) -> None:
        """Remove all rules and cut every connection that hangs."""
        self._call("DELETE", "faults")

    def sqs(self, **settings: object) -> None:
        """Change settings of SQS.

        Args:
            settings: `latency_seconds`; `redeliver_probability`: a received message stays visible
                too, a deleted one comes back; `seed`.

        Raises:
            ValueError: There is no such setting.
        """
        self._call("POST", "settings/sqs", settings)

    def sns(self, **settings: object) -> None:
        """Change settings of SNS.

        Args:
            settings: `latency_seconds`; `certificate_url`: what envelopes name as
                `SigningCertURL`, by default an address of the simulator; `enforce_policies`: a
                queue or topic without a policy that admits the sender gets nothing.

        Raises:
            ValueError: There is no such setting.
        """
        self._call("POST", "settings/sns", settings)

    def ses(self, **settings: object) -> None:
        """Change settings of SES.

        Args:
            settings: `max_send_rate`, `max_24_hour_send`, `sent_last_24_hours` (a baseline),
                `sending_enabled`, `enforcement_status`, `production_access`, `suspended`,
                `paused_as` (`exception` or `message_rejected`), `quota_as` (`limit_exceeded` or
                `too_many_requests`), `latency_seconds`, `paused_configuration_sets`,
                `strict_identities`, `suppression_calls_per_second` (0 for no limit).

        Raises:
            ValueError: There is no such setting.
        """
        self._call("POST", "settings/ses", settings)

    def events(self, **settings: object) -> None:
        """Change how SES publishes its events.

        Args:
            settings: `delay_seconds`; `copies`: each event is published so many times; `shuffle`:
                random order among what is pending; `hold`: keep events back until released.

        Raises:
            ValueError: There is no such setting.
        """
        self._call("POST", "settings/events", settings)

    def sends(self) -> list[Send]:
        """Every accepted send, in the order of acceptance."""
        return [Send(**send) for send in self._call("GET", "sends")]

    def stalls(self) -> list[Stall]:
        """When the simulator itself stood still."""
        return [Stall(**stall) for stall in self._call("GET", "stalls")]

    def calls(self) -> dict[str, dict[str, int]]:
        """How calls ended: `{"ses.SendEmail": {"200": 10, "429": 1, "lost": 1}}`."""
        outcomes: dict[str, dict[str, int]] = self._call("GET", "calls")
        return outcomes

    def wait_for(self, what: str, count: int = 1, timeout_seconds: float = 10.0) -> int:
        """Wait until a counter reaches `count`; returns its value then.

        Args:
            what: `sends` (accepted), `calls:sqs.ReceiveMessage` (finished calls),
                `started:sqs.ReceiveMessage` (calls that have arrived), or `queue_empty:NAME`
                (nothing visible, in flight or delayed; `count` is ignored).
            count: The value to reach.
            timeout_seconds: How long to wait.

        Raises:
            TimeoutError: It did not; the text gives the present value.
            ValueError: There is no such counter or queue.
        """
        wish = {"what": what, "count": count, "timeout_seconds": timeout_seconds}
        timeout = timeout_seconds + _TIMEOUT_SECONDS
        return int(self._call("POST", "wait", wish, timeout_seconds=timeout)["value"])

    def queue(self, name: str) -> dict[str, Any]:
        """Counts `visible`, `in_flight`, `delayed`, and the `messages` with their receive counts.

        Raises:
            ValueError: There is no such queue.
        """
        state: dict[str, Any] = self._call("GET", "queues/" + quote(name, safe=""))
        return state

    def reset(self) -> None:
        """Forget everything, back to an empty account with default settings."""
        self._call("POST", "reset")

    def _call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        timeout_seconds: float = _TIMEOUT_SECONDS,
    ) -> Any:  # noqa: ANN401  the shape of the JSON is each method's own
        response = self._pool.request(
            method,
            self._base + path,
            body=json.dumps(body or {}).encode(),
            timeout=timeout_seconds,
        )
        answer = response.json()
        if response.status == _TIMED_OUT:
            raise TimeoutError(answer["message"])
        if response.status >= _BAD_REQUEST:
            raise ValueError(answer["message"])
        return answer
