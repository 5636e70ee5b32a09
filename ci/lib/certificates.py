"""Do ringmq, pyzmq and czmq read each other's certificates?

The argument is ringmq's example `certificate`. Each library writes a certificate with metadata;
ringmq reads it and writes it anew; then everybody reads what ringmq has written, and finds the same
keys.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import zmq.auth

#: What each certificate says of who has it.
METADATA = {"name": "Alice Liddell", "e-mail": "alice@example.com"}
#: How czmq writes that there is no secret key.
NO_SECRET = b"0" * 40


class Keys(NamedTuple):
    """The keys of a certificate, in Z85."""

    public: bytes
    secret: bytes | None


class Czmq:
    """The calls of czmq that are needed, by their names there."""

    def __init__(self, library: str) -> None:
        czmq = ctypes.CDLL(library)
        pointer, text = ctypes.c_void_p, ctypes.c_char_p
        self.new = self.declare(czmq.zcert_new, pointer)
        self.load = self.declare(czmq.zcert_load, pointer, text)
        self.save = self.declare(czmq.zcert_save, ctypes.c_int, pointer, text)
        self.public_txt = self.declare(czmq.zcert_public_txt, text, pointer)
        self.secret_txt = self.declare(czmq.zcert_secret_txt, text, pointer)
        self.meta = self.declare(czmq.zcert_meta, text, pointer, text)
        self.set_meta = self.declare(czmq.zcert_set_meta, None, pointer, text, text)

    @staticmethod
    def declare(function: Any, result: Any, *arguments: Any) -> Callable[..., Any]:
        """A function with its types."""
        function.restype, function.argtypes = result, arguments
        call: Callable[..., Any] = function
        return call


def make_with_pyzmq(folder: Path) -> Path:
    """A certificate that pyzmq has written."""
    public, secret = zmq.auth.create_certificates(folder, "pyzmq", METADATA)
    # The metadata is in the secret file alone.
    assert secret == f"{public}_secret"
    return Path(public)


def make_with_ringmq(tool: str, folder: Path) -> Path:
    """A certificate that ringmq has written."""
    path = folder / "ringmq.key"
    metadata = [f"{name}={value}" for name, value in METADATA.items()]
    subprocess.run([tool, "new", path, *metadata], check=True, stdout=subprocess.DEVNULL)
    return path


def make_with_czmq(czmq: Czmq, folder: Path) -> Path:
    """A certificate that czmq has written."""
    path = folder / "czmq.key"
    certificate = czmq.new()
    for name, value in METADATA.items():
        czmq.set_meta(certificate, name.encode(), value.encode())
    assert czmq.save(certificate, bytes(path)) == 0
    return path


def read_with_pyzmq(path: Path, secret: bool) -> Keys:
    """The keys that pyzmq finds."""
    return Keys(*zmq.auth.load_certificate(f"{path}_secret" if secret else path))


def read_with_czmq(czmq: Czmq, path: Path) -> Keys:
    """The keys that czmq finds, and the metadata, which has to be there."""
    certificate = czmq.load(bytes(path))
    assert certificate, f"czmq cannot read {path}"
    for name, value in METADATA.items():
        assert czmq.meta(certificate, name.encode()) == value.encode(), f"{name} in {path}"
    secret = czmq.secret_txt(certificate)
    return Keys(czmq.public_txt(certificate), None if secret == NO_SECRET else secret)


def check(tool: str, czmq: Czmq | None, made: Path) -> int:
    """Has ringmq copy a certificate, and everybody read the copy; tells how often one did."""
    keys = read_with_pyzmq(made, secret=True)
    assert keys.secret is not None
    shown = subprocess.run([tool, "show", made], check=True, capture_output=True, text=True).stdout
    expected = [keys.public.decode(), *(f"{name} = {value}" for name, value in METADATA.items())]
    assert sorted(shown.splitlines()) == sorted(expected), shown

    copy = made.with_name(f"copy-of-{made.name}")
    subprocess.run([tool, "copy", made, copy], check=True)
    secret_file = Path(f"{copy}_secret")
    assert stat.S_IMODE(secret_file.stat().st_mode) == stat.S_IRUSR | stat.S_IWUSR
    assert read_with_pyzmq(copy, secret=True) == keys
    assert read_with_pyzmq(copy, secret=False) == Keys(keys.public, None)
    assert zmq.auth.load_certificates(made.parent)[keys.public]
    reads = 4
    if czmq is not None:
        assert read_with_czmq(czmq, copy) == keys
        secret_file.unlink()
        assert read_with_czmq(czmq, copy) == Keys(keys.public, None)
        # Of that file alone ringmq makes somebody else's certificate.
        alone = copy.with_name(f"alone-{made.name}")
        subprocess.run([tool, "copy", copy, alone], check=True)
        assert read_with_czmq(czmq, alone) == Keys(keys.public, None)
        reads += 3
    return reads


def main(tool: str) -> int:
    """Checks everybody's certificates."""
    library = ctypes.util.find_library("czmq")
    czmq = Czmq(library) if library else None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = [make_with_pyzmq(folder), make_with_ringmq(tool, folder)]
        if czmq is not None:
            made.append(make_with_czmq(czmq, folder))
        reads = sum(check(tool, czmq, path) for path in made)
    without = "" if czmq else "; czmq is not here, and left out"
    print(f"certificates of {len(made)} libraries, read {reads} times by others{without}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
