"""What the documents list is what the code has: paths of the REST interface, settings."""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent


def sources(folder):
    files = sorted((ROOT / "src" / folder).rglob("*.cc"))
    return "\n".join(f.read_text() for f in files if not f.stem.endswith(("_test", "_bench")))


def documented(path, pattern):
    return set(re.findall(pattern, (ROOT / "docs" / path).read_text(), re.M))


class DocsTest(unittest.TestCase):
    def test_every_path_is_listed_and_is_there(self):
        # The two paths that create messages are mounted apart from those of the table.
        code = set(re.findall(r'"(/api/v1/[^"?]*|/)",', sources("api") + sources("app")))
        code |= {"/api/v1/app/{app_id}/msg/batch"}
        listed = documented("rest.md", r"^\| `[A-Z]+ ([^`]+)` \|")
        self.assertGreater(len(listed), 10)
        self.assertEqual(listed ^ code, set())

    def test_every_setting_is_listed_and_is_there(self):
        code = set(re.findall(r'\{"([a-z]+\.[a-z_]+)",', (ROOT / "src/app/config.cc").read_text()))
        listed = documented("configuration.md", r"^\| `([a-z]+\.[a-z_]+)` \|")
        self.assertGreater(len(listed), 10)
        self.assertEqual(listed ^ code, set())


if __name__ == "__main__":
    unittest.main()
