#!/usr/bin/env python3
"""A sensor in Python 3: it tells of new files in the folders that rules name.

It speaks the line protocol of docs/sensors.md: what Sayso says comes on standard input, what it says goes to
standard output, one JSON object a line. A file is told again until Sayso has acknowledged it; its id keeps it
from happening twice.
"""

import json
import os
import select
import sys


def say(**message):
    print(json.dumps(message), flush=True)


class Folder:
    """A folder that rules want to hear about."""

    def __init__(self, trigger):
        self.trigger = trigger
        self.path = trigger["parameters"]["folder"]
        # What lies there already is not new.
        self.told = {entry.name for entry in self.files()}

    def files(self):
        try:
            return [entry for entry in os.scandir(self.path) if entry.is_file()]
        except OSError as error:
            say(type="log", level="warning", message=f"{self.path} cannot be read: {error}")
            return []

    def look(self):
        for entry in self.files():
            if entry.name in self.told:
                continue
            try:
                found = entry.stat()
            except OSError:
                continue
            say(
                type="event",
                trigger=self.trigger["ref"],
                id=f"{self.path}/{entry.name}:{found.st_mtime_ns}",
                payload={"folder": self.path, "name": entry.name, "size": found.st_size},
            )

    def acknowledged(self, event):
        path, _, _ = event.rpartition(":")
        folder, _, name = path.rpartition("/")
        if folder == self.path:
            self.told.add(name)


def main():
    folders = {}
    pause = 5
    buffer = b""
    while True:
        ready, _, _ = select.select([0], [], [], pause)
        if ready:
            data = os.read(0, 65536)
            if not data:
                return
            *lines, buffer = (buffer + data).split(b"\n")
            for line in lines:
                message = json.loads(line)
                kind = message["type"]
                if kind == "start":
                    pause = message["poll_interval"] or pause
                    folders = {trigger["ref"]: Folder(trigger) for trigger in message["triggers"]}
                elif kind in ("trigger_added", "trigger_updated"):
                    folders.setdefault(message["trigger"]["ref"], Folder(message["trigger"]))
                elif kind == "trigger_removed":
                    folders.pop(message["trigger"]["ref"], None)
                elif kind == "ack":
                    for folder in folders.values():
                        folder.acknowledged(message["id"])
                elif kind == "refused" and not message["retry"]:
                    say(type="log", level="error", message=f"refused: {message['reason']}")
                    for folder in folders.values():
                        folder.acknowledged(message["id"])
                elif kind == "stop":
                    return
        else:
            for folder in folders.values():
                folder.look()


if __name__ == "__main__":
    sys.exit(main())
