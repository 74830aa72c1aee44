"""Cases made from what AWS documents, with what must come of each said before they are played.

Three soft bounces in 14 days suppress for 1, then 7, then 30 days; all else is for ever.
"""

from __future__ import annotations

from told import Case, Removal, bounce, complaint, delivery, full, gone, leaves, raw, say

HARD = {("a", "*"): ("bounce", None)}
COMPLAINED = {("a", "*"): ("complaint", None)}
BOUNCED = {"m": ("bounced", {"a": "bounced"})}
ONE = {"m": "a"}
TWO = {"m": "a b"}
THREE = {"m": "a", "n": "a", "o": "a"}
ALL_THREE = {each: ("bounced", {"a": "bounced"}) for each in THREE}
SENT = {"m": ("sent", {})}
DELIVERED = {"m": ("delivered", {"a": "delivered"})}
LATE = {"kind": "Transient", "subtype": "General"}


def one_each(**parts: object) -> list[object]:
    """The same bounce of three messages, a day apart."""
    entry = gone("a", *[parts.pop(each) for each in ("status", "action") if each in parts])  # type: ignore[arg-type]
    return [bounce(each, "a", entry, at=n, **parts) for n, each in enumerate("mno")]  # type: ignore[arg-type]


WHO_BOUNCED = [
    Case("a hard bounce", ONE, [bounce("m", "a", gone("a"))], HARD, BOUNCED),
    Case("as a notification", ONE, [bounce("m", "a", gone("a"), form="notification")], HARD, BOUNCED),
    Case("in SNS", ONE, [bounce("m", "a", gone("a"), form="sns")], HARD, BOUNCED),
    Case("on EventBridge", ONE, [bounce("m", "a", gone("a"), form="eventbridge")], HARD, BOUNCED),
    Case("on a bus by a stranger", ONE, [bounce("m", "a", gone("a"), form="bus")]),
    Case("without a report", ONE, [bounce("m", "a", gone("a", None, None))], HARD, BOUNCED),
    Case("of mail of others", {}, [bounce("m", "a", gone("a"))], HARD),
    Case("in capitals", ONE, [bounce("m", "a", gone("A"), mail={"destination": ["@@A"]})], HARD, BOUNCED),
    Case(
        "of a domain in its own letters",
        {"m": "a@xn--bcher-kva.{}"},
        [bounce("m", "a@bücher.{}", gone("A@BÜCHER.{}"))],
        {("a@xn--bcher-kva.{}", "*"): ("bounce", None)},
        {"m": ("bounced", {"a@xn--bcher-kva.{}": "bounced"})},
    ),
    Case(
        "of a name with a comma and another address",
        ONE,
        [bounce("m", '"B, <b@{}>" <a@{}>', gone('"B, <b@{}>" <a@{}>'), mail={"destination": ['@@"B, <b@{}>" <a@{}>']})],
        HARD,
        BOUNCED,
    ),
    Case("of a tagged address", {"m": "a+x"}, [bounce("m", "a+x", gone("a+x"))], {("a+x", "*"): ("bounce", None)}, {"m": ("bounced", {"a+x": "bounced"})}),
    Case("of a dotted address", {"m": "a.b"}, [bounce("m", "a.b", gone("a.b"))], {("a.b", "*"): ("bounce", None)}, {"m": ("bounced", {"a.b": "bounced"})}),
    Case("one of two", TWO, [bounce("m", "a b", gone("a")), delivery("m", "a b", "b")], HARD, {"m": ("bounced", {"a": "bounced", "b": "delivered"})}),
    Case("both in one event", TWO, [bounce("m", "a b", gone("a"), gone("b"))], HARD | {("b", "*"): ("bounce", None)}, {"m": ("bounced", {"a": "bounced", "b": "bounced"})}),
    Case("both, one each, by one feedback id", TWO, [bounce("m", "a b", gone("a"), feedback="@@1"), bounce("m", "a b", gone("b"), feedback="@@1")], HARD | {("b", "*"): ("bounce", None)}, {"m": ("bounced", {"a": "bounced", "b": "bounced"})}),
    Case("one for good and one delayed, who gets it", TWO, [bounce("m", "a b", gone("a"), gone("b", "4.0.0", "delayed")), delivery("m", "a b", "b")], HARD, {"m": ("bounced", {"a": "bounced", "b": "delivered"})}),
    Case("both delayed", TWO, [bounce("m", "a b", gone("a", "4.0.0", "delayed"), gone("b", "4.4.1"))], {}, {"m": ("sent", {"a": "delayed", "b": "delayed"})}),
    Case("delayed, then gone", ONE, [bounce("m", "a", gone("a", "4.0.0", "delayed"), feedback="@@1"), bounce("m", "a", gone("a"), feedback="@@2")], HARD, BOUNCED),
    Case("a stranger among several", TWO, [bounce("m", "a b", gone("x"))], {}, SENT),
    Case("a stranger for the only one", ONE, [bounce("m", "a", gone("x"))], HARD, BOUNCED),
    Case("a stranger and one of ours", TWO, [bounce("m", "a b", gone("x"), gone("a"))], HARD, BOUNCED),
    Case("a stranger, and all is delivered", TWO, [delivery("m", "a b"), bounce("m", "a b", gone("x"))], {}, {"m": ("delivered", {"a": "delivered", "b": "delivered"})}),
    Case("nobody, of one", ONE, [bounce("m", "a")], HARD, BOUNCED),
    Case("nobody, of several", TWO, [bounce("m", "a b")], {}, {"m": ("bounced", {})}),
    Case("without destinations", TWO, [bounce("m", "a", gone("a"), mail={"destination": "left out"})], HARD, BOUNCED),
    Case("to joined destinations", TWO, [bounce("m", "a", gone("b"), mail={"destination": ["@@A <a@{}>, b@{}"]})], {("b", "*"): ("bounce", None)}, {"m": ("bounced", {"b": "bounced"})}),
    Case("by our tag, with another id of SES's", ONE, [bounce("m", "a", gone("a"), mail={"messageId": "another"})], HARD, BOUNCED),
    Case("by SES's id, with a tag that is none", ONE, [bounce("m", "a", gone("a"), mail={"tags": {"mailsluice-message-id": ["?"]}})], HARD, BOUNCED),
]  # fmt: skip

