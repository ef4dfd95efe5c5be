"""What the README and the page on writing networks show is what happens."""

import re
from pathlib import Path

from archbuilder.cli import GROUPS, main
from archbuilder.pipeline import check

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
WRITING = (ROOT / "docs" / "writing.md").read_text()


def blocks(language: str, page: str = README) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


def test_it_is_read_in_two_minutes():
    assert len(README.splitlines()) <= 150


def test_first_example_is_the_file_and_its_output(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert blocks("yaml")[0] == (ROOT / "examples" / "six_lines.yaml").read_text()
    assert len(blocks("yaml")[0].splitlines()) == 6
    assert main(["check", "examples/six_lines.yaml"]) == 1
    assert blocks("console")[1] == "$ archbuilder check examples/six_lines.yaml\n" + capsys.readouterr().out


def test_the_remedy_in_the_text_is_one():
    text = blocks("yaml")[0].replace("{conv: 64}", "{dilated: {out: 64, dilation: 4}}")
    report = check(text)
    assert report.ok
    assert f"the field is {report.facts.field.size[0]}." in README


def test_language_example_checks_clean():
    assert check(blocks("yaml", WRITING)[0]).diagnostics == ()


def test_every_block_is_in_the_table():
    from archbuilder.blocks import names

    table = WRITING[WRITING.index("| block |") : WRITING.index("Convs default")]
    assert not [name for name in names() if f"`{name}`" not in table]


def test_every_command_is_in_the_table():
    table = README[README.index("| you want to |") : README.index("All of it is a site")]
    assert [word for words in GROUPS.values() for word in words if not re.search(rf"`{word}\b", table)] == []


def test_there_are_exactly_two_set_up_commands():
    assert len(blocks("bash")) == 2


def test_nothing_is_installed_by_a_name_that_belongs_to_another_project():
    """A package index has another project of this name: the documentation installs from a checkout, or from a URL."""
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    by_name = re.compile(r"pip install[^\n`&]*\barchbuilder\b(?! @)")
    assert [page.name for page in pages if by_name.search(page.read_text())] == []
