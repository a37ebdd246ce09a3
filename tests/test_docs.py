"""The paper keeps up with the product: commands, links, make targets, configuration, decisions."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from tieout.cli.app import app
from tieout.cli.vendors import vendor_settings
from tieout.core.config import parse
from tieout.core.faults import POINTS
from tieout.reports.metrics import families

ROOT = Path(__file__).parents[1]
PAPER = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
ADRS = sorted((ROOT / "docs" / "adr").glob("*.md"))
SECTIONS = ["Status", "Date", "Context", "Decision", "Consequences", "Alternatives", "References"]
ONE_PAGE = 80
MUST_STAND = (
    "README.md", "README.zh-CN.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE",
    "docs/guide.md", "docs/operations.md", "docs/architecture.md", "docs/flow.svg",
)  # fmt: skip
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^\s*```(\w*)\n(.*?)^\s*```", re.M | re.S)


def commands(group: typer.main.Typer | None = None) -> dict[str, set[str]]:
    """Every subcommand as people type it, with its options."""
    found: dict[str, set[str]] = {}

    def walk(command: object, name: str) -> None:
        inner = getattr(command, "commands", None)
        runs = inner is None or getattr(command, "invoke_without_command", False)
        if name and runs:
            options = {text for one in command.params for text in one.opts}  # type: ignore[attr-defined]
            found[name] = options | {"--help"}
        for word, child in (inner or {}).items():
            walk(child, f"{name} {word}".strip())

    walk(typer.main.get_command(group or app), "")
    return found


def anchors(text: str) -> set[str]:
    """The anchors that headings get on the usual forges."""
    heads = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


def dead_links(path: Path, text: str) -> Iterator[str]:
    """Links of a page that lead to no file or no heading."""
    for target in LINK.findall(text):
        if "://" in target or target.startswith("mailto:"):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        if not file.exists():
            yield f"{path.name}: {target}"
        elif anchor and file.suffix == ".md" and anchor not in anchors(file.read_text(encoding="utf-8")):
            yield f"{path.name}: {target} (no such heading)"


def shown_calls(text: str) -> Iterator[str]:
    """Every `tieout …` a page shows: in code blocks, and in backticks."""
    for language, body in FENCE.findall(text):
        if language in ("sh", "bash"):
            for line in body.splitlines():
                call = re.match(r"\s*(?:\S*/)?tieout (.+?)\s*$", line)
                if call:
                    yield call.group(1)
    for call in re.findall(r"`tieout ([^`\n]+)`", FENCE.sub("", text)):
        yield call


def wrong_call(call: str, known: dict[str, set[str]]) -> str:
    """Why a shown call cannot be typed; empty if it can."""
    if call.strip() == "--version":
        return ""
    words = shlex.split(call, comments=True)
    name = max((one for one in known if words[: len(one.split())] == one.split()), key=len, default="")
    if not name:
        return f"tieout {call}: no such command"
    asked = {word.split("=")[0] for word in words if word.startswith("-")}
    unknown = asked - known[name]
    return f"tieout {call}: {name} has no {', '.join(sorted(unknown))}" if unknown else ""


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))


def test_the_paper_is_there() -> None:
    assert [name for name in MUST_STAND if not (ROOT / name).is_file()] == []


def test_every_command_is_in_the_guide_with_an_example() -> None:
    table = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8").split("## Every command")[1].split("\n## ")[0]
    shown = dict(re.findall(r"^\| `([a-z ]+)` \| `tieout ([^`]+)` \|", table, re.M))
    known = commands()
    assert sorted(shown) == sorted(known)
    assert [name for name, call in shown.items() if call.split()[: len(name.split())] != name.split()] == []


@pytest.mark.parametrize("path", PAPER, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_a_page_shows_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    known = commands()
    assert list(dead_links(path, text)) == []
    assert [why for call in shown_calls(text) if (why := wrong_call(call, known))] == []
    assert set(re.findall(r"`make ([a-z-]+)`|^make ([a-z-]+)", text, re.M)) <= {
        pair for target in make_targets() for pair in ((target, ""), ("", target))
    }
    assert [name for name in re.findall(r"`((?:before|after):[a-z.]+)`", text) if name not in POINTS] == []


@pytest.mark.parametrize("path", PAPER, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_files_that_a_page_names_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    named = re.findall(
        r"(?:`|\s)((?:tieout|sync|connectors|mapping|tests|docs)/[\w/.-]+\.(?:py|md|toml|yaml|svg))", text
    )
    assert [name for name in named if not (ROOT / name).exists() and "000N" not in name] == []


def test_numbered_decisions_have_no_gap() -> None:
    assert [path.name[:4] for path in ADRS] == [f"{number:04}" for number in range(1, len(ADRS) + 1)]
    assert len(ADRS) >= 19


@pytest.mark.parametrize("path", ADRS, ids=lambda path: path.stem)
def test_a_decision_is_whole_and_fits_one_page(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f"# {path.name[:4]} ")
    assert re.findall(r"^## (.+)$", text, re.M) == SECTIONS
    bodies = [part.split("\n", 1)[1].strip() for part in text.split("\n## ")[1:]]
    assert all(bodies)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", bodies[SECTIONS.index("Date")])
    assert len(text.splitlines()) <= ONE_PAGE
    assert path.name in (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", ADRS[:14], ids=lambda path: path.stem)
def test_a_decision_of_the_design_names_how_an_alternative_was_tried(path: Path) -> None:
    alternatives = path.read_text(encoding="utf-8").split("\n## Alternatives\n")[1].split("\n## ")[0]
    asked = re.findall(r"`python -m (tests\.[\w.]+) ?([^`]*)`", alternatives)
    assert asked, "an alternative is tried by a command that prints its figures; our own solution's test is none"
    for module, number in asked:
        file = ROOT / module.replace(".", "/")
        assert file.with_suffix(".py").is_file() or (file / "__main__.py").is_file()
        assert module != "tests.flow.alternatives" or number.split()[0] == path.name[:4]


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_the_readme_configuration_is_accepted(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    (shown,) = [body for language, body in FENCE.findall(text) if language == "toml"]
    example = tomllib.loads((ROOT / "tieout.example.toml").read_text(encoding="utf-8"))
    book = example["connections"]["kingdee"]
    rest = "\n[connections.kingdee]\n" + "".join(
        f'{key} = "{book[key]}"\n' for key in ("vendor", "base_url", "acct_id", "user", "app_id", "app_secret")
    )
    secrets = {value[4:]: "x" for value in re.findall(r'"(env:[A-Z_]+)"', shown + rest)}
    config = parse(shown + rest, ROOT / "tieout.toml", environ=secrets, vendor_settings=vendor_settings)
    assert config.connections["zoho"].push_mode == "plan"


def test_the_two_readmes_show_the_same_commands() -> None:
    def blocks(name: str) -> list[str]:
        text = (ROOT / name).read_text(encoding="utf-8")
        return [" ".join(body.split()) for language, body in FENCE.findall(text) if language == "sh"]

    assert blocks("README.md") == blocks("README.zh-CN.md")


def test_the_metrics_of_the_operations_page_exist() -> None:
    source = Path(str(families.__code__.co_filename)).read_text(encoding="utf-8")
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(tieout_[a-z_]+)", text))
    assert len(named) >= 8
    assert {name for name in named if f'"{name}"' not in source} == set()


def test_the_checks_see_what_they_look_for(tmp_path: Path) -> None:
    known = commands()
    assert wrong_call("sync --full", known) == ""
    assert wrong_call("push resume", known) == ""
    assert "no such command" in wrong_call("dance", known)
    assert "has no --tango" in wrong_call("sync --tango", known)
    page = tmp_path / "page.md"
    page.write_text("# One\n[a](#one) [b](gone.md) [c](#two) [d](https://example.com)")
    assert list(dead_links(page, page.read_text())) == ["page.md: gone.md", "page.md: #two (no such heading)"]
    assert list(shown_calls("`tieout plan`\n```sh\n.venv/bin/tieout sync --full\n```")) == ["sync --full", "plan"]


def test_pictures_are_shown_and_small() -> None:
    folder = ROOT / "docs" / "pictures"
    shown = {
        (path.parent / name).resolve()
        for path in PAPER
        for name in re.findall(r"!\[[^]]+\]\(([^)]+\.png)\)", path.read_text(encoding="utf-8"))
    }
    assert set(folder.iterdir()) == shown
    assert sum(file.stat().st_size for file in shown) < 1_500_000
