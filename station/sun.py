"""Sunrise and sunset at the station's site, calculated by astral."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from astral import Observer
from astral.sun import sunrise, sunset

from settings import Site


@dataclass(frozen=True)
class Sun:
    """The sun at a moment, in Unix times; None if it does not rise or set within two days."""

    is_up: bool
    sunrise: int | None
    """The next sunrise."""
    sunset: int | None
    """The next sunset."""


def at(site: Site, now: float) -> Sun:
    """The sun at a site.

    Near the poles, it counts as up on days without sunrise or sunset, so that no reading is lost.
    """
    moment = datetime.fromtimestamp(now, UTC)
    observer = Observer(site.latitude, site.longitude)

    def following(event: Callable[..., datetime]) -> datetime | None:
        # The day in UTC can differ from the site's own.
        for days in (-1, 0, 1, 2):
            try:
                found = event(observer, (moment + timedelta(days)).date())
            except ValueError:
                continue
            if found > moment:
                return found
        return None

    rise, set_ = following(sunrise), following(sunset)
    is_up = rise is None or set_ is None or set_ < rise
    return Sun(is_up, _unix(rise), _unix(set_))


def _unix(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())
