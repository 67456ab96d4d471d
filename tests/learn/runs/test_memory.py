"""What a run takes of memory: more with more of anything."""

from dataclasses import replace

from deepreshape.design import cost
from deepreshape.learn.runs.memory import CONTEXT, held, on_gpu, pixels
from deepreshape.learn.runs.price import size
from tests.learn.tiny import DATA, NETWORK, RUN, TAUGHT


def test_weights_count_thrice_and_the_outputs_of_a_batch_once() -> None:
    outputs = size(NETWORK).elements * RUN.recipe.batch
    assert held(RUN) == 4 * (3 * cost(NETWORK).params + outputs)


def test_a_batch_is_no_larger_than_the_set() -> None:
    large = replace(RUN, recipe=replace(RUN.recipe, batch=10**9))
    fits = replace(RUN, recipe=replace(RUN.recipe, batch=DATA.train_images))
    assert held(large) == held(fits)


def test_a_pixel_takes_three_bytes() -> None:
    assert pixels(RUN) == 80 * 3 * 8 * 8


def test_a_gpu_holds_the_images_and_a_teacher_too() -> None:
    assert on_gpu(RUN) == CONTEXT + held(RUN) + pixels(RUN)
    assert on_gpu(TAUGHT) == on_gpu(RUN) + 4 * cost(NETWORK).params
