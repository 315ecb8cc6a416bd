"""One verb, one commit: proposed or pushed, once, on what the branch is at that moment; or nothing at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gates import example
from tests.verbs.conftest import FILE, SUB, Isp

SUSPEND = ("suspend", SUB, "--reason", "abuse", "--from", "2026-11-22")


def test_a_verb_proposes_a_branch_and_leaves_everything_else_as_it_is(isp: Isp) -> None:
    before = isp.text()
    done = isp.done(*SUSPEND, "--ticket", "T-900")
    assert done["status"] == "proposed"
    assert isp.text() == before
    assert isp.branches() == {"main", done["branch"]}
    assert isp.text(rev=done["branch"]) == before + "    suspended: {since: 2026-11-22, reason: abuse, ticket: T-900}\n"
    assert example.git(isp.clone, "status", "--porcelain") == ""
    assert done["plan"]["summary"]["cut_off"] == 1


def test_the_commit_says_who_what_and_why(isp: Isp) -> None:
    isp.done(*SUSPEND, "--direct", "--ticket", "T-900", "--key", "gw-1", "--author", "Bikash Shrestha <b@example.net>")
    assert isp.log(form="%an <%ae> / %cn%n%B")[:9] == [
        "Bikash Shrestha <b@example.net> / Asha Gurung",
        "suspend sub-000123/main: out of service from 2026-11-22",
        "",
        "Event: suspend",
        "Subscriber: sub-000123",
        "Reason: abuse",
        "Ticket: T-900",
        "Idempotency-Key: gw-1",
        "",
    ]


def test_direct_moves_the_branch_and_the_files_that_are_checked_out(isp: Isp) -> None:
    done = isp.done(*SUSPEND, "--direct")
    assert done["status"] == "committed"
    assert isp.log()[0].startswith("suspend sub-000123/main")
    assert example.git(isp.clone, "rev-parse", "HEAD").strip() == done["commit"]
    assert "suspended: {since: 2026-11-22" in (isp.clone / FILE).read_text("utf-8")
    assert example.git(isp.clone, "status", "--porcelain") == ""


def test_files_that_somebody_is_editing_stay_as_they_are(isp: Isp) -> None:
    edited = isp.clone / "tariffs" / "home-50.yaml"
    edited.write_text(edited.read_text("utf-8") + "# mine\n", "utf-8")
    said = isp(*SUSPEND, "--direct")
    assert (said.code, "Your own files are not at it yet: git pull" in said.out) == (0, True)
    assert edited.read_text("utf-8").endswith("# mine\n")
    assert isp.log()[0].startswith("suspend sub-000123/main")


def test_a_dry_run_shows_the_plan_and_writes_nothing(isp: Isp) -> None:
    objects = sorted(isp.clone.joinpath(".git").rglob("*"))
    said = isp(*SUSPEND, "--dry-run")
    assert said.code == 0
    assert "sub-000123/main: walled" in said.out
    assert said.out.endswith("Nothing was written (--dry-run).\n")
    assert (isp.branches(), len(isp.log())) == ({"main"}, 1)
    assert sorted(isp.clone.joinpath(".git").rglob("*")) == objects


def test_a_repository_without_a_remote_is_its_own(isp: Isp) -> None:
    example.git(isp.clone, "remote", "remove", "origin")
    done = isp.done(*SUSPEND)
    assert example.git(isp.clone, "rev-parse", done["branch"]).strip() == done["commit"]
    done = isp.done(*SUSPEND, "--direct")
    assert example.git(isp.clone, "rev-parse", "main").strip() == done["commit"]
    assert example.git(isp.clone, "status", "--porcelain") == ""


def test_a_bare_repository_takes_verbs_as_well(isp: Isp) -> None:
    said = isp.cli(*SUSPEND, "--direct", repo=isp.origin)
    assert said.code == 0, said.both
    assert isp.log()[0].startswith("suspend sub-000123/main")


def test_a_race_is_run_three_times_and_then_told(isp: Isp, monkeypatch: pytest.MonkeyPatch) -> None:
    from ispctl.repo.scratch import Scratch

    publish, times = Scratch.publish, []

    def late(self, commit, to, push):  # type: ignore[no-untyped-def]
        times.append(commit)
        isp.push("tariffs/home-50.yaml", isp.text("tariffs/home-50.yaml") + f"# {len(times)}\n")
        return publish(self, commit, to, push)

    monkeypatch.setattr(Scratch, "publish", late)
    said = isp(*SUSPEND, "--direct")
    assert (said.code, "E680 somebody-was-faster" in said.err, len(times)) == (1, True, 3)
    assert isp.log()[:3] == ["Somebody else"] * 3


def test_a_lost_race_is_won_the_second_time(isp: Isp, monkeypatch: pytest.MonkeyPatch) -> None:
    from ispctl.repo.scratch import Scratch

    publish, times = Scratch.publish, []

    def late(self, commit, to, push):  # type: ignore[no-untyped-def]
        times.append(commit)
        if len(times) == 1:
            isp.push(FILE, isp.text().replace("tariff: home-50", "tariff: home-100"))
        return publish(self, commit, to, push)

    monkeypatch.setattr(Scratch, "publish", late)
    isp.done(*SUSPEND, "--direct")
    assert isp.log()[:2] == ["suspend sub-000123/main: out of service from 2026-11-22", "Somebody else"]
    assert "tariff: home-100" in isp.text()
    assert "suspended:" in isp.text()


def test_what_is_proposed_twice_is_refused_by_name_and_with_a_key_it_is_done(isp: Isp) -> None:
    isp.done(*SUSPEND, "--branch", "ours")
    assert (
        "E681 already-proposed: there is a branch ours already"
        in isp(*SUSPEND, "--branch", "ours", "--ticket", "T").err
    )
    first = isp.done(*SUSPEND, "--key", "gw-1")
    isp.push("tariffs/home-50.yaml", isp.text("tariffs/home-50.yaml") + "# meanwhile\n")
    again = isp.done(*SUSPEND, "--key", "gw-1")
    assert (again["status"], again["branch"], again["commit"]) == ("already", first["branch"], None)


def test_a_branch_that_somebody_named_says_nothing_of_a_key(isp: Isp) -> None:
    """Another thing is proposed there: what was asked with this key is not done."""
    isp.done(*SUSPEND, "--branch", "ours", "--key", "gw-1")
    said = isp("renew", SUB, "--branch", "ours", "--key", "gw-2")
    assert (said.code, "E681 already-proposed: there is a branch ours already" in said.err) == (1, True), said.both


def test_what_the_forge_refuses_is_told_in_its_words(isp: Isp) -> None:
    isp.hook("pre-receive", "echo 'only merge requests here'; exit 1")
    said = isp(*SUSPEND, "--direct")
    assert said.code == 1
    assert "E682 push-refused: main was not taken" in said.err
    assert "only merge requests here" in said.err
    assert example.git(isp.clone, "status", "--porcelain") == ""


def test_gitlab_is_asked_for_a_merge_request(isp: Isp, tmp_path: Path) -> None:
    isp.hook(
        "pre-receive", f"env | grep GIT_PUSH_OPTION_ | sort > {tmp_path}/options; echo 'View: https://git.example/1'"
    )
    said = isp(*SUSPEND)
    assert "View: https://git.example/1" in said.err
    assert (tmp_path / "options").read_text("utf-8").splitlines()[:3] == [
        "GIT_PUSH_OPTION_0=merge_request.create",
        "GIT_PUSH_OPTION_1=merge_request.target=main",
        "GIT_PUSH_OPTION_2=merge_request.title=suspend sub-000123/main: out of service from 2026-11-22",
    ]


def test_a_forge_without_push_options_gets_the_branch(isp: Isp) -> None:
    example.git(isp.origin, "config", "receive.advertisePushOptions", "false")
    done = isp.done(*SUSPEND)
    assert done["branch"] in isp.branches()


def test_a_remote_that_is_away_changes_nothing(isp: Isp) -> None:
    isp.origin.rename(isp.origin.with_name("gone"))
    said = isp(*SUSPEND)
    assert (said.code, "E630 remote-silent" in said.err) == (1, True)


def test_an_edit_that_would_break_a_rule_is_not_committed(isp: Isp) -> None:
    isp.push("tariffs/home-50.yaml", "name: home-50\nrate: {down: fast, up: 1M}\n")
    said = isp(*SUSPEND)
    assert (said.code, "tariffs/home-50.yaml" in said.err) == (1, True)
    assert isp.branches() == {"main"}


def test_who_commits_has_to_be_known(isp: Isp, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    said = isp(*SUSPEND)
    if said.code:  # some systems make a name up from the host's
        assert "E656 cannot-commit" in said.err


@pytest.mark.parametrize(
    "words, told",
    [
        (("suspend", "nobody", "--reason", "x"), "E321 no-such-service"),
        (("suspend", "sub-000201", "--reason", "x"), "Take one of: sub-000201/cctv, sub-000201/main"),
        (("suspend", SUB), "E683 needs-a-reason"),
        (("suspend", SUB, "--reason", "x", "--from", "soon"), "expected a day, like 2026-12-01"),
        (("suspend", SUB, "--reason", "x" * 201), "at most 200 characters"),
        (("suspend", SUB, "--reason", "x", "--author", "Asha"), "expected a name and an address"),
        (("suspend", SUB, "--reason", "x", "--branch", "by..hand"), "E656"),
        (("suspend", SUB, "--reason", "x", "--into", "elsewhere"), "E631 no-such-branch"),
    ],
)
def test_a_slip_is_refused_before_anything_is_written(isp: Isp, words: tuple[str, ...], told: str) -> None:
    said = isp(*words)
    assert (said.code, told in said.err) == (1, True), said.err
    assert isp.branches() == {"main"}
