"""Reads the accounts: `twitter_bots/accounts_numeric.csv`, public profile numbers and whether each is a bot."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from tidegate.models.account_risk.inputs import NAMES

FILE: Final = Path("twitter_bots") / "accounts_numeric.csv"
_COLUMNS: Final = {
    "followers": "followers_count",
    "following": "friends_count",
    "listed": "listedcount",
    "likes_given": "favourites_count",
    "verified": "verified",
    "posts": "statuses_count",
    "default_profile": "default_profile",
    "default_picture": "default_profile_image",
    "extended_profile": "has_extended_profile",
    "handle_length": "screen_name_len",
    "handle_digits": "screen_name_digits",
    "description_length": "description_len",
    "has_url": "has_url",
    "has_location": "has_location",
    "account_age_days": "account_age_days_at_2017_11_01",
}


@dataclass(frozen=True, slots=True)
class Accounts:
    """Accounts that are measured and trained on."""

    numbers: np.ndarray
    """[accounts, inputs], NaN where missing."""
    truth: np.ndarray
    """[accounts], true for a bot."""
    left_out: int
    """Rows whose inputs equal another row's."""


def read_accounts(data: Path) -> Accounts:
    """Returns the accounts without those whose inputs equal another's, so that no fold sees a copy of its test.

    An age below 0 (registered after the day that ages count from) is 0.
    """
    with (data / FILE).open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    numbers = np.array([[_number(row[_COLUMNS[name]]) for name in NAMES] for row in rows])
    truth = np.array([row["bot"] == "1" for row in rows])
    age = NAMES.index("account_age_days")
    numbers[:, age] = np.maximum(numbers[:, age], 0.0)
    _, place, copies = np.unique(np.nan_to_num(numbers, nan=-1.0), axis=0, return_inverse=True, return_counts=True)
    alone = copies[place.ravel()] == 1
    return Accounts(numbers[alone], truth[alone], int((~alone).sum()))


def _number(text: str) -> float:
    return float(text) if text else float("nan")
