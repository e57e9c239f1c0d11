# SPDX-License-Identifier: BSL-1.0
"""Encrypted ClientHello for tests of receivers: a key, and what a router does with the hello that is encrypted to it.

It is written from RFC 9180 and RFC 9849 alone, so that what it rebuilds judges our code. X25519, HKDF-SHA256.
"""
import base64
import hmac
import os
import socket
import struct

from . import handoff_sender

ECH, OUTER_EXTENSIONS, ECH_STATE = 0xFE0D, 0xFD00, 0xE0
KEM, KDF = 0x0020, 0x0001
AES_128_GCM, AES_256_GCM, CHACHA20_POLY1305 = 1, 2, 3
KEY_SIZES = {AES_128_GCM: 16, AES_256_GCM: 32, CHACHA20_POLY1305: 32}
NONCE_SIZE = 12


def is_possible():
    try:
        import cryptography  # noqa: F401, PLC0415
    except ImportError:
        return False
    return True


def _extract(salt, suite, label, secret):
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + secret, "sha256")


def _expand(secret, suite, label, info, size):
    labeled = struct.pack("!H", size) + b"HPKE-v1" + suite + label + info
    out, block, counter = b"", b"", 1
    while len(out) < size:
        block = hmac.digest(secret, block + labeled + bytes([counter]), "sha256")
        out, counter = out + block, counter + 1
    return out[:size]


def _prefixed(size, body):
    return len(body).to_bytes(size, "big") + body


class _Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        assert self.at + size <= len(self.data), "truncated"
        self.at += size
        return self.data[self.at - size:self.at]

    def prefixed(self, size):
        return self.take(int.from_bytes(self.take(size), "big"))

    def rest(self):
        return self.data[self.at:]


def _extensions(block):
    reader, found = _Reader(block), []
    while reader.rest():
        found.append((int.from_bytes(reader.take(2), "big"), reader.prefixed(2)))
    return found


def _fixed_part(reader):
    return reader.take(34), reader.prefixed(1), reader.prefixed(2), reader.prefixed(1)


def rebuild(message, encoded):
    """ClientHelloInner of EncodedClientHelloInner and the outer message (RFC 9849, section 5.1)."""
    outer = _Reader(message[4:])
    session_id = _fixed_part(outer)[1]
    outer_extensions = _extensions(outer.prefixed(2))
    inner = _Reader(encoded)
    start, empty, suites, compression = _fixed_part(inner)
    assert empty == b"", "a session ID"
    block = b""
    for kind, body in _extensions(inner.prefixed(2)):
        if kind != OUTER_EXTENSIONS:
            block += struct.pack("!H", kind) + _prefixed(2, body)
            continue
        wanted = _Reader(body).prefixed(1)
        for name in struct.unpack(f"!{len(wanted) // 2}H", wanted):
            block += struct.pack("!H", name) + _prefixed(2, dict(outer_extensions)[name])
    assert not any(inner.rest()), "padding"
    body = start + _prefixed(1, session_id) + _prefixed(2, suites) + _prefixed(1, compression) + _prefixed(2, block)
    return b"\x01" + _prefixed(3, body)


