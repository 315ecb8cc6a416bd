"""The fleet of a commit."""

import random
from pathlib import Path

from ispctl.repo import Repository
from tests.index.isp import Isp


def test_commits_that_share_the_files_of_the_fleet_share_what_was_made_of_them(tmp_path: Path) -> None:
    isp = Isp(tmp_path / "isp.git", random.Random(7))
    first = isp.commits[-1]
    isp.people["s-003"].tariff = "home-20"
    second = isp.commit()
    isp.shared["inventory/hosts.yaml"] = isp.shared["inventory/hosts.yaml"].replace("bng-b", "bng-c")
    third = isp.commit()
    with Repository.open(isp.folder) as repository:
        fleet = [repository.part(commit, ()).inventory for commit in (first, second, third, first)]
        assert fleet[0] is fleet[1]
        assert [sorted(one.nas) for one in fleet] == [
            *[["bng-a", "bng-b"]] * 2,
            ["bng-a", "bng-c"],
            ["bng-a", "bng-b"],
        ]
