"""Rules of alerts: each fires once a change, says why, and is delivered through the outbox."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from fake_http_server import Reply, serving
from fake_reports import FakeRun, make_template
from foxgrape import Store
from foxgrape.cli.app import run
from foxgrape.reports.schedule import alerts
from foxgrape.reports.schedule.config import find_problems, read_schedule
from foxgrape.reports.schedule.due import run_due
from foxgrape.reports.schedule.status import preview_due

NOON = datetime(2022, 9, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)
IZIUM = "geonames:707292"

#: Per day of September: the figures, and the (post, place, account) of each signal.
DAYS = {
    "10": ({"signals": "1", "More than chance?": "Too few to test"}, [(1, IZIUM, "a")]),
    "11": (
        {"signals": "2", "More than chance?": "More than chance"},
        [(1, IZIUM, "a"), (2, IZIUM, "b")],
    ),
    "12": (
        {"signals": "1,012", "More than chance?": "More than chance"},
        [(1, IZIUM, "a"), (2, IZIUM, "b"), (3, "geonames:1", "a")],
    ),
    "13": (
        {"signals": "2", "More than chance?": "Consistent with chance"},
        [(2, IZIUM, "b"), (3, "geonames:1", "a")],
    ),
    "14": (
        {"signals": "2", "More than chance?": "More than chance"},
        [(1, IZIUM, "a"), (4, IZIUM, "a")],
    ),
}


def build_day(template, *, parameters, out):  # noqa: ARG001 - as run_report
    day = parameters["end"][8:10]
    figures, signals = DAYS[day]
    folder = out / f"run-{day}"
    folder.mkdir(exist_ok=True)
    table = pd.DataFrame(
        {
            "signal_id": [f"{account}/{post}:{place}" for post, place, account in signals],
            "place_id": [place for _, place, _ in signals],
            "account": [account for _, _, account in signals],
            "code": "🍇",
            "place": "Izium",
            "posted_at": pd.Timestamp("2022-09-10T00:00Z"),
        }
    )
    links = table[["signal_id"]].assign(
        event_id=None,
        relation="unconfirmed",
        lead_min=pd.Timedelta(0),
        lead_max=pd.NaT,
        hindsight=False,
    )
    table.to_parquet(folder / "signals.parquet")
    links.to_parquet(folder / "links.parquet")
    data = {"heads": ["", "now"], "rows": [list(row) for row in figures.items()]}
    outputs = [{"data": {"application/vnd.foxgrape.figures+json": data}}]
    notebook = {"cells": [{"outputs": outputs}]}
    (folder / "notebook.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    manifest = json.dumps({"run_id": folder.name, "status": "done", "title": "x"})
    (folder / "manifest.json").write_text(manifest, encoding="utf-8")
    return FakeRun(folder.name)


def fail(*_, **__):
    raise RuntimeError("broken")


@pytest.fixture
def schedule(tmp_path):
    template, out = make_template(tmp_path), tmp_path / "out"
    out.mkdir()

    def write(rule):
        file = tmp_path / "schedule.toml"
        text = f"""
timezone = "UTC"
[[report]]
name = "daily"
template = "{template}"
cron = "0 7 * * *"
period = {{ end = "end" }}
start = 2022-09-10
[notify.desk]
kind = "webhook"
url_env = "DESK"
[alert.watch]
notify = ["desk"]
{rule}
"""
        file.write_text(text, encoding="utf-8")
        return file, out

    return write


def alerts_by_day(schedule, rule, *, days=5, build=build_day, shift=timedelta(0)):
    """Return the reasons of the alerts that each day's calls send; each day is called twice."""
    file, out = schedule(rule)
    sent = {}
    with serving(lambda _: Reply()) as server:
        for number in range(days):
            before = len(server.requests)
            for _ in range(2):
                run_due(
                    read_schedule(file),
                    now=NOON + number * DAY + shift,
                    out=out,
                    run=build,
                    environ={"DESK": f"{server.address}/hook"},
                )
            bodies = [json.loads(request.body) for request in server.requests[before:]]
            for body in bodies:
                assert body["kind"] == "alert"
                assert body["text"] == f"Alert: {body['headline']}\nRule watch: {body['rule']}."
                assert body["headline"].casefold() == f"{body['why']}.".casefold()
            sent[10 + number] = [body["why"] for body in bodies]
    return {day: reasons for day, reasons in sent.items() if reasons}


