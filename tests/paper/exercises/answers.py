"""Answers as people write them: what the library and the page must read alike."""

from deepreshape.paper.exercises.exercise import Task

COUNT = Task("", 343_040, "", "", "ReLUs")
SHARE = Task("", 43.75, "", "", "%", tolerance=0.05)
BELOW = Task("", -0.5, "", "")
NAME = Task("", "HRN-2x5x3x(m=8)-C1-T234", "", "", kind="name")
ORDER = Task("", "S3 > S2 > S4 > S1", "", "", kind="order")

RIGHT = [
    *((COUNT, text) for text in ("343040", " 343,040 ", "343 040", "343\u202f040", "343'040")),
    *(
        (COUNT, text)
        for text in ("343_040", "343040.0", "3.4304e5", "+343,040 relus", "343040ReLUs")
    ),
    *((SHARE, text) for text in ("43.75", "43.75 %", "43.8%", "43.7", "43.80")),
    *((BELOW, text) for text in ("-0.5", "-.5", "−0.5", "-5e-1")),
    *((NAME, text) for text in ("HRN-2x5x3x(m=8)-C1-T234", "hrn-2×5×3×( m = 8 )–c1–t234")),
    *((ORDER, text) for text in ("S3 > S2 > S4 > S1", "3,2,4,1", "3 2 4 1", "s3>s2>s4>s1", "3241")),
]
WRONG = [
    *((COUNT, text) for text in ("343041", "343,040.5", "343", "-343040", "34304.0e2")),
    *((SHARE, text) for text in ("43.69", "43.81 %", "0.4375", "4375")),
    *((BELOW, text) for text in ("0.5", "5")),
    *((NAME, text) for text in ("HRN-2x5x3x-C1-T234", "HRN-2x5x3x(m=8)", "2x5x3x")),
    *((ORDER, text) for text in ("S3 > S2 > S1 > S4", "3,2,4", "1,2,3,4")),
]
NO_NUMBERS = [
    *((COUNT, text) for text in ("many", "1,23", "12,34,567", "1.2.3", "1 2", "%", "-", ".", "e5")),
    *((COUNT, text) for text in ("0x10", "1/2", "NaN", "Infinity", "ReLUs")),
    (SHARE, "%"),
]