WHAT_IT_SAYS = [
    Case("a long status", ONE, [bounce("m", "a", gone("a", "5.1.1 (no such mailbox)"))], HARD, BOUNCED),
    Case("an action in capitals", ONE, [bounce("m", "a", gone("a", "5.1.1", "FAILED"))], HARD, BOUNCED),
    Case("refused for policy", ONE, [bounce("m", "a", gone("a", "5.7.1"))], {}, BOUNCED),
    Case("refused for policy, by Google", ONE, [bounce("m", "a", gone("a", "5.7.26"), **LATE)], {}, BOUNCED),
    Case("no such host", ONE, [bounce("m", "a", gone("a", "5.4.4"), **LATE)], HARD, BOUNCED),
    Case("SES's own list", ONE, [bounce("m", "a", gone("a", None, None), subtype="OnAccountSuppressionList")], {("a", "*"): ("account_list", None)}, BOUNCED),
    Case("SES's own list, and it bounced", {"m": "a", "n": "a"}, [bounce("m", "a", gone("a")), bounce("n", "a", gone("a"), subtype="OnAccountSuppressionList")], HARD, BOUNCED | {"n": ("bounced", {"a": "bounced"})}),
    Case("everybody's list", ONE, [bounce("m", "a", gone("a"), subtype="Suppressed")], HARD, BOUNCED),
    Case("a tenant's list", ONE, [bounce("m", "a", gone("a"), subtype="OnTenantSuppressionList")], {}, BOUNCED),
    Case("a prediction", ONE, [bounce("m", "a", gone("a", None, None), subtype="EmailValidationSuppressed")], {}, BOUNCED),
    Case("a new subtype", ONE, [bounce("m", "a", gone("a"), subtype="Quantum")], {}, BOUNCED),
    Case("a new type", ONE, [bounce("m", "a", gone("a"), kind="Quantum")], {}, BOUNCED),
    Case("delivered first", ONE, [delivery("m", "a", at=1), bounce("m", "a", gone("a"))], HARD, BOUNCED),
    Case("out of office", ONE, [delivery("m", "a"), bounce("m", "a", gone("a", None, None), **LATE)], {}, DELIVERED),
    Case("rejected", ONE, [say("Reject", "m", "a", {"reason": "Bad content"}), say("Send", "m", "a", {})], {}, {"m": ("rejected", {"a": "rejected"})}),
    Case("not rendered", ONE, [say("Rendering Failure", "m", "a", {"templateName": "t"}, key="failure")], {}, {"m": ("rejected", {"a": "rejected"})}),
    Case("delayed", ONE, [say("DeliveryDelay", "m", "a", {"delayType": "MailboxFull", "delayedRecipients": [gone("a", "4.2.2")]}, key="deliveryDelay")], {}, {"m": ("sent", {"a": "delayed"})}),
    Case("delayed and delivered", ONE, [say("DeliveryDelay", "m", "a", {"delayType": "General"}, key="deliveryDelay"), delivery("m", "a")], {}, DELIVERED),
    Case("opened before it was sent", ONE, [say("Open", "m", "a", {"ipAddress": "::1"}), say("Send", "m", "a", {})], {}, DELIVERED),
    Case("clicked by one of two", TWO, [say("Click", "m", "a b", {"link": "x"})], {}, {"m": ("delivered", {})}),
    Case("a new kind of event", ONE, [say("Teleported", "m", "a", {"to": "@@a"})], {}, SENT),
]  # fmt: skip

