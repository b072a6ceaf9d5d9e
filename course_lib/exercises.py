"""Exercises that check themselves."""

import functools
from collections.abc import Callable


def exercise(number: str) -> Callable[[Callable], Callable[..., None]]:
    """Turns a function that returns what is wrong (a string), or None when all is right, into a check that speaks to the reader.

    The check prints `exercise 2.1: not attempted yet` for a stub, `exercise 2.1: what is wrong`, or `ok  exercise 2.1`.
    """

    def decorate(find_fault: Callable[..., str | None]) -> Callable[..., None]:
        @functools.wraps(find_fault)
        def check(*attempt) -> None:
            try:
                fault = find_fault(*attempt)
            except NotImplementedError:
                fault = "not attempted yet"
            except Exception as error:
                fault = f"your code stopped with {type(error).__name__}: {error}"
                if "NoneType" in fault:
                    fault += " (does your function return its result?)"
            print(f"exercise {number}: {fault}" if fault else f"ok  exercise {number}")

        return check

    return decorate
