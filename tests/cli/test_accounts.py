"""An account that was rewritten is refused by whoever looks at it."""

from __future__ import annotations

from tests.cli.conftest import Cli

LEDGER = "subscribers/kathmandu/07/sub-000077.ledger.yaml"
HONEST, CHANGED = 'amount: "7345.00", reference: BANK-55121', 'amount: "7000.00", reference: BANK-55121'


def test_validation_refuses_what_was_changed_before_it_is_committed(cli: Cli) -> None:
    cli.edit(LEDGER, HONEST, CHANGED)
    said = cli("validate")
    assert said.code == 1
    assert f"{LEDGER}:5 E740 ledger-rewritten: something that was entered is not as it was" in said.out


def test_validation_refuses_a_commit_that_changed_what_its_parent_had(cli: Cli) -> None:
    cli.changed(LEDGER, HONEST, CHANGED)
    assert "E740" in cli("validate", "--commit", "HEAD").out
    assert cli("validate", "--commit", "HEAD~1").code == 0
    assert cli("validate").code == 0


def test_a_plan_against_a_base_refuses_it(cli: Cli) -> None:
    cli.changed(LEDGER, HONEST, CHANGED)
    said = cli("plan", "--base", "HEAD~1")
    assert (said.code, "E740" in said.both) == (1, True)


def test_an_apply_refuses_it_and_goes_on_once_it_is_as_it_was(applied: Cli) -> None:
    applied.changed(LEDGER, HONEST, CHANGED)
    said = applied("apply")
    assert (said.code, "E740" in said.both) == (1, True)
    applied.changed(LEDGER, CHANGED, HONEST)
    assert applied("apply").code == 0


def test_an_account_may_grow(cli: Cli) -> None:
    path = cli.repo / LEDGER
    line = '  - {key: pay-x, at: 2025-10-20, type: payment, amount: "1.00"}\n'
    path.write_text(path.read_text("utf-8") + line, "utf-8")
    assert cli("validate").code == 0
