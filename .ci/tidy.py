"""Checks that no compiler does: a sentence on top of each file, file sizes, forgotten notes, layer rules."""

import pathlib
import re
import subprocess
import sys

HARD_LIMIT = 1000  # lines before the tests of a file
MEDIAN_LIMIT = 250
# Layers that are pure: values in, values out (DESIGN.md, section 2).
PURE = {
    "src/model", "src/expr", "src/alias", "src/approval", "src/params", "src/policies", "src/rules", "src/timers", "src/triggers", "src/workflow",
    "src/yaml",
}
IMPURE = re.compile(r"\b(tokio|sqlx|axum|reqwest|std::fs|std::net|std::process|SystemTime::now)\b")
# What the layers of events must not know.
ABOVE = ["crate::content", "crate::engine", "crate::store", "crate::access", "crate::runners", "crate::chat", "crate::api", "crate::cli"]
# What a layer must not know.
FORBIDDEN = {
    "src/engine": ["crate::datastore", "crate::chat", "crate::api", "crate::cli", "crate::content", "axum"],
    "src/store": ["crate::engine", "crate::chat", "crate::api", "crate::cli", "crate::content"],
    "src/content": ["crate::engine", "crate::chat", "crate::api", "crate::cli", "crate::store"],
    "src/workflow": ["crate::content", "crate::engine", "crate::store", "crate::chat", "crate::api", "crate::cli"],
    "src/yaml": ["crate::content", "crate::workflow", "crate::expr"],
    "src/approval": ["crate::content", "crate::engine", "crate::store", "crate::runners", "crate::chat", "crate::api", "crate::cli"],
    "src/rules": ABOVE,
    "src/triggers": ["crate::rules", *ABOVE],
    "src/timers": ["crate::rules", "crate::triggers", *ABOVE],
    "src/policies": ["crate::rules", "crate::triggers", *ABOVE],
    "src/retention": ["crate::engine", "crate::content", "crate::chat", "crate::api", "crate::cli", "axum"],
    "src/answers": ["crate::content", "crate::chat", "crate::api", "crate::cli", "axum"],
    "src/sensors": ["crate::access", "crate::engine", "crate::chat", "crate::api", "crate::cli", "axum"],
    "src/alias": ["crate::content", "crate::engine", "crate::store"],
    "src/runners": ["crate::store", "crate::chat", "crate::api", "crate::cli"],
    "src/datastore": ["crate::content", "crate::chat", "crate::api", "crate::cli", "axum"],
    "src/access": ["crate::chat", "crate::api", "crate::cli", "crate::engine"],
}

problems = []
sizes = []
files = subprocess.run(["git", "ls-files", "src/*.rs"], capture_output=True, text=True, check=True).stdout.split()
for name in files:
    path = pathlib.Path(name)
    if not path.exists():
        continue
    lines = path.read_text(encoding="utf-8").splitlines()
    if not any(line.startswith("//!") for line in lines[:3]):
        problems.append(f"{name}: no //! sentence on top")
    is_test = "tests" in path.stem or "tests" in path.parts
    body = []
    for line in lines:
        if line.startswith("#[cfg(test)]"):
            break
        body.append(line)
    if not is_test:
        sizes.append(len(body))
        if len(body) > HARD_LIMIT:
            problems.append(f"{name}: {len(body)} lines before its tests, the limit is {HARD_LIMIT}")
    for number, line in enumerate(body, 1):
        code = line.split("//")[0]
        if re.search(r"\b(TODO|FIXME|XXX)\b", line) or "todo!(" in code or "unimplemented!(" in code:
            problems.append(f"{name}:{number}: a forgotten note: {line.strip()}")
        if is_test:
            continue
        if any(name.startswith(layer + "/") for layer in PURE) and IMPURE.search(code):
            problems.append(f"{name}:{number}: a pure layer reaches outside: {line.strip()}")
        for layer, words in FORBIDDEN.items():
            if name.startswith(layer + "/") and any(word in code for word in words):
                problems.append(f"{name}:{number}: {layer} must not know this: {line.strip()}")
sizes.sort()
if sizes and sizes[len(sizes) // 2] > MEDIAN_LIMIT:
    problems.append(f"the median file has {sizes[len(sizes) // 2]} lines, more than {MEDIAN_LIMIT}")
for problem in problems:
    print(problem)
print(f"{len(files)} files, median {sizes[len(sizes) // 2] if sizes else 0} lines, {len(problems)} problems")
sys.exit(1 if problems else 0)