COMPLAINTS = [
    Case("a complaint", ONE, [complaint("m", "a", "a")], COMPLAINED, {"m": ("complained", {"a": "complained"})}),
    Case("a complaint of no type", ONE, [complaint("m", "a", "a", kind=None)], COMPLAINED, {"m": ("complained", {"a": "complained"})}),
    Case("a complaint of one of two", {"m": "a b c"}, [complaint("m", "a b c", "a", "b"), delivery("m", "a b c", "c")], COMPLAINED | {("b", "*"): ("complaint", None)}, {"m": ("complained", {"a": "complained", "b": "complained", "c": "delivered"})}),
    Case("a complaint of nobody, of one", ONE, [complaint("m", "a")], COMPLAINED, {"m": ("complained", {"a": "complained"})}),
    Case("a complaint of nobody, of two", TWO, [complaint("m", "a b")], {}, {"m": ("complained", {})}),
    Case("a complaint of a stranger", TWO, [complaint("m", "a b", "x")], {}, SENT),
    Case("no spam after all", ONE, [complaint("m", "a", "a", kind="not-spam")], {}, {"m": ("complained", {"a": "complained"})}),
    Case("a failed authentication", ONE, [complaint("m", "a", "a", kind="auth-failure")], {}, {"m": ("complained", {"a": "complained"})}),
    Case("a complaint on SES's list", ONE, [complaint("m", "a", "a", kind=None, subtype="OnAccountSuppressionList")], {("a", "*"): ("account_list", None)}, {"m": ("complained", {"a": "complained"})}),
    Case("a complaint, and it bounced", {"m": "a", "n": "a"}, [bounce("n", "a", gone("a")), complaint("m", "a", "a")], COMPLAINED, {"m": ("complained", {"a": "complained"}), "n": ("bounced", {"a": "bounced"})}),
    Case("a complaint about mail of others", {}, [complaint("m", "a", "a", form="notification")], COMPLAINED),
]  # fmt: skip

