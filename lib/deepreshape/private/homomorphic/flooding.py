"""How an answer's noise is hidden, and how little of it then shows: a bound with its proof.

An answer decrypts to W c - mask and a noise e + f in each coefficient that is sent. The noise e
depends on the weights; the flood f is a sum of four independent uniforms on 0 ... W - 1, for W =
2^bits, less 2 W. Who knows everything but f sees f moved by e. So the answers tell no more than
W c - mask does, up to the total variation between floods that are moved and floods that are not.

*One coefficient.* Let p be the distribution of f, and D the sum over k of (sqrt p(k) - sqrt p(k -
1))^2. The roots of p and of p moved by e differ, as vectors, by at most |e| sqrt D in norm (one
step at a time), so the squared Hellinger distance is at most e^2 D / 2.

*All coefficients.* Floods are independent of each other and of all e, which are made of other
randomness: noise of encryption, keys and masks. Given all e, affinities multiply, so squared
Hellinger distances add up at most: H^2 <= D / 2 * sum e^2. The total variation is at most sqrt(2)
H, so at most sqrt(D sum e^2); with the e drawn, at most the mean of that, so at most

    distance = sqrt(D * sum E[e^2])

over all coefficients of all answers of an image (joint convexity, then Jensen).

*D.* For four uniforms p rises up to 2 W - 2 and falls as it rose. For k < W it is C(k + 3, 3) /
W^4, its step C(k + 2, 2) / W^4; a step squared over (sqrt p(k) + sqrt p(k - 1))^2 is 1 / W^4 for
k = 0, else at most 3 (k + 2) / (8 W^4), since k (k + 3) >= (k + 1)^2. These add up to at most
(3 / 16 + 9 / (16 W) + 1 / (4 W^2)) / W^2. For W <= k <= 2 W - 2 that square of roots is at least
4 p(W - 1) >= 2 / (3 W), and steps are (C(k + 2, 2) - 4 C(k + 2 - W, 2)) / W^4, whose squares sum to
(17 W^5 / 60 - W^4 / 4 - W^3 / 12 - W^2 / 4 + 3 W / 10) / W^8 <= 17 / (60 W^3): together at most
17 / (40 W^2). Both sides, with W >= 2^10: D <= 5 / (4 W^2). (A single uniform would move by |e| / W
in total variation, and the sum over coefficients would be of |e|, not the root of that of e^2.)

*E[e^2].* The client rounds what it encrypts up or down at random such that the mean is exact, and
adds noise of variance 10.5: whatever its share, a coefficient of a fresh ciphertext has noise of
mean zero and variance at most 10.75, independent of the others. A product with weights sums it to
10.75 times the sum of their squares. The encryption of zero that hides the ciphertext adds (u
e_pk + e_2 s), at most degree * 10.5 * (10.5 + 1) for a ternary secret s; rounding the mask moves
the noise by at most one, whatever the mask.

*The other polynomial.* c1 is a ring-learning-with-errors sample under the client's public key, of
the secret u and the noise e_2. Once f alone stands in c0, they are used nowhere else: c1 is then
pseudorandom by the assumption that encryption rests on, and tells nothing of the weights. Changing
to fewer primes, leaving coefficients out and decrypting are done to what is bounded already.
"""

import numpy as np

from deepreshape.private.randomness import Randomness
from deepreshape.private.rings import Words

PRIVACY = 40
"""An image's answers are within 2^-PRIVACY of answers that tell nothing of the weights."""
TERMS = 4
"""Uniforms in a flood."""
LEAST_BITS = 10
"""Of a uniform, so that the bound on D holds."""
STEPS = 5 / 4
"""At most D W^2."""

VARIANCE = 10.5
"""Of an encryption's noise, 21 coins each way, as in SEAL."""
COINS = 21
"""The largest noise of an encryption."""

LIMB = 61
"""A flood's uniforms are drawn in limbs of so many bits."""


def distance(squares: float, bits: int) -> float:
    """How far answers are from those without the noise, whose squares sum to this in the mean, in
    total variation, flooded with uniforms of so many bits; at most 1."""
    if bits < LEAST_BITS:
        return 1.0
    return float(min(1.0, (STEPS * squares) ** 0.5 / 2.0**bits))


def mean_square(weights: float, degree: int) -> float:
    """At most E[e^2] of a coefficient, from the sum of squares of the weights that meet in it."""
    return (VARIANCE + 0.25) * weights + degree * VARIANCE * (VARIANCE + 1) + 1


def largest(weights: float, degree: int) -> int:
    """At most |e|, from the sum of magnitudes of the weights that meet in a coefficient."""
    # Floating point may have lost a part in 2^50.
    return int((COINS + 1) * weights * (1 + 2.0**-40)) + degree * COINS * (COINS + 1) + 2


def drawn(source: Randomness, bits: int, count: int) -> list[Words]:
    """So many floods and 2^(bits + 1), in limbs (count,): the sum of limb i 2^(LIMB i).

    A limb is a sum of TERMS limbs, so it may take two bits more: 63.
    """
    limbs = []
    for low in range(0, bits, LIMB):
        width = min(LIMB, bits - low)
        words = source.bytes(8 * TERMS * count).view(np.uint64) >> np.uint64(64 - width)
        limbs.append(words.reshape(TERMS, count).sum(axis=0, dtype=np.uint64))
    return limbs