def test_a_new_signal_fires_once_and_not_for_those_of_the_first_run(schedule):
    rule = f'when = "new signal"\nreport = "daily"\nplace = "{IZIUM}"'
    reasons = alerts_by_day(schedule, rule)
    # Day 12 has only a signal of another place; on day 14 signal 1 is back, which is not new.
    assert list(reasons) == [11, 14]
    assert reasons[11] == [
        "new in the report daily: 🍇 Izium by b, 10 Sep 2022, 00:00 (times in UTC)"
    ]
    assert len(reasons[14]) == 1


@pytest.mark.parametrize("name", ["Izium", "Ізюм", IZIUM])
def test_a_place_is_named_as_in_parameters_and_named_in_the_alert(schedule, name):
    file, out = schedule(f'when = "new signal"\nreport = "daily"\nplace = "{name}"')
    with serving(lambda _: Reply()) as server:
        environ = {"DESK": f"{server.address}/hook"}
        for days in range(2):
            now = NOON + days * DAY
            run_due(read_schedule(file), now=now, out=out, run=build_day, environ=environ)
        (body,) = (json.loads(request.body) for request in server.requests)
    assert body["rule"] == "the report daily has a new signal for Izium"
    assert "geonames" not in body["text"]


@pytest.mark.parametrize(
    ("name", "hint"), [("Нісенітниця", "no place"), ("Lyman", "places have this name")]
)
def test_a_place_that_no_or_several_places_can_be_is_an_error(
    schedule, capfd, monkeypatch, name, hint
):
    monkeypatch.setenv("DESK", "http://127.0.0.1:9/")
    file, out = schedule(f'when = "new signal"\nreport = "daily"\nplace = "{name}"')
    call = ["--schedule", str(file), "--out", str(out), "--now", NOON.isoformat()]
    for command in (["schedule", "check"], ["report", "due", "--dry-run"]):
        assert run([*command, *call]) == 1
        error = capfd.readouterr().err
        assert "alert watch: place must be an id, or a name that only one place has" in error
        assert hint in error
        assert "foxgrape find" in error
    result = run_due(read_schedule(file), now=NOON, out=out, run=build_day, environ={})
    assert len(result.problems) == 1


def test_an_account_without_posts_and_an_unlisted_id_are_notes(schedule, capfd, monkeypatch):
    monkeypatch.setenv("DESK", "http://127.0.0.1:9/")
    rule = 'when = "new signal"\nreport = "daily"\naccount = "stranger"\nplace = "geonames:1"'
    file, out = schedule(rule)
    call = ["--schedule", str(file), "--out", str(out), "--now", NOON.isoformat()]
    for command in (["schedule", "check"], ["report", "due", "--dry-run"]):
        assert run([*command, *call]) == 0
        error = capfd.readouterr().err
        assert "alert watch: no post so far is by 'stranger'" in error
        assert "alert watch: the gazetteer has no place geonames:1" in error


def test_a_new_signal_of_an_account(schedule):
    rule = 'when = "new signal"\nreport = "daily"\naccount = "b"'
    assert list(alerts_by_day(schedule, rule)) == [11]


def test_a_claim_fires_when_it_begins(schedule):
    reasons = alerts_by_day(schedule, 'when = "claim"\nreport = "daily"')
    assert reasons == {day: ["the report daily claims: More than chance"] for day in (11, 14)}


def test_a_figure_fires_when_it_first_is_above_its_threshold(schedule):
    rule = 'when = "figure"\nreport = "daily"\nfigure = "Signals"\n'
    assert list(alerts_by_day(schedule, rule + "above = 1")) == [11]


def test_a_threshold_is_compared_with_a_grouped_number(schedule):
    rule = 'when = "figure"\nreport = "daily"\nfigure = "Signals"\nabove = 1000'
    reasons = alerts_by_day(schedule, rule)
    assert reasons == {12: ['the figure "Signals" of the report daily is 1,012, above 1000']}


def test_a_run_that_was_built_while_the_clock_was_ahead_is_not_examined(schedule):
    file, out = schedule('when = "figure"\nreport = "daily"\nfigure = "Signals"\nabove = 1')
    with serving(lambda _: Reply()) as server:
        for days in (33, 0, 1):  # on 13 October the clock is set to 10 September
            run_due(
                read_schedule(file),
                now=NOON + days * DAY,
                out=out,
                run=build_day,
                environ={"DESK": f"{server.address}/hook"},
            )
        days = [json.loads(request.body)["at"][:10] for request in server.requests]
    assert days == ["2022-10-13", "2022-09-11"]


