"""Values that try to be markup, HTML, a mention, a quick action, a new line or a control sequence."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ispctl.desired import Because
from ispctl.model.problem import Where
from ispctl.plan import Change, Plan, Unread
from ispctl.report import plan_markdown, plan_text
from ispctl.report._markdown import code, inline
from ispctl.report.gist import gather
from ispctl.states import State
from ispctl.structs import replace
from tests.report.sample import in_state, pair, plan

NASTY = (
    "| x | y |", "`code`", "``` fence", "<script>alert(1)</script>", "</details>", "<!-- ", "@all", "@root.admin/team",
    "/close", "\n/close\n", "\r\n/merge", "# heading", "[a](https://example.org)", "![i](//example.org/i.png)",
    "*b* _i_ ~~s~~", "#1 !2 ~bug %m1 $3 &4 :tada: :100:", "www.example.org", "https://example.org/?q=1", "\\| \\`",
    "&#124;",
    "&lt;b&gt;", "\x1b[2J\x1b[31m", "\u202egnp", "\u200b", "\u2028/close", "| `a|b` |", "<br>", "$$x$$", "[[_TOC_]]",
    "---",
)  # fmt: skip
OURS = re.compile(r"<br>|</?details>|</?summary>|\*\*")
CODE = re.compile(r"`[^`|\n]+`|<code>(?:[A-Za-z0-9 ]|&#\d+;)*</code>")


def hostile(text: str) -> Plan:
    """A plan in which every text that comes from outside is this one."""
    lost = in_state(State.SUSPENDED, ipv4=text, nas=(text,), routes=(text,), terms=in_state(State.ACTIVE).terms)
    lost = replace(lost, because={"state": Because("x", text, Where(text, 3)), "nas": Because("x", text)})
    was = in_state(State.ACTIVE)
    change = Change("radius", ("group", text), {"reply": ((text, "=", text),), text: 1}, {"reply": (), text: text})
    missing = Unread(text, "E319", text)
    return plan([pair(was, lost)], [change], assumes=(text,), unread=(missing,), commit=text, base=text)


def said(text: str) -> tuple[str, str]:
    found = gather(hostile(text))
    return plan_markdown.render(found), plan_text.render(found)


def outside_code(note: str) -> str:
    return OURS.sub("", CODE.sub("", note))


def assert_tame(note: str) -> None:
    """Every line is one of ours, and outside of code nothing means anything."""
    bare = outside_code(note)
    assert not re.search(r"[`<>&@\[\]*_~$\\!%^{}]|:(?! |$|\d|:)", bare, re.MULTILINE)
    assert not re.search(r"(?<!^)(?<!#)#", bare.replace("### ", ""), re.MULTILINE)
    assert not re.search(r"^\s*/|www\.|://|^#(?!## ispctl)", bare, re.MULTILINE)
    tables = [line for line in note.splitlines() if line.startswith("|")]
    assert {CODE.sub("", line).count("|") for line in tables} <= {5, 6}
    assert len([line for line in note.splitlines() if line.startswith("</details>")]) == 1


def assert_harmless_on_a_terminal(text: str) -> None:
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069]", text)
    assert not re.search(r"^/", text, re.MULTILINE)


@pytest.mark.parametrize("text", NASTY)
def test_a_hostile_value_is_nothing_but_text(text: str) -> None:
    note, plain = said(text)
    assert_tame(note)
    assert_harmless_on_a_terminal(plain)


@given(st.lists(st.sampled_from(NASTY) | st.text(max_size=4), min_size=1, max_size=5).map("".join))
def test_no_mixture_of_them_is_more(text: str) -> None:
    note, plain = said(text.encode("utf-8", "ignore").decode())
    assert_tame(note)
    assert_harmless_on_a_terminal(plain)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("suspended: abuse", "suspended: abuse"),
        ("POP outage (T-881), 18:00", "POP outage (T-881), 18:00"),
        ("grâce à la poste", "grâce à la poste"),
        ("@all", "`@all`"),
        ("a|b", "<code>a&#124;b</code>"),
        ("`", "<code>&#96;</code>"),
        ("a\nb", "a b"),
        ("", ""),
    ],
)
def test_a_value_is_code_only_where_it_must_be(text: str, shown: str) -> None:
    assert inline(text) == shown


def test_code_is_whole_inside_a_table() -> None:
    assert code("plain.yaml:12") == "`plain.yaml:12`"
    assert "|" not in code("a|b")