class Key:
    """A private key, and `configs`, which clients are given."""

    def __init__(self, public_name="public.example", suites=(AES_128_GCM, CHACHA20_POLY1305)):
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey  # noqa: PLC0415
        self.private = X25519PrivateKey.generate()
        self.public = self._raw(self.private.public_key())
        self.config_id = os.urandom(1)[0]
        contents = bytes([self.config_id]) + struct.pack("!H", KEM) + _prefixed(2, self.public)
        contents += _prefixed(2, b"".join(struct.pack("!HH", KDF, aead) for aead in suites))
        contents += b"\x00" + _prefixed(1, public_name.encode()) + _prefixed(2, b"")
        self.config = struct.pack("!H", ECH) + _prefixed(2, contents)
        self.configs = _prefixed(2, self.config)

    @staticmethod
    def _raw(public):
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415
        return public.public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def text(self):
        return base64.b64encode(self.configs).decode()

    def schedule(self, enc, aead):
        """Key and base nonce of one connection (RFC 9180, sections 4.1 and 5.1)."""
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey  # noqa: PLC0415
        kem = b"KEM" + struct.pack("!H", KEM)
        shared = _extract(b"", kem, b"eae_prk", self.private.exchange(X25519PublicKey.from_public_bytes(enc)))
        shared = _expand(shared, kem, b"shared_secret", enc + self.public, 32)
        suite = b"HPKE" + struct.pack("!HHH", KEM, KDF, aead)
        context = b"\x00" + _extract(b"", suite, b"psk_id_hash", b"")
        context += _extract(b"", suite, b"info_hash", b"tls ech\x00" + self.config)
        secret = _extract(shared, suite, b"secret", b"")
        return (_expand(secret, suite, b"key", context, KEY_SIZES[aead]),
                _expand(secret, suite, b"base_nonce", context, NONCE_SIZE))

    def open(self, message):
        """What TLV E0 says behind the size of the outer hello, and the inner hello; None: it is not for this key."""
        reader = _Reader(message[4:])
        _fixed_part(reader)
        body = dict(_extensions(reader.prefixed(2))).get(ECH, b"\x01")
        kdf, aead, config_id = struct.unpack("!HHB", body[1:6]) if body[0] == 0 else (0, 0, -1)
        if config_id != self.config_id:
            return None
        rest = _Reader(body[6:])
        enc, payload = rest.prefixed(2), rest.prefixed(2)
        key, nonce = self.schedule(enc, aead)
        at = message.index(payload)
        aad = message[4:at] + bytes(len(payload)) + message[at + len(payload):]
        inner = rebuild(message, _decrypt(aead, key, nonce, payload, aad))
        return State(config_id, kdf, aead, key, nonce, inner)


def _decrypt(aead, key, nonce, payload, aad):
    from cryptography.hazmat.primitives.ciphers import aead as ciphers  # noqa: PLC0415
    cipher = ciphers.ChaCha20Poly1305 if aead == CHACHA20_POLY1305 else ciphers.AESGCM
    return cipher(key).decrypt(nonce, payload, aad)


class State:
    def __init__(self, config_id, kdf, aead, key, nonce, inner):
        self.config_id, self.kdf, self.aead, self.key, self.nonce, self.inner = config_id, kdf, aead, key, nonce, inner

    def value(self, outer_size):
        """TLV E0 of docs/handoff.md."""
        head = struct.pack("!BBHHI", 1, self.config_id, self.kdf, self.aead, outer_size)
        return head + _prefixed(1, self.key) + self.nonce + self.inner


def peek_hello(client):
    """The hello's handshake message, and how many bytes of the socket it takes; all of it stays there."""
    need = 5
    while True:
        data = client.recv(need, socket.MSG_PEEK | socket.MSG_WAITALL)
        message, at = b"", 0
        while at + 5 <= len(data):
            size = int.from_bytes(data[at + 3:at + 5], "big")
            message, at = message + data[at + 5:at + 5 + size], at + 5 + size
            if at <= len(data) and len(message) >= 4 and len(message) == 4 + int.from_bytes(message[1:4], "big"):
                return message, at
        assert need <= at or need == 5, "a hello"
        need = max(at, need + 5)


class EchRouter(handoff_sender.Sender):
    """Sender, with the key: a hello that it can open goes to the receiver with its state, another without."""

    def __init__(self, path, key, **options):
        self.key, self.opened = key, []
        super().__init__(path, **options)

    def extra(self, client):
        message, size = peek_hello(client)
        state = self.key.open(message)
        self.opened.append(state)
        return handoff_sender.tlv(ECH_STATE, state.value(size)) if state else b""