def test_below_a_threshold(schedule):
    rule = 'when = "figure"\nreport = "daily"\nfigure = "signals"\nbelow = 2'
    assert list(alerts_by_day(schedule, rule)) == [10]


def test_an_overdue_report_fires_once_for_each_period(schedule):
    rule = 'when = "overdue"\nreport = "daily"\nafter = "6h"'
    assert alerts_by_day(schedule, rule, build=fail, days=1) == {}  # five hours
    reasons = alerts_by_day(schedule, rule, build=fail, days=3, shift=timedelta(hours=2))
    late = "the report daily, due at {} Sep 2022, 07:00, UTC, has not been built{}"
    assert reasons == {
        10: [late.format(10, "")],
        11: [late.format(11, ", nor has the one before it")],
        12: [late.format(12, ", nor have the 2 before it")],
    }


def test_a_period_that_was_given_up_does_not_silence_later_ones(schedule):
    def build(template, *, parameters, out):
        if parameters["end"][8:10] in {"10", "12"}:
            fail()
        return build_day(template, parameters=parameters, out=out)

    rule = 'when = "overdue"\nreport = "daily"\nafter = "1h"'
    reasons = alerts_by_day(schedule, rule, build=build, days=4)
    assert list(reasons) == [10, 12]
    assert "due at 12 Sep 2022, 07:00, UTC, has not been built" in reasons[12][0]
    assert "nor" not in reasons[12][0]


def test_an_earlier_period_is_not_overdue_once_a_later_one_is_built(schedule):
    file, out = schedule('when = "overdue"\nreport = "daily"\nafter = "1d"')

    def build(template, *, parameters, out):
        if parameters["end"][8:10] == "10":
            fail()
        return build_day(template, parameters=parameters, out=out)

    environ = {"DESK": "http://127.0.0.1:9/"}
    for now in (NOON, NOON + DAY):
        result = run_due(read_schedule(file), now=now, out=out, run=build, environ=environ)
        assert (result.sent, result.waiting) == (0, 0)


@pytest.mark.parametrize("has_page", [False, True])
def test_an_alert_has_a_link_to_the_latest_page_if_there_is_one(schedule, has_page):
    file, out = schedule('when = "overdue"\nreport = "daily"\nafter = "1h"')
    text = f'base_url = "https://r.example"\n{file.read_text(encoding="utf-8")}'
    file.write_text(text, encoding="utf-8")
    if has_page:
        (out / "latest").mkdir()
        (out / "latest" / "daily.html").touch()
    with serving(lambda _: Reply()) as server:
        environ = {"DESK": f"{server.address}/hook"}
        run_due(read_schedule(file), now=NOON, out=out, run=fail, environ=environ)
    (body,) = (json.loads(request.body) for request in server.requests)
    assert body["link"] == ("https://r.example/latest/daily.html" if has_page else None)


def test_data_that_stopped_coming_fires_once(schedule, tmp_path):
    store = Store(tmp_path / "store")
    posts = {"post_id": ["1"], "account": "a", "text": "x"}
    posts["posted_at"] = [pd.Timestamp("2022-09-10T00:00Z")]
    store.upsert("posts", pd.DataFrame(posts))
    rule = f'when = "no data"\nstore = "{tmp_path}/store"\ntable = "posts"\nafter = "2d"'
    reasons = alerts_by_day(schedule, rule)
    assert list(reasons) == [12]
    assert reasons[12] == [
        (
            f"no posts since 10 Sep 2022, 12:00, UTC are in the store {tmp_path}/store; "
            "the last is of 10 Sep 2022, 00:00, UTC"
        )
    ]


def test_a_time_in_an_alert_is_in_the_zone_of_the_schedule(schedule, tmp_path):
    store = Store(tmp_path / "store")
    posts = {"post_id": ["1"], "account": "a", "text": "x"}
    posts["posted_at"] = [pd.Timestamp("2022-09-01T00:00Z")]
    store.upsert("posts", pd.DataFrame(posts))
    rule = f'when = "no data"\nstore = "{tmp_path}/store"\ntable = "posts"\nafter = "2d"'
    file, out = schedule(rule)
    text = file.read_text(encoding="utf-8").replace('timezone = "UTC"', 'timezone = "Europe/Kyiv"')
    file.write_text(text, encoding="utf-8")
    lines = preview_due(read_schedule(file), now=NOON, out=out)
    assert "no posts since 8 Sep 2022, 15:00, Europe/Kyiv are in the store" in lines[-1]
    assert lines[-1].endswith("; the last is of 1 Sep 2022, 03:00, Europe/Kyiv")
    # The call would read new data first.
    entry = f'store = "{tmp_path}/store"\ningest = ["channel"]\n[notify.desk]'
    source = '[ingest.channel]\ntable = "posts"\nfiles = ["x.csv"]\n[alert.watch]'
    text = text.replace("[notify.desk]", entry).replace("[alert.watch]", source)
    file.write_text(text, encoding="utf-8")
    lines = preview_due(read_schedule(file), now=NOON, out=out)
    assert lines[-1].endswith(" (before new data are read, which may change it)")


