"""A virtual environment of its own for the reference, below the build's target folder."""

import hashlib
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements.txt"


def target():
    """The folder for everything that is built."""
    return pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or HERE.parent.parent / "target")


def python():
    """The interpreter with the pinned packages; the environment is made when it is missing or outdated."""
    digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    folder = target() / "differential" / f"python-{sys.version_info.major}.{sys.version_info.minor}-{digest}"
    interpreter = folder / "bin" / "python"
    ready = folder / "ready"
    if not ready.exists():
        print(f"making {folder}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        install = [str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*install, "-r", str(REQUIREMENTS)], check=True)
        ready.touch()
    return interpreter


def enter():
    """Starts the program again in the environment, unless it runs there already."""
    wanted = python()
    if pathlib.Path(sys.prefix).resolve() != wanted.parent.parent.resolve():
        os.execv(wanted, [str(wanted), *sys.argv])
