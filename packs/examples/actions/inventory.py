#!/usr/bin/env python3
"""inventory.py --environment=NAME [--roles=[…]] [--labels={…}]: hosts as JSON."""

import argparse
import ast
import json

HOSTS = {
    "staging": [("web-1", "web"), ("api-1", "api")],
    "production": [("web-1", "web"), ("web-2", "web"), ("api-1", "api"), ("worker-1", "worker")],
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--environment", default="staging")
    parser.add_argument("--roles", type=ast.literal_eval, default=[])
    parser.add_argument("--labels", type=ast.literal_eval, default={})
    options = parser.parse_args()
    hosts = [
        {"name": f"{name}.{options.environment}", "role": role, "labels": options.labels}
        for name, role in HOSTS[options.environment]
        if not options.roles or role in options.roles
    ]
    print(json.dumps({"hosts": hosts, "count": len(hosts)}))


if __name__ == "__main__":
    main()
