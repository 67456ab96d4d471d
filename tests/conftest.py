"""What all tests share: the same random examples everywhere, and a cache folder of their own."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.sampling import few

# No test depends on time: neither an example, nor how long all of them take to be drawn.
settings.register_profile(
    "project", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("project")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--cases", type=int, help="of each test at most so many cases, evenly")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What no other test may follow comes last; of each test, so many cases as are asked for."""
    if (most := config.getoption("cases")) is not None:
        kept = few([item.nodeid for item in items], most)
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in kept])
        items[:] = [item for item in items if item.nodeid in kept]
    items.sort(key=lambda item: item.get_closest_marker("alone") is not None)


@pytest.fixture(scope="session", autouse=True)
def cache_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What tests decode and probe goes into a folder of the session, not into the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEEPRESHAPE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
