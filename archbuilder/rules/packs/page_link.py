"""The page of a rule pack, and a network as a link to it: file name and text stand in the address's fragment."""

from __future__ import annotations

import re

from archbuilder.version import __version__

FORM = 1  # of the fragment, as web/src/address.ts reads it
MOST = 64_000  # characters of a text in a link; browsers and messengers cut longer ones
ADDRESS = r"(https?|file)://[^\s\"'<>#]+"


def is_page(address: str) -> bool:
    """Whether a page may stand at this address."""
    return re.fullmatch(ADDRESS, address) is not None


def page_link(page: str, file: str, text: str) -> str:
    """Where a page has a text in its editor; the page alone where the text is too long for a link."""
    import zlib
    from base64 import urlsafe_b64encode
    from urllib.parse import urlencode

    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = deflate.compress(text.encode()) + deflate.flush()
    code = urlsafe_b64encode(packed).decode().rstrip("=")
    if len(code) > MOST:
        return page
    return f"{page}#{urlencode({'archbuilder': FORM, 'by': __version__, 'file': file, 'text': code})}"
