"""A password that is only sealed again is nothing to anybody."""

from __future__ import annotations

from ispctl.plan import effects
from ispctl.structs import replace
from tests.report.sample import entitlement


def test_a_password_under_another_key_has_no_effect() -> None:
    was = replace(entitlement(), password="sha256:a", sealed_with="k1")
    assert effects(was, replace(was, password="sha256:b", sealed_with="k2")) == ()


def test_another_password_under_the_same_key_has_one() -> None:
    was = replace(entitlement(), password="sha256:a", sealed_with="k1")
    assert effects(was, replace(was, password="sha256:b")) == ("other",)
