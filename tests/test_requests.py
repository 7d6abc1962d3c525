"""A php-fpm worker after thousands of requests; `make campaign` makes a hundred thousand."""

from php_binding.php import Site
from php_binding.requests import serve


def test_a_worker_holds_no_more_after_thousands_of_requests(site: Site) -> None:
    early, late = serve(site, 6000)
    assert late.descriptors == early.descriptors
    # The allocator's own come and go.
    assert late.maps - early.maps < 10
    assert late.kilobytes - early.kilobytes < 1024
