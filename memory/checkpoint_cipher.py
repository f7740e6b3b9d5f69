"""Serializers of checkpoints: strict msgpack, encrypted when there is a key."""

from collections.abc import Iterable
from secrets import token_bytes

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from langgraph.checkpoint.serde.base import CipherProtocol, SerializerProtocol
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from twintrack.core.errors import SettingsError

_FIX = "set TWINTRACK_CHECKPOINTS__ENCRYPTION_KEY to the key of 16, 24 or 32 bytes they were written with"


class AesGcm(CipherProtocol):
    """AES-GCM with a fresh nonce per value."""

    def __init__(self, key: bytes) -> None:
        if len(key) not in (16, 24, 32):
            raise SettingsError(f"The encryption key has {len(key)} bytes.", fix=_FIX)
        self._aes = AESGCM(key)

    def encrypt(self, plaintext: bytes) -> tuple[str, bytes]:
        """Return the cipher's name and nonce, ciphertext and tag as one."""
        nonce = token_bytes(12)
        return "aesgcm", nonce + self._aes.encrypt(nonce, plaintext, None)

    def decrypt(self, ciphername: str, ciphertext: bytes) -> bytes:
        """Return the plaintext.

        Raises:
            SettingsError: another key or cipher wrote it.
        """
        if ciphername != "aesgcm":
            raise SettingsError(f"A checkpoint was written with the cipher '{ciphername}'.", fix=_FIX)
        try:
            return self._aes.decrypt(ciphertext[:12], ciphertext[12:], None)
        except InvalidTag as error:
            raise SettingsError("A checkpoint cannot be read with this encryption key.", fix=_FIX) from error


class _Locked(JsonPlusSerializer):
    """Reads what is encrypted only to say that the key is missing."""

    def loads_typed(self, data: tuple[str, bytes]) -> object:
        if "+" in data[0]:
            raise SettingsError("A checkpoint is encrypted and no key is set.", fix=_FIX)
        return super().loads_typed(data)


def open_serializer(key: bytes | None, allowed_types: Iterable[type | tuple[str, str]] = ()) -> SerializerProtocol:
    """Return a serializer that builds only messages, plain values and the allowed types."""
    allowed = [kind if isinstance(kind, tuple) else (kind.__module__, kind.__name__) for kind in allowed_types]
    if key is None:
        return _Locked(allowed_msgpack_modules=allowed or None)
    return EncryptedSerializer(AesGcm(key), JsonPlusSerializer(allowed_msgpack_modules=allowed or None))
