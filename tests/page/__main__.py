"""Runs the tests of the page: python tests/page [PATTERN]."""

import pathlib
import sys
import unittest

FOLDER = pathlib.Path(__file__).parent
sys.path.insert(0, str(FOLDER))

import case  # noqa: E402 (found in the folder that was just added)

loader = unittest.TestLoader()
loader.testNamePatterns = [f"*{sys.argv[1]}*"] if len(sys.argv) > 1 else None
try:
    result = unittest.TextTestRunner(verbosity=2).run(loader.discover(str(FOLDER)))
finally:
    case.quit_browser()
sys.exit(not (result.wasSuccessful() and result.testsRun))
