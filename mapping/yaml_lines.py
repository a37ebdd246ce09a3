"""YAML with line numbers: every value knows where it stood, so that an error can say `file:line`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import yaml

from tieout.core.errors import ConfigError

# libyaml's parser reads a profile some ten times faster; the nodes and their lines are the same.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# A name that stands for a part (`&a`, `*a`) may hold itself, or parts of parts: a few lines would then never end.
_DEPTH = 50
_VALUES = 50_000


class ProfileError(ConfigError):
    """A mapping profile cannot be used; the message names file, line and what is wrong."""

    code = "profile"

    def __init__(self, message: str, *, origin: str, line: int, hint: str = "") -> None:
        super().__init__(f"{origin}:{line}: {message}", hint=hint)
        self.origin = origin
        self.line = line


@dataclass(frozen=True, slots=True)
class Item:
    """One YAML value: text, whole number, truth value, nothing, a list of items or a mapping of items."""

    value: Any
    line: int
    origin: str

    def error(self, message: str, *, hint: str = "") -> ProfileError:
        return ProfileError(message, origin=self.origin, line=self.line, hint=hint)

    def text(self) -> str:
        if not isinstance(self.value, str) or not self.value:
            raise self.error(f"expected text, got {self.plain()!r}")
        return self.value

    def items(self) -> list[Item]:
        if not isinstance(self.value, list):
            raise self.error(f"expected a list, got {self.plain()!r}")
        return self.value

    def mapping(self) -> dict[str, Item]:
        if not isinstance(self.value, dict):
            raise self.error(f"expected a mapping, got {self.plain()!r}")
        return self.value

    def flag(self) -> bool:
        if not isinstance(self.value, bool):
            raise self.error(f"expected true or false, got {self.plain()!r}")
        return self.value

    def plain(self) -> Any:
        """The value without line numbers."""
        if isinstance(self.value, dict):
            return {key: item.plain() for key, item in self.value.items()}
        if isinstance(self.value, list):
            return [item.plain() for item in self.value]
        return self.value


def parse(text: str, origin: str) -> Item:
    """The document with lines; only text, whole numbers, true/false and null are scalars (`no` stays text)."""
    try:
        node = yaml.compose(text, Loader=_LOADER)
    except RecursionError:
        raise ProfileError("nested too deeply", origin=origin, line=1) from None
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        raise ProfileError("half a character (a lone surrogate)", origin=origin, line=line) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 1
        problem = getattr(error, "problem", None) or "not valid YAML"
        raise ProfileError(f"not valid YAML: {problem}", origin=origin, line=line) from None
    if node is None:
        raise ProfileError("the file is empty", origin=origin, line=1)
    return _item(node, origin, 0, count(1))


def _item(node: yaml.Node, origin: str, depth: int, number: Iterator[int]) -> Item:
    line = node.start_mark.line + 1
    if depth > _DEPTH:
        raise ProfileError("nested too deeply", origin=origin, line=line)
    if next(number) > _VALUES:
        raise ProfileError(f"more than {_VALUES} values", origin=origin, line=line)
    if isinstance(node, yaml.MappingNode):
        out: dict[str, Item] = {}
        for key_node, value_node in node.value:
            key_line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise ProfileError("a key must be text", origin=origin, line=key_line)
            if key_node.value in out:
                raise ProfileError(f"key {key_node.value!r} stands twice", origin=origin, line=key_line)
            made = _item(value_node, origin, depth + 1, number)
            out[key_node.value] = Item(made.value, key_line, origin)
        return Item(out, line, origin)
    if isinstance(node, yaml.SequenceNode):
        return Item([_item(child, origin, depth + 1, number) for child in node.value], line, origin)
    assert isinstance(node, yaml.ScalarNode)
    return Item(_scalar(node), line, origin)


def _scalar(node: yaml.ScalarNode) -> Any:
    if not node.style:  # plain, not quoted: None, or "" of libyaml
        if node.value in ("true", "false"):
            return node.value == "true"
        if node.value in ("null", "~", ""):
            return None
        if node.tag == "tag:yaml.org,2002:int" and node.value.lstrip("-").isdigit():
            return int(node.value)
    return node.value
