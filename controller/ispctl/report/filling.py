"""Templates of the ISP for what people read: Jinja2 in a sandbox, filled in with nothing but what is given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ispctl.model.problem import Problem, Refusal, Where


def filled(source: str, values: Mapping[str, Any], path: str, advice: str, *, html: bool = False) -> str:
    """A template, filled in. `path`: of its file. `html`: values never become markup. Raises Refusal E750 for one that
    does not fit; what it was filled with is not repeated."""
    from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError
    from jinja2.sandbox import SandboxedEnvironment

    environment = SandboxedEnvironment(undefined=StrictUndefined, autoescape=html, keep_trailing_newline=True)
    try:
        return environment.from_string(source).render(values)
    except TemplateSyntaxError as error:
        where, why = Where(path, error.lineno), error.message or "it is no template"
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        where, why = Where(path), str(error) or type(error).__name__
    raise Refusal(Problem("E750", f"the template does not fit: {why}", where, advice))
