"""What `claimx config show` and the lines of errors show of a value, and what they never show."""

from __future__ import annotations

import pytest

from claimx_lib.config.load import effective
from claimx_lib.config.problems import HIDDEN, shown

SENTINEL = "s3cr3t-s3ntin3l"


@pytest.mark.parametrize(
    "address",
    [
        f"https://me:{SENTINEL}@gateway.example/" + "a" * 200,
        f"https://{'u' * 100}:{SENTINEL}@gateway.example/",
        f"https://me:p@{SENTINEL}@gateway.example/",
        f"https://me:p/{SENTINEL}@gateway.example/",
        f"jdbc:x://a/?u=1 https://me:{SENTINEL}@gateway.example/",
    ],
    ids=["long path", "long user", "an @ in it", "a slash in it", "second of two"],
)
def test_credentials_are_hidden_in_a_value_of_any_length(address: str) -> None:
    """The rest of a long value is shown whole, and as it is."""
    (one,) = [
        one for one in effective(sets=[f"spark.conf={{spark.x: '{address}'}}"], environ={}) if "conf.s" in one.path
    ]
    assert SENTINEL not in one.value
    assert one.value.endswith(address.rpartition("@")[2])
    assert SENTINEL not in shown("spark.conf.spark.x", address)


@pytest.mark.parametrize(
    "name",
    [
        "fs.azure.account.key.acct.dfs.core.windows.net",
        "spark.hadoop.fs.azure.account.key.acct.dfs.core.windows.net",
        "fs.azure.sas.box.acct.blob.core.windows.net",
        "fs.s3a.access.key",
    ],
)
def test_a_stores_key_is_hidden(name: str) -> None:
    """The key of an account is a secret wherever its name has the account behind it, in listings and in problems."""
    listed = effective(sets=[f"spark.conf={{{name}: {SENTINEL}}}"], environ={})
    assert SENTINEL not in repr(listed)
    assert shown(f"spark.conf.{name}", SENTINEL) == HIDDEN


def test_secrets_inside_lists_are_hidden() -> None:
    """A task's data may hold a token, and an address credentials."""
    task = f"{{name: a, task_type: T, task_data: {{apiToken: {SENTINEL}, link: 'https://me:{SENTINEL}@host/', n: 7}}}}"
    listed = {one.path: one.value for one in effective(sets=[f"jobs.task_creation.tasks.E=[{task}]"], environ={})}
    assert listed["jobs.task_creation.tasks.E"][0]["task_data"] == {
        "apiToken": HIDDEN,
        "link": "https://***@host/",
        "n": 7,
    }


def test_quotes_of_a_value_are_its_own() -> None:
    """A value is shown as it was given, credentials or not."""
    (one,) = [o for o in effective(sets=["spark.conf={spark.x: \"'//u:p@h'\"}"], environ={}) if "conf.s" in o.path]
    assert one.value == "'//***@h'"
