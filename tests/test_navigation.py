"""The navigation beside a page: whole where it is short, near the page where it is long."""

from __future__ import annotations

from mkdocs.structure.nav import Link, Navigation, Section

from verify.site.mkdocs.navigation import MOST, NEAR, near


def section(title: str, count: int, active: int = -1) -> Section:
    links = [Link(f"{title} {number}", f"{title}/{number}/") for number in range(count)]
    made = Section(title, list(links))
    if active >= 0:
        links[active].active = True
        made.active = True
    return made


def titles(navigation: Navigation) -> list[list[str]]:
    return [[str(each.title) for each in part.children] for part in navigation.items]


def test_short_sections_are_whole_whether_or_not_they_are_open() -> None:
    short = near(Navigation([section("a", 3, active=1), section("b", MOST)], []))
    assert titles(short) == [[f"a {n}" for n in range(3)], [f"b {n}" for n in range(MOST)]]
    assert [part.active for part in short.items] == [True, False]


def test_of_many_entries_those_near_the_page_are_shown_with_a_link_to_all() -> None:
    shown, closed = titles(near(Navigation([section("a", 500, active=250), section("b", 500)], [])))
    assert shown == [*(f"a {n}" for n in range(250 - NEAR, 250 + NEAR + 1)), "All 500 in the list"]
    assert closed == [*(f"b {n}" for n in range(NEAR + 1)), "All 500 in the list"]


def test_what_is_shown_leaves_the_navigation_as_it_is() -> None:
    whole = Navigation([section("a", 500, active=0)], [])
    near(whole)
    assert len(whole.items[0].children) == 500
