"""What was worked out about a name is remembered: at length by a run over a million, for a while by a service."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from functools import _lru_cache_wrapper

T = TypeVar("T")
_MOST = 65536  # of one function
_SERVICE = 20_000  # of all together: some 10 MB
_caches: list[_lru_cache_wrapper[object]] = []


def remembered(function: Callable[..., T]) -> _lru_cache_wrapper[T]:
    """The function with a memory of its latest answers, which `forget_some` can empty."""
    made = lru_cache(maxsize=_MOST)(function)
    _caches.append(made)
    return made


def forget_some() -> None:
    """Empty the memories when they have grown: a process that lives long stays small however many names it meets."""
    if sum(one.cache_info().currsize for one in _caches) > _SERVICE:
        for one in _caches:
            one.cache_clear()
