"""php-fpm workers after thousands of requests; `make campaign` makes more of the first kind."""

import pytest

from php.load import check, load
from php.requests import serve
from php.site import Site


def test_a_worker_holds_no_more_after_thousands_of_requests(site: Site) -> None:
    early, late = serve(site, 6000)
    assert late.descriptors == early.descriptors
    # The allocator's own come and go.
    assert late.maps - early.maps < 10
    assert late.kilobytes - early.kilobytes < 1024


@pytest.mark.long
def test_pages_under_load_while_everything_changes(site: Site) -> None:
    """A daemon at 1 kHz, boards that are replaced, workers that are recycled and killed."""
    check(load(site, 100_000, seed=1), 100_000)
