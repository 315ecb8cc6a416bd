"""A page of HTML as PDF, by WeasyPrint. The same page gives the same octets where fonts and libraries are the same."""

from __future__ import annotations

import contextlib
import io
import warnings
from typing import Any, Final

from ispctl.digests import sha256
from ispctl.model.problem import Problem, Refusal, Where

PACKAGES: Final = "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core"
"""What it needs of Debian."""
_HERE: Final = "http://template.invalid/"


def pdf(page: str, template: str) -> bytes:
    """The octets of it. `template`: the file that the page was made by. What the page shows has to stand in it: nothing
    is fetched, neither from the network nor from this machine. fontTools takes a time from SOURCE_DATE_EPOCH in the
    environment, if it is asked. Raises Refusal E750, E751."""
    weasyprint, wanted = _weasyprint(), list[str]()

    class Within(weasyprint.URLFetcher):  # type: ignore[misc, name-defined]
        """Takes what stands in the page itself, and remembers what does not."""

        def fetch(self, url: str, headers: Any = None) -> Any:
            if not url.startswith("data:"):
                wanted.append(url.removeprefix(_HERE))
                raise ValueError
            return super().fetch(url, headers)

    octets: bytes = weasyprint.HTML(string=page, base_url=_HERE, url_fetcher=Within()).write_pdf(
        pdf_identifier=sha256(page.encode()).digest()[:16]
    )
    if wanted:
        text = f"the template does not fit: {wanted[0]} does not stand in the page"
        raise Refusal(Problem("E750", text, Where(template), "Put a picture into it as a data: URI"))
    return octets


def _weasyprint() -> Any:
    """The library, if all that it needs is there."""
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.filterwarnings("ignore", "HarfBuzz-Subset")  # then fontTools does it
            warnings.filterwarnings("error", "No fonts")
            import weasyprint
    except ImportError:
        text, advice = "the Python package weasyprint is missing", "Install it: pip install 'ispctl[pdf]'"
    except OSError:
        text, advice = "libraries of Pango are missing", f"Install them: apt install {PACKAGES}"
    except UserWarning:
        text, advice = "there are no fonts", f"Install some: apt install {PACKAGES}"
    else:
        return weasyprint
    raise Refusal(Problem("E751", f"no PDF can be made on this machine: {text}", advice=advice)) from None
