"""When the sun is up at the station's site, by astral."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from astral import Observer
from astral.sun import sunrise, sunset

from settings import Site


@dataclass(frozen=True)
class Sun:
    """The sun at a moment; Unix times, and None where it does not rise or set soon."""

    is_up: bool
    sunrise: int | None
    """The next one."""
    sunset: int | None


def sun(site: Site, now: float) -> Sun:
    """Near the poles, a day without sunrise or sunset is one of polling: no reading gets lost."""
    moment = datetime.fromtimestamp(now, UTC)
    observer = Observer(site.latitude, site.longitude)

    def following(what: object) -> datetime | None:
        # The day of UTC may lie half a day off the site's own.
        for days in (-1, 0, 1, 2):
            try:
                found: datetime = what(observer, (moment + timedelta(days)).date())  # type: ignore[operator]
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