SOFT = {("a", "*"): ("soft_bounce", 1)}
SOFT_BOUNCES = [
    Case("three full", THREE, [full("m", at=2), full("n", at=1), full("o", at=0)], SOFT, ALL_THREE),
    Case("two full", {"m": "a", "n": "a"}, [full("m", at=1), full("n", at=0)], {}, {each: ("bounced", {"a": "bounced"}) for each in "mn"}),
    Case("one full, told three times", ONE, [full("m", at=2), full("m", at=1.9, form="notification"), full("m", at=1.8, form="sns")], {}, BOUNCED),
    Case("three full, too far apart", THREE, [full("m", at=20), full("n", at=1), full("o", at=0)], {}, ALL_THREE),
    Case("three full, and it is over", THREE, [full("m", at=9), full("n", at=8), full("o", at=7)], {}, ALL_THREE),
    Case("three full, of mail of others", {}, [full("m", at=2), full("n", at=1), full("o", at=0)], SOFT),
    Case("three full, one delivered between", THREE | {"p": "a"}, [full("m", at=3), full("n", at=2), delivery("p", "a", at=1), full("o", at=0)], {}, ALL_THREE | {"p": ("delivered", {"a": "delivered"})}),
    Case("three full, mail of others delivered between", THREE, [full("m", at=3), full("n", at=2), delivery("p", "a", at=1), full("o", at=0)], {}, ALL_THREE),
    Case("three full, mail of others delivered after", {}, [full("m", at=3), full("n", at=2), full("o", at=1), delivery("p", "a", at=0)]),
    Case("three full, mail of others delivered before", {}, [full("m", at=2), full("n", at=1), full("o", at=0), delivery("p", "a", at=3)], SOFT),
    Case("three full, of which one was delivered first", THREE, [full("m", at=2), full("n", at=1), delivery("o", "a", at=0.5), full("o", at=0)], SOFT, ALL_THREE),
    Case("three full, of others, of which one was delivered first", {}, [full("m", at=2), full("n", at=1), delivery("o", "a", at=0.5), full("o", at=0)], SOFT),
    Case("three full, one opened", THREE | {"p": "a"}, [full("m", at=2), full("n", at=1), full("o", at=0), say("Open", "p", "a", {})], SOFT, ALL_THREE | {"p": ("delivered", {"a": "delivered"})}),
    Case("three full, a delivery to a stranger", {}, [full("m", at=2), full("n", at=1), full("o", at=0), delivery("p", "b c", "a")], SOFT),
    Case("six full", {}, [full(each, at=at) for each, at in zip("mnopqr", (9, 8.5, 8, 3, 2, 1), strict=True)], {("a", "*"): ("soft_bounce", 6)}),
    Case("three full, while it is suppressed two more", {}, [full(each, at=at) for each, at in zip("mnopq", (2, 1, 0.5, 0.3, 0.1), strict=True)], {("a", "*"): ("soft_bounce", 0.5)}),
    Case("three full without a time", {}, [full("m", at=None), full("n", at=None), full("o", at=None)], SOFT),
    Case("three expired in transit", THREE, one_each(status="4.4.7", **LATE), SOFT, ALL_THREE),
    Case("three that nobody can read", THREE, one_each(kind="Undetermined", subtype="Undetermined"), SOFT, ALL_THREE),
    Case("three too large", THREE, one_each(status="5.3.4", kind="Transient", subtype="MessageTooLarge"), {}, ALL_THREE),
    Case("three with bad content", THREE, one_each(status="5.6.0", kind="Transient", subtype="ContentRejected"), {}, ALL_THREE),
    Case("three out of time", THREE, one_each(status="4.4.7", kind="Transient", subtype="CustomTimeoutExceeded"), {}, ALL_THREE),
    Case("three for policy", THREE, one_each(status="4.7.0", **LATE), {}, ALL_THREE),
    Case("three out of office", {}, one_each(status=None, action=None, **LATE)),
    Case("three full, and it is gone", THREE | {"p": "a"}, [full("m", at=2), full("n", at=1), full("o", at=0), bounce("p", "a", gone("a"))], HARD, ALL_THREE | {"p": ("bounced", {"a": "bounced"})}),
    Case("three full, and a complaint, and a delivery", {}, [full("m", at=2), full("n", at=1), full("o", at=0), complaint("p", "a", "a"), delivery("q", "a")], COMPLAINED),
]  # fmt: skip

UNSUBSCRIBES = [
    Case("leaves all", ONE, [leaves("m", "a")], {("a", "marketing"): ("unsubscribe", None)}, SENT),
    Case("leaves a topic", ONE, [leaves("m", "a", all_mail=False)], {("a", "marketing"): ("unsubscribe", None)}, SENT),
    Case("leaves, by a tag that errs", ONE, [leaves("m", "a", mail={"tags": {"mailsluice-stream": ["news"]}})], {("a", "marketing"): ("unsubscribe", None)}, SENT),
    Case("leaves mail that is not in the ledger", {}, [leaves("m", "a", mail={"tags": {"mailsluice-stream": ["news"]}})], {("a", "news"): ("unsubscribe", None)}),
    Case("leaves mail of no known stream", {}, [leaves("m", "a", mail={"tags": {}})], {("a", "*"): ("unsubscribe", None)}),
    Case("one of two leaves", TWO, [leaves("m", "a b")], {}, SENT),
    Case("leaves and comes back", ONE, [leaves("m", "a"), leaves("m", "a", back=True)], {("a", "marketing"): ("unsubscribe", None)}, SENT),
    Case("leaves and complains", ONE, [leaves("m", "a"), complaint("m", "a", "a")], COMPLAINED | {("a", "marketing"): ("unsubscribe", None)}, {"m": ("complained", {"a": "complained"})}),
    Case("leaves and bounces", ONE, [leaves("m", "a"), bounce("m", "a", gone("a"))], HARD | {("a", "marketing"): ("unsubscribe", None)}, BOUNCED),
]  # fmt: skip

