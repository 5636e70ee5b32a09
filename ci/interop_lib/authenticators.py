"""The tables of those who say whom a server lets in.

``ZAP``: every status for every mechanism, said by a ZAP handler beside either library's server, and
by an authenticator of ringmq's own. ``pyzmq's authenticator``: its rules, for a client of ringmq.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
from collections.abc import Iterator

from zmq.auth.base import CURVE_ALLOW_ANY
from zmq.auth.certs import create_certificates, load_certificate

from . import judge
from .meeting import GONE, SUCCEEDED, TIMEOUT, WELCOME, Meeting, Outcome, Place, expect, status
from .pairs import Cell
from .process import PeerProcess
from .scenario import Hole
from .security import (
    ADDRESS,
    CLIENT_KEYS,
    CURVE_SERVER,
    NULL,
    PASSWORD,
    PLAIN_SERVER,
    STRANGE_KEYS,
    USERNAME,
    Keys,
    Security,
    curve_client,
    curve_question,
    null_question,
    plain_client,
    plain_question,
    verdict,
)
from .stage import Stage

DOMAIN = "lab"
IN_DOMAIN = f"zap_domain={DOMAIN}"
#: Mechanism: a server, a client, and what a judge is asked.
MECHANISMS = {
    "NULL": (NULL, NULL, null_question(DOMAIN)),
    "PLAIN": (PLAIN_SERVER, plain_client(), plain_question(DOMAIN)),
    "CURVE": (CURVE_SERVER, curve_client(), curve_question(DOMAIN)),
}
#: What a client may say of each status. Of 300 it is told nothing: libzmq's server leaves the
#: connection open for as long as the client waits, ringmq's closes it.
AT_CLIENT: dict[int, tuple[Outcome, ...]] = {
    200: (SUCCEEDED,),
    300: (TIMEOUT, GONE),
    400: (status(400),),
    500: (status(500),),
}
#: How long a client waits that is told nothing, ms.
HURRY = "handshake_ivl=300"


@dataclasses.dataclass(frozen=True)
class Rule:
    """What pyzmq's authenticator is told, and what that means for one client."""

    name: str
    server: Security
    client: Security
    #: Methods and their arguments.
    rules: list[tuple[str, list[object]]]
    #: Who the client is to the server's application; None if it is not let in.
    user_id: str | None


def cells(stage: Stage, backends: tuple[str, ...]) -> Iterator[Cell]:
    """Both tables."""
    numbers = itertools.count()
    for (mechanism, code), backend, (serves, how), binds in itertools.product(
        itertools.product(MECHANISMS, AT_CLIENT),
        backends,
        ((True, "native"), (True, "zap"), (False, "zap")),
        (True, False),
    ):
        place = Place(backend, serves, binds)
        name = f"zap-{next(numbers)}"
        run = functools.partial(run_status, stage, place, mechanism, code, how, name)
        role = how if serves else "client"
        column = f"{backend}/{role}/{'bind' if binds else 'connect'}"
        yield "ZAP", f"{mechanism} {code}", column, run
    for rule, backend, binds in itertools.product(rules(stage), backends, (True, False)):
        place = Place(backend, serves=False, binds=binds)
        run = functools.partial(run_rule, stage, place, rule, f"rule-{next(numbers)}")
        yield "pyzmq's authenticator", rule.name, place.column, run


def run_status(stage: Stage, place: Place, mechanism: str, code: int, how: str, name: str) -> str:
    """One status, in a domain."""
    server, client, question = MECHANISMS[mechanism]
    server = server.also(IN_DOMAIN, flags=("--judge", how, *verdict(str(code), question)))
    client = client.also(HURRY) if code == 300 else client
    with Meeting(stage, place, server, client, name) as meeting:
        expect(meeting.server, (SUCCEEDED if code == 200 else status(code),))
        expect(meeting.client, AT_CLIENT[code])
        if code == 200:
            meeting.client.send_raw([b"more", WELCOME])
            expect_known(meeting.server, judge.USER_ID, judge.ROLE)
    return "ok"


