"""Keys that say when two names are one."""

from __future__ import annotations

import unicodedata


def name_key(text: str) -> str:
    """Return the key of a name: NFKC, casefold, trimmed, inner white space to one space.

    "Straße" and "STRASSE" have one key. Computed here and nowhere else: `toLower` in a
    database would answer differently.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    # Casefold can leave the composed form (e.g. U+0345), so normalise once more: the key is a fixed point.
    return " ".join(unicodedata.normalize("NFKC", folded).split())
