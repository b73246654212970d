"""Asks PyYAML again what each row of yaml.jsonl means; `ours` (where Sayso differs on purpose) is kept."""

import datetime
import json
import math
import pathlib

import yaml


def plain(value):
    """Dates as ISO text; raises where JSON has no place for a value."""
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value) or isinstance(value, (bytes, set, tuple)):
        raise ValueError("no JSON")
    return value


path = pathlib.Path(__file__).with_name("yaml.jsonl")
rows = []
for line in path.read_text().splitlines():
    old = json.loads(line)
    row = {"yaml": old["yaml"]}
    try:
        row["json"] = json.loads(json.dumps(plain(yaml.safe_load(old["yaml"]))))
    except Exception as error:  # PyYAML lets several kinds through
        row["error"] = str(getattr(error, "problem", None) or error)[:80]
    if "ours" in old:
        row["ours"] = old["ours"]
    rows.append(json.dumps(row))
path.write_text("\n".join(rows) + "\n")
