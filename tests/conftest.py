"""What all tests share: the same random examples everywhere, and a cache folder of their own."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")


@pytest.fixture(scope="session", autouse=True)
def cache_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What tests decode and probe goes into a folder of the session, not into the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEEPRESHAPE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
