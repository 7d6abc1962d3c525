"""Finds the programs that a station needs on this machine."""

import os
import re
import shutil
import subprocess
from pathlib import Path

PATH = f"{os.environ['PATH']}:/usr/sbin"


class StartError(Exception):
    """Why a station cannot start, with the fix."""


def program(*names: str) -> str:
    """The path of the first of these programs that is installed."""
    for name in names:
        if found := shutil.which(name, path=PATH):
            return found
    raise StartError(f"{' or '.join(names)} not found. Run `make demo`, which installs it")


def php_fpm() -> str:
    """PHP-FPM of the same version as `php`, or the newest; Debian has the version in its name."""
    ask = [program("php"), "-r", "echo PHP_MAJOR_VERSION, '.', PHP_MINOR_VERSION;"]
    version = subprocess.run(ask, stdout=subprocess.PIPE, text=True, check=True).stdout
    # Path.glob raises an error for a directory that this user cannot read.
    directories = [Path(at) for at in PATH.split(":") if os.access(at, os.R_OK | os.X_OK)]
    others = {path.name for directory in directories for path in directory.glob("php-fpm[0-9]*")}
    newest = sorted(others, key=lambda name: [*map(int, re.findall(r"\d+", name))], reverse=True)
    return program("php-fpm", f"php-fpm{version}", *newest)
