"""What each test of the page starts with: one browser for all, one collector for each class."""

import unittest

import browser
from collector import Collector


class PageTest(unittest.TestCase):
    driver = None

    @classmethod
    def setUpClass(cls):
        if PageTest.driver is None:
            PageTest.driver = browser.start()
        cls.collector = Collector()
        cls.addClassCleanup(cls.collector.stop)
        cls.page = browser.Page(PageTest.driver, cls.collector)
        cls.send()

    @classmethod
    def send(cls):
        """Sends what the tests of a class need."""

    def setUp(self):
        browser.emulate(PageTest.driver, 1280, 800)
        PageTest.driver.get_log("browser")

    def tearDown(self):
        if PageTest.driver.current_url.startswith("http"):
            violations, errors = self.page.settled()
            self.assertEqual(violations, [], "the policy refused something of the page itself")
            self.assertEqual(errors, [], "the page's script failed")


def quit_browser():
    if PageTest.driver is not None:
        PageTest.driver.quit()
