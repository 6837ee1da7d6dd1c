"""The dashboard as a file: whole, consistent, and about families that there are."""
import itertools
import json
import re
import tempfile

import apiserver
import report
import sealway

DASHBOARD = "charts/sealway/dashboards/sealway.json"
BY_ROUTE = re.compile(r"rate\((sealway_\w+)\{([^}]*)\}")


def load():
    with open(DASHBOARD, encoding="utf-8") as f:
        return json.load(f)


def panels():
    return [p for p in load()["panels"] if p["type"] != "row"]


def expressions():
    return [target["expr"] for p in panels() for target in p["targets"]]


def it_can_be_imported_as_it_is():
    d = load()
    assert d["uid"] == "sealway" and d["id"] is None and d["schemaVersion"] == 42
    variables = [v["name"] for v in d["templating"]["list"]]
    assert variables == ["datasource", "job", "instance", "namespace", "route", "top"], variables
    ids = [p["id"] for p in d["panels"]]
    assert len(ids) == len(set(ids))
    for p in panels():
        sources = [p["datasource"], *(t["datasource"] for t in p["targets"])]
        assert all(s["uid"] == "${datasource}" for s in sources), p["title"]


def every_panel_says_what_it_shows_and_what_to_do():
    for p in panels():
        assert len(p["description"]) > 60 and p["description"].endswith("."), p["title"]
        assert p["fieldConfig"]["defaults"]["unit"], p["title"]
    titles = [p["title"] for p in panels() if p["type"] != "stat"]
    twice = {t for t in titles if titles.count(t) > 1}
    assert not twice, twice


def cells(p):
    g = p["gridPos"]
    return itertools.product(range(g["x"], g["x"] + g["w"]), range(g["y"], g["y"] + g["h"]))


def no_panel_lies_on_another():
    taken = {}
    for p in load()["panels"]:
        for cell in cells(p):
            assert cell[0] < 24 and cell not in taken, (p["title"], taken.get(cell))
            taken[cell] = p["title"]


def every_expression_takes_the_variables():
    for expr in expressions():
        for selector in re.findall(r"\{([^}]*)\}", expr):
            assert 'job=~"$job"' in selector and 'instance=~"$instance"' in selector, expr


def rates_leave_out_what_routes_left_behind():
    with tempfile.TemporaryDirectory() as directory, sealway.Sealway(directory) as s:
        p = s.scrape()
    folded = {name: "route" if "route" in dict(labels) else "service"
              for name, labels in p.samples
              if "_removed" in (dict(labels).get("route"), dict(labels).get("service"))}
    assert len(folded) > 8
    for expr in expressions():
        for name, selector in BY_ROUTE.findall(expr):
            if name in folded:
                assert f'{folded[name]}!="_removed"' in selector, expr


def every_family_is_shown_somewhere():
    with tempfile.TemporaryDirectory() as directory, sealway.Sealway(directory) as s:
        families = set(s.scrape().types)
    with apiserver.ApiServer() as api, api.client() as s:
        families |= set(s.scrape().types)
    text = " ".join(expressions())
    named = {re.sub(r"_bucket$", "", name) for name in re.findall(r"(?:sealway|process)_\w+", text)}
    assert named == families, (named - families, families - named)


if __name__ == "__main__":
    report.run(it_can_be_imported_as_it_is, every_panel_says_what_it_shows_and_what_to_do,
               no_panel_lies_on_another, every_expression_takes_the_variables,
               rates_leave_out_what_routes_left_behind, every_family_is_shown_somewhere)