def test_a_figure_that_the_report_lacks_is_a_problem_and_not_silent(schedule, capfd, monkeypatch):
    file, out = schedule('when = "figure"\nreport = "daily"\nfigure = "singals"\nabove = 1')
    result = run_due(read_schedule(file), now=NOON, out=out, run=build_day, environ={})
    (problem,) = result.problems
    assert "has no figure 'singals'. Hint: it has signals, More than chance?" in problem
    monkeypatch.setenv("DESK", "http://127.0.0.1:9/")
    call = ["--schedule", str(file), "--out", str(out), "--now", NOON.isoformat()]
    for command in (["report", "due"], ["report", "due", "--dry-run"], ["schedule", "check"]):
        assert run([*command, *call]) == 1
        assert "has no figure 'singals'" in capfd.readouterr().err


def test_a_process_that_dies_after_queueing_sends_the_alert_once(schedule, monkeypatch):
    file, out = schedule('when = "claim"\nreport = "daily"')
    with serving(lambda _: Reply()) as server:
        call = {"out": out, "run": build_day, "environ": {"DESK": f"{server.address}/hook"}}
        schedule = read_schedule(file)
        run_due(schedule, now=NOON, **call)

        def die(*arguments):
            queued(*arguments)
            raise KeyboardInterrupt

        queued = alerts.enqueue_alert
        with monkeypatch.context() as patch:
            patch.setattr(alerts, "enqueue_alert", die)
            with pytest.raises(KeyboardInterrupt):
                run_due(schedule, now=NOON + DAY, **call)
        for _ in range(2):
            run_due(schedule, now=NOON + DAY, **call)
        assert len(server.requests) == 1


def test_a_dry_run_says_what_would_fire_and_writes_nothing(schedule, capfd):
    file, out = schedule('when = "claim"\nreport = "daily"')
    run_due(read_schedule(file), now=NOON, out=out, run=build_day, environ={})
    build_day("", parameters={"end": "2022-09-11"}, out=out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    call = ["report", "due", "--dry-run", "--schedule", str(file), "--out", str(out)]
    assert run([*call, "--now", (NOON + DAY).isoformat()]) == 0
    assert capfd.readouterr().out.splitlines() == [
        "build daily, due 2022-09-11 07:00 UTC",
        "alert watch (the report daily claims more than chance): would not fire",
    ]
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ('when = "new signl"', "alert.watch, when must be new signal, claim.*'new signal'"),
        ('when = "claim"', "report is missing; a rule for claim needs it"),
        ('when = "claim"\nreport = "dayly"', "an unknown entry; got 'dayly'.*'daily'"),
        ('when = "claim"\nreport = "daily"\nplace = "x"', "unknown key place"),
        ('when = "figure"\nreport = "daily"\nfigure = "n"', "needs one of above and below"),
        (
            'when = "figure"\nreport = "daily"\nfigure = "n"\nabove = "ten"',
            "above must be a number; got 'ten'",
        ),
        ('when = "overdue"\nreport = "daily"\nafter = "6 hours"', "after must be a time span"),
        (
            'when = "no data"\nstore = "s"\ntable = "post"\nafter = "2d"',
            "table must be posts or events; got 'post'",
        ),
    ],
)
def test_errors_in_a_rule_name_key_and_value(schedule, rule, message):
    (problem,) = find_problems(schedule(rule)[0])
    with pytest.raises(type(problem), match=message):
        raise problem


def test_an_unknown_channel_of_a_rule_is_an_error(schedule):
    file, _ = schedule('when = "claim"\nreport = "daily"')
    text = file.read_text(encoding="utf-8").replace('["desk"]', '["dsek"]')
    file.write_text(text, encoding="utf-8")
    (problem,) = find_problems(file)
    assert "alert.watch, notify names an unknown channel; got 'dsek'" in str(problem)
