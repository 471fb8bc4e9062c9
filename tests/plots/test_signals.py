"""Figures of signals: what is drawn where there are too many to read."""

from __future__ import annotations

from foxgrape import new_study, open_study
from foxgrape.plots.signals import timeline


def test_of_many_signals_the_latest_are_drawn_and_the_title_says_so(tmp_path):
    posts = "id,date,username,text\n" + "".join(
        f"{n},2022-08-{1 + n % 28:02}T09:{n % 60:02}:01Z,river,🍇\n" for n in range(600)
    )
    (tmp_path / "p.csv").write_text(posts, encoding="utf-8")
    (tmp_path / "e.csv").write_text("id,place,date\n1,Ізюм,2022-09-10\n", encoding="utf-8")
    new_study(tmp_path / "s", posts=tmp_path / "p.csv", events=tmp_path / "e.csv", timezone="UTC")
    figure = timeline(open_study(tmp_path / "s").analyse())
    assert "(the latest 40 of n = 600)" in figure.layout.title.text
    assert len(figure.layout.annotations) == len(figure.layout.yaxis.categoryarray) == 40
    assert "of 600" in figure.layout.meta["alt"]
    assert figure.layout.height < 2_000


def test_of_few_signals_all_are_drawn():
    figure = timeline(open_study().analyse())
    assert "(n = 5)" in figure.layout.title.text
    assert len(figure.layout.annotations) == 5
