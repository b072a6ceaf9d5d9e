"""Claims must be able to fail, exercises must say what is wrong."""

import math

import pytest
import torch

from course_lib.claims import claim, claims_table
from course_lib.exercises import exercise


def test_claim_prints_only_its_text_and_enters_the_table(capsys):
    claim("two is near two", torch.tensor(2.01), 1.9, 2.1)
    claim("a | stays in its cell", 1, at_least=0)
    assert capsys.readouterr().out == "ok  two is near two\nok  a | stays in its cell\n"
    table = claims_table().data
    assert "| two is near two | 2.01 | 1.9 to 2.1 |" in table and "a \\| stays" in table and "at least 0" in table


@pytest.mark.parametrize(
    ("value", "bounds"), [(3, {"at_most": 2}), (1, {"at_least": 2}), (math.nan, {"at_most": 2}), (0, {"low": 1, "high": 2})]
)
def test_claim_fails_with_value_and_band(value, bounds):
    with pytest.raises(AssertionError, match="it holds: .* is not"):
        claim("it holds", value, **bounds)


def test_claim_without_a_bound_is_refused():
    for bounds in ({}, {"low": -math.inf, "high": math.inf}, {"at_most": math.nan}):
        with pytest.raises(ValueError, match="no bound"):
            claim("anything goes", 1, **bounds)
    with pytest.raises(ValueError, match="two bounds on one side"):
        claim("which one", 1, 0, 2, at_most=0.5)


@exercise("9.9")
def check(attempt):
    return None if attempt(2) == 4 else "the square of 2 is 4"


def stub(x):
    raise NotImplementedError("your code here")


@pytest.mark.parametrize(
    ("attempt", "said"),
    [
        (lambda x: x * x, "ok  exercise 9.9\n"),
        (lambda x: x + 1, "exercise 9.9: the square of 2 is 4\n"),
        (stub, "exercise 9.9: not attempted yet\n"),
        (lambda x: x / 0, "exercise 9.9: your code stopped with ZeroDivisionError: division by zero\n"),
    ],
)
def test_check_says_what_is_wrong(attempt, said, capsys):
    check(attempt)
    assert capsys.readouterr().out == said


def test_check_asks_for_a_missing_return(capsys):
    exercise("9.8")(lambda attempt: None if attempt(2) - 4 == 0 else "wrong")(lambda x: None)
    assert capsys.readouterr().out.endswith("'NoneType' and 'int' (does your function return its result?)\n")
