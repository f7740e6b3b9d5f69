"""Encrypts what is stored in checkpoints."""

from secrets import token_bytes

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from langgraph.checkpoint.serde.base import CipherProtocol

from twintrack.core.errors import SettingsError

FIX = "set TWINTRACK_CHECKPOINTS__ENCRYPTION_KEY to the key of 16, 24 or 32 bytes they were written with"


class AesGcm(CipherProtocol):
    """AES-GCM with a fresh nonce per value."""

    def __init__(self, key: bytes) -> None:
        if len(key) not in (16, 24, 32):
            raise SettingsError(f"The encryption key has {len(key)} bytes.", fix=FIX)
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
            raise SettingsError(f"A checkpoint was written with the cipher '{ciphername}'.", fix=FIX)
        try:
            return self._aes.decrypt(ciphertext[:12], ciphertext[12:], None)
        except InvalidTag as error:
            raise SettingsError("A checkpoint cannot be read with this encryption key.", fix=FIX) from error
