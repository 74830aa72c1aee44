"""The exit codes of every command."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command's end means to the program that called it."""

    DONE = 0
    NO = 1  # the answer is no, or there is no such thing
    WRONG = 2  # usage or configuration: trying again changes nothing
    UNREACHABLE = 3  # a service does not answer: trying again may help
    BUG = 70  # an error of the program itself, as EX_SOFTWARE of sysexits.h