def expect_known(server: PeerProcess, user_id: str, role: str | None) -> None:
    """The message under way comes, with what the judge and the client have said."""
    expected = {"User-Id": user_id, "Role": role, "Socket-Type": "PUSH", "Peer-Address": ADDRESS}
    answer = server.call("recv_raw", properties=list(expected))
    if answer["frames"] != [b"more".hex(), WELCOME.hex()]:
        raise Hole(f"instead of the message came {answer['frames']}")
    if answer["properties"] != expected:
        raise Hole(f"the client is known by {answer['properties']}, not {expected}")


def rules(stage: Stage) -> list[Rule]:
    """What pyzmq's authenticator can be told."""
    folder = stage.folder / "certificates"
    folder.mkdir(exist_ok=True)
    public, secret = load_certificate(create_certificates(folder, "client")[1])
    assert secret is not None
    certified = Keys(public.decode(), secret.decode())
    null = NULL.also(IN_DOMAIN)
    plain, passwords = PLAIN_SERVER.also(IN_DOMAIN), {USERNAME: PASSWORD}
    curve = CURVE_SERVER.also(IN_DOMAIN)
    here: tuple[str, list[object]] = ("allow", [ADDRESS])
    elsewhere: tuple[str, list[object]] = ("allow", ["192.0.2.1"])
    not_here: tuple[str, list[object]] = ("deny", [ADDRESS])
    known: tuple[str, list[object]] = ("configure_plain", [DOMAIN, passwords])
    unknown_domain: tuple[str, list[object]] = ("configure_plain", ["field", passwords])
    anybody: tuple[str, list[object]] = ("configure_curve", [DOMAIN, CURVE_ALLOW_ANY])
    directory: tuple[str, list[object]] = ("configure_curve", [DOMAIN, str(folder)])
    return [
        Rule("NULL, no rule", null, NULL, [], "anonymous"),
        Rule("NULL, address allowed", null, NULL, [here], "anonymous"),
        Rule("NULL, address not allowed", null, NULL, [elsewhere], None),
        Rule("NULL, address denied", null, NULL, [not_here], None),
        Rule("PLAIN, known", plain, plain_client(), [known], USERNAME),
        Rule("PLAIN, known, address allowed", plain, plain_client(), [here, known], USERNAME),
        Rule("PLAIN, known, address denied", plain, plain_client(), [not_here, known], None),
        Rule("PLAIN, wrong password", plain, plain_client(password="x"), [known], None),
        Rule("PLAIN, wrong domain", plain, plain_client(), [unknown_domain], None),
        Rule("PLAIN, no passwords", plain, plain_client(), [], None),
        Rule("CURVE, any key", curve, curve_client(), [anybody], CLIENT_KEYS.public),
        Rule("CURVE, any key, address denied", curve, curve_client(), [not_here, anybody], None),
        Rule("CURVE, certified", curve, curve_client(certified), [directory], certified.public),
        Rule("CURVE, not certified", curve, curve_client(STRANGE_KEYS), [directory], None),
        Rule("CURVE, no certificates", curve, curve_client(), [], None),
    ]


def run_rule(stage: Stage, place: Place, rule: Rule, name: str) -> str:
    """One rule, for one client of ringmq."""
    flags = ("--judge", "pyzmq", "--rules", json.dumps(rule.rules))
    with Meeting(stage, place, rule.server.also(flags=flags), rule.client, name) as meeting:
        expected = (status(400) if rule.user_id is None else SUCCEEDED,)
        expect(meeting.server, expected)
        expect(meeting.client, expected)
        if rule.user_id is not None:
            meeting.client.send_raw([b"more", WELCOME])
            expect_known(meeting.server, rule.user_id, None)
    return "ok"
