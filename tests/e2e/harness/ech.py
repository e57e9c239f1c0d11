# SPDX-License-Identifier: BSL-1.0
"""snipass-ech beside a router, and a client of Encrypted ClientHello (RFC 9849) that says what no TLS stack would say."""

import base64
import hashlib
import hmac
import os
import re
import subprocess
import sys

from .case import SKIPPED
from .places import BUILD, SNIPASS
from .process import DEADLINE
from .router import Router

try:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
except ImportError:
    print("skipped: there is no python3-cryptography, which this client seals with", file=sys.stderr)
    sys.exit(SKIPPED)

PROGRAM = BUILD / "snipass-ech"

SERVER_NAME, GROUPS, SIGNATURES, VERSIONS, SHARES = 0, 10, 13, 43, 51
OUTER_EXTENSIONS, ECH = 0xFD00, 0xFE0D
AEADS = {1: (AESGCM, 16), 2: (AESGCM, 32), 3: (ChaCha20Poly1305, 32)}

ILLEGAL_PARAMETER = bytes([21, 3, 3, 0, 2, 2, 47])


def u8(number):
    return bytes([number])


def u16(number):
    return number.to_bytes(2, "big")


def p8(content):
    return u8(len(content)) + content


def p16(content):
    return u16(len(content)) + content


def extension(kind, body=b""):
    return u16(kind) + p16(body)


def server_name(name):
    return extension(SERVER_NAME, p16(b"\0" + p16(name.encode())))


def versions(*numbers):
    return extension(VERSIONS, p8(b"".join(map(u16, numbers))))


def references(*kinds):
    return extension(OUTER_EXTENSIONS, p8(b"".join(map(u16, kinds))))


INNER = extension(ECH, b"\1")
CURVES = extension(GROUPS, p16(u16(29)))
SCHEMES = extension(SIGNATURES, p16(u16(0x0403) + u16(0x0804)))


def share():
    return extension(SHARES, p16(u16(29) + p16(X25519PrivateKey.generate().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))))


def body(extensions, session_id=b""):
    """A ClientHello's body, which is an EncodedClientHelloInner where it has no session ID."""
    return u16(0x0303) + os.urandom(32) + p8(session_id) + p16(u16(0x1301) + u16(0x1302)) + p8(b"\0") + p16(b"".join(extensions))


def inner(name, *more, offered=(0x0304,)):
    """The extensions of a good inner hello, with others behind."""
    return [server_name(name), versions(*offered), CURVES, SCHEMES, share(), INNER, *more]


def in_record(hello_body):
    message = b"\1" + len(hello_body).to_bytes(3, "big") + hello_body
    return b"\x16\3\1" + p16(message)


def _extract(suite, salt, label, material):
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + material, hashlib.sha256)


def _expand(suite, secret, label, info, size):
    return hmac.digest(secret, u16(size) + b"HPKE-v1" + suite + label + info + b"\1", hashlib.sha256)[:size]


class Config:
    """What a client knows: one config of a list in base64."""

    def __init__(self, text):
        self.text = text
        self.list = base64.b64decode(text)
        self.whole = self.list[2:]
        contents = self.whole[4:]
        self.id = contents[0]
        self.public_key = contents[5:37]

    def seal(self, plaintext, aad, enc_key, aead):
        """HPKE's SetupBaseS and Seal (RFC 9180 sections 5.1.1 and 5.2), for the first message."""
        make, size = AEADS[aead]
        enc = enc_key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        kem = b"KEM" + u16(0x20)
        suite = b"HPKE" + u16(0x20) + u16(1) + u16(aead)
        shared = enc_key.exchange(X25519PublicKey.from_public_bytes(self.public_key))
        shared = _expand(kem, _extract(kem, b"", b"eae_prk", shared), b"shared_secret", enc + self.public_key, 32)
        info = b"tls ech\0" + self.whole
        context = b"\0" + _extract(suite, b"", b"psk_id_hash", b"") + _extract(suite, b"", b"info_hash", info)
        secret = _extract(suite, shared, b"secret", b"")
        return make(_expand(suite, secret, b"key", context, size)).encrypt(_expand(suite, secret, b"base_nonce", context, 12), plaintext, aad)

    def hello(self, encoded, *, outer_name="public.example", outer=(), offered=(0x0304, 0x0303), aead=1, bend=False):
        """An outer hello, as a record, in which `encoded` is sealed; bend: it cannot be opened."""
        enc_key = X25519PrivateKey.generate()
        enc = enc_key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        size = len(encoded) + 16
        session_id = os.urandom(32)
        random = os.urandom(32)
        shares = share()

        def whole(payload):
            ech = extension(ECH, b"\0" + u16(1) + u16(aead) + u8(self.id) + p16(enc) + p16(payload))
            extensions = b"".join([server_name(outer_name), versions(*offered), CURVES, SCHEMES, shares, *outer, ech])
            return u16(0x0303) + random + p8(session_id) + p16(u16(0x1301) + u16(0xC02F)) + p8(b"\0") + p16(extensions)

        payload = self.seal(encoded, whole(bytes(size)), enc_key, aead)
        if bend:
            payload = bytes([payload[0] ^ 1]) + payload[1:]
        return in_record(whole(payload))


class EchEnd(Router):
    """`snipass-ech run`, ready when the constructor returns."""

    def __init__(self, folder, configuration, **options):
        super().__init__(folder, configuration, name=f"ech-{id(self)}", program=PROGRAM, **options)


class EchSite:
    """What tests of Encrypted ClientHello share: a key for public.example, a router and a snipass-ech with one file."""

    def setUp(self):
        super().setUp()
        self.keys = self.folder / "ech.d"
        self.keys.mkdir()

    def text(self, rest, *, head, ech=""):
        return head + f"""
[ech]
keys = "{self.keys}"
helper = "unix:{self.folder}/open.sock"
{ech}
{rest}
"""

    def new_key(self, text, name="public.example"):
        """The config of a key that `snipass ech new-key` has made."""
        file = self.folder / "new-key.toml"
        file.write_text(text)
        made = subprocess.run([SNIPASS, "ech", "new-key", name, "--config", file], check=True, capture_output=True, text=True)
        return Config(re.search(r"ech=(\S+)", made.stdout)[1])

    def ech_end(self, text, **options):
        return self.keep(EchEnd(self.folder, text, **options))


def read_to_end(connection):
    """All that comes before the end, be it a reset."""
    connection.settimeout(DEADLINE)
    whole = b""
    try:
        while part := connection.recv(65536):
            whole += part
    except ConnectionResetError:
        pass
    return whole