ODD = [
    Case("a bounce of the year 2099", ONE, [bounce("m", "a", gone("a"), at="2099-01-01T00:00:00Z")], HARD, BOUNCED),
    Case("a bounce at no time", ONE, [bounce("m", "a", gone("a"), at="soon")], HARD, BOUNCED),
    Case("a delivery of the year 2099", {}, [full("m", at=3), full("n", at=2), full("o", at=1), delivery("p", "a", at="2099-01-01T00:00:00Z")]),
    Case("a bounce without its object", ONE, [say("Bounce", "m", "a", None)], refused=1),
    Case("a delivery of no message", {}, [say("Delivery", "m", "a", {"recipients": ["@@a"]}, mail={"messageId": None, "tags": None})], refused=1),
    Case("a bounce of no message", {}, [bounce("m", "a", gone("a"), mail={"messageId": None, "tags": None})], HARD),
    Case("no event at all", ONE, [raw("not JSON"), raw("[]"), raw('{"Type": "Notification"}'), raw('{"Type": "Notification", "Message": "{"}')], refused=4),
    Case("SNS's own", ONE, [raw('{"Type": "Notification", "Message": "Successfully validated SNS topic for Amazon SES event publishing."}'), raw('{"Type": "UnsubscribeConfirmation"}'), raw('{"notificationType": "AmazonSnsSubscriptionSucceeded"}\n')]),
    Case("nonsense where fields should be", ONE, [say("Bounce", "m", "a", {"bounceType": 7, "bouncedRecipients": [None, 3, {"emailAddress": {}}], "feedbackId": []})], {}, BOUNCED),
    Case("mail that is nonsense", {}, [say("Complaint", "m", "a", {"complainedRecipients": "@@a"}, mail={"destination": 5, "tags": [], "messageId": {}})], COMPLAINED),
]  # fmt: skip

REMOVALS = [
    Case("removed, and told in the other form", ONE, [bounce("m", "a", gone("a")), Removal("a"), bounce("m", "a", gone("a", None, None), form="notification")], {}, BOUNCED),
    Case("removed, and told again", ONE, [bounce("m", "a", gone("a")), Removal("a"), bounce("m", "a", gone("a")), bounce("m", "a", gone("a"))], {}, BOUNCED),
    Case("removed, and it bounces again", {"m": "a"}, [bounce("m", "a", gone("a")), Removal("a"), bounce("n", "a", gone("a"), at=3)], HARD, BOUNCED),
    Case("removed, and a complaint", ONE, [bounce("m", "a", gone("a")), Removal("a"), complaint("m", "a", "a")], COMPLAINED, {"m": ("complained", {"a": "complained"})}),
    Case("a complaint removed, and told in the other form", ONE, [complaint("m", "a", "a"), Removal("a"), complaint("m", "a", "a", kind=None, form="notification")], {}, {"m": ("complained", {"a": "complained"})}),
    Case("an unsubscribe removed, and told again", ONE, [leaves("m", "a"), Removal("a"), leaves("m", "a")], {}, SENT),
    Case("full, removed, and told in the other form", {}, [full("m", at=2), full("n", at=1), full("o", at=0), Removal("a"), full("m", at=2.1, form="notification"), full("n", at=1.1, form="notification"), full("o", at=0, form="notification")]),
    Case("full, removed, and three more", {}, [full("m", at=3), full("n", at=2.5), full("o", at=2.2), Removal("b"), full("p", at=1), full("q", at=0.5), full("r", at=0)], {("a", "*"): ("soft_bounce", 7)}),
    Case("still tried, removed, and gone", ONE, [bounce("m", "a", gone("a", "4.0.0"), feedback="@@1"), bounce("n", "a", gone("a")), Removal("a"), bounce("m", "a", gone("a"), feedback="@@2")], HARD, BOUNCED),
]  # fmt: skip

CASES = [
    *WHO_BOUNCED,
    *WHAT_IT_SAYS,
    *COMPLAINTS,
    *SOFT_BOUNCES,
    *UNSUBSCRIBES,
    *ODD,
    *REMOVALS,
]
