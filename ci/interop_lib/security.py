"""What a side is given so that it speaks a security mechanism, as a server or as a client."""

from __future__ import annotations

import dataclasses

import zmq
from zmq.utils import z85

from . import judge

#: Where every tcp peer of a run is.
ADDRESS = "127.0.0.1"
#: For a judge that does not mind.
ANYWHERE = "*"
USERNAME = "alice"
PASSWORD = "through = the looking-glass"


@dataclasses.dataclass(frozen=True)
class Keys:
    """A key pair of CURVE, in Z85."""

    public: str
    secret: str

    @classmethod
    def fresh(cls) -> Keys:
        """A pair that nobody else has."""
        public, secret = zmq.curve_keypair()
        return cls(public.decode(), secret.decode())


SERVER_KEYS = Keys.fresh()
CLIENT_KEYS = Keys.fresh()
#: Of nobody that anybody expects.
STRANGE_KEYS = Keys.fresh()


@dataclasses.dataclass(frozen=True)
class Security:
    """What one side of a case is given: options, and how it judges."""

    options: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()

    def also(self, *options: str, flags: tuple[str, ...] = ()) -> Security:
        """The same with more options and flags."""
        return Security(self.options + options, self.flags + flags)


NULL = Security()
PLAIN_SERVER = Security(("plain_server=1",))
CURVE_SERVER = Security(("curve_server=1", f"curve_secretkey={SERVER_KEYS.secret}"))


def plain_client(username: str = USERNAME, password: str = PASSWORD) -> Security:
    """A client of PLAIN."""
    return Security((f"plain_username={username}", f"plain_password={password}"))


def curve_client(keys: Keys = CLIENT_KEYS, server: str = SERVER_KEYS.public) -> Security:
    """A client of CURVE."""
    return Security(
        (
            f"curve_serverkey={server}",
            f"curve_publickey={keys.public}",
            f"curve_secretkey={keys.secret}",
        )
    )


def verdict(status: str, question: str) -> tuple[str, str]:
    """The flags by which a judge learns one verdict."""
    return "--verdict", f"{question}={status}"


def plain_question(domain: str = "", address: str = ADDRESS, username: str = USERNAME) -> str:
    """What a judge is asked about a client of PLAIN."""
    return judge.question(domain, address, "PLAIN", username.encode(), PASSWORD.encode())


def curve_question(domain: str = "", address: str = ADDRESS) -> str:
    """What a judge is asked about the usual client of CURVE."""
    return judge.question(domain, address, "CURVE", z85.decode(CLIENT_KEYS.public))


def null_question(domain: str, address: str = ADDRESS) -> str:
    """What a judge is asked about a client of NULL."""
    return judge.question(domain, address, "NULL")
