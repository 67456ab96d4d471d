"""The searches that there are, a file each."""

from deepreshape.learn.search.masks import Found
from deepreshape.learn.search.search import Search, searched
from deepreshape.learn.search.senet import SENet
from deepreshape.learn.search.snl import SNL

SEARCHES: tuple[type[Search], ...] = (SNL, SENet)

__all__ = ["SEARCHES", "SNL", "Found", "SENet", "Search", "searched"]
