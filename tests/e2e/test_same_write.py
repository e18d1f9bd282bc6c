"""Identical writes, and repeats of a write that is still on its way, on the pairs that test_late_write leaves out."""
import sys
import unittest

from pairs import OTHER_PAIRS, make_cases
from test_late_write import SameWrite

make_cases(sys.modules[__name__], SameWrite, OTHER_PAIRS)


if __name__ == "__main__":
    unittest.main()
