#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# The page of a run: the verdict of the check first, all parts of it there, one file that loads and runs nothing, and no text of
# anybody becomes markup.
import html.parser
import json
import pathlib
import re
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import runs  # noqa: E402
from runs import check, logs  # noqa: E402
import folder as folders  # noqa: E402
import shape  # noqa: E402
import show  # noqa: E402
import statement  # noqa: E402
from test_record import run_main  # noqa: E402

VOID = {"meta"}
TAGS = {"html", "head", "meta", "title", "style", "body", "header", "main", "footer", "section", "h1", "h2", "h3", "p", "div",
        "strong", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "dl", "dt", "dd", "span", "code", "pre", "b", "details",
        "summary", "svg", "rect"}
ATTRIBUTES = {"lang", "charset", "http-equiv", "content", "name", "class", "role", "viewbox", "preserveaspectratio", "aria-hidden",
              "x", "y", "width", "height"}
EVIL = "</pre></style><script>alert(1)</script><img src=//x onerror=a()>\" onload='a()' \x1b[31m\u202e&lt;"
STEPS = ("make the image", "create instance capos", "wait for the kernel", "delete what was created")


class Reader(html.parser.HTMLParser):
    """Elements in order, balanced; the text of each section by its title."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.open, self.faults, self.sections, self.title, self.style = [], [], {}, None, ""
        self.texts = []
        self.feed(page)
        self.close()
        self.faults += [f"{tag} is not closed" for tag in self.open]

    def handle_starttag(self, tag, attrs):
        if tag not in TAGS:
            self.faults.append(f"element {tag}")
        self.faults += [f"attribute {name} of {tag}" for name, _ in attrs if name not in ATTRIBUTES]
        if tag not in VOID and not self.get_starttag_text().endswith("/>"):
            self.open.append(tag)
        if tag == "h2":
            self.title = ""

    def handle_endtag(self, tag):
        if tag == "rect":
            return
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes another element")
        if tag == "h2":
            self.sections[self.title] = ""
        if tag == "section":
            self.title = None

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)

    def handle_data(self, data):
        if self.open and self.open[-1] == "style":
            self.style += data
        elif self.open and self.open[-1] == "h2":
            self.title += data
        elif self.title is not None:
            self.sections[self.title] += data
        self.texts.append(data)

    def text(self):
        return "".join(self.texts)


class Page(unittest.TestCase):
    def setUp(self):
        own = tempfile.TemporaryDirectory(prefix="capos-page-")
        self.addCleanup(own.cleanup)
        self.run_folder = pathlib.Path(own.name) / "run"

    def events(self, *steps):
        lines = [json.dumps({"t": 1790000000.0 + 2 * at, "event": "step", "step": step}) for at, step in enumerate(steps)]
        lines.insert(1, json.dumps({"t": 1790000001.0, "event": "gcloud", "words": ["compute"], "status": 1}))
        (self.run_folder / "events.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def read(self, path=None, **more):
        """The page, held against what every page must be."""
        made = show.page(folders.judge(path or self.run_folder, **more))
        self.assertEqual(made, show.page(folders.judge(path or self.run_folder, **more)), "the same folder, another page")
        found = Reader(made)
        self.assertEqual(found.faults, [])
        self.assertTrue(made.startswith("<!DOCTYPE html>\n"))
        self.assertIn("default-src 'none'", made)
        self.assertIn('name="viewport" content="width=device-width', made)
        self.assertIn("@media (prefers-color-scheme: dark)", found.style)
        self.assertNotRegex(found.style, r"url\(|@import")
        self.assertIsNone(re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", made))
        return found

    def test_a_whole_run(self):
        record = runs.cloud_run(self.run_folder)
        self.events(*STEPS)
        if runs.HAVE_MINISIGN:
            statement.write(self.run_folder, record, runs.FILES)
        found = self.read()
        self.assertEqual(list(found.sections), [
            "What was shown, and how", "What was not", "How it was judged", "When", "Machine", "Network", "Disk",
            "Markers in the log", "Hashes", "Tried again", "Cost", "What is left", "The log"])
        self.assertRegex(found.text(), r"(?s)capos run capos-261127-00000000, boot 0123456789abcdef\s+Holds")
        for title, words in (("What was shown, and how", "dma_pages 4 at least 1"), ("What was not", "iommu"),
                             ("How it was judged", "26 markers"), ("When", "wait for the kernel"),
                             ("When", "1 calls of gcloud, 1 of them"),
                             ("Machine", "1234567890123456789"), ("Network", "10.77.0.2"), ("Disk", "Google_PersistentDisk"),
                             ("Hashes", record["hashes"]["log_sha256"]), ("Tried again", "stockout"), ("Cost", "0.000900 USD"),
                             ("What is left", "instances"), ("The log", "provider-nic-bound")):
            self.assertIn(words, found.sections[title])
        if runs.HAVE_MINISIGN:
            self.assertIn("made for this run", found.sections["How it was judged"])
        for marker in record["serial"][0]["markers"]:
            self.assertRegex(found.sections["Markers in the log"], rf"{marker['name']}\s*{marker['offset']}\b")

    def test_no_text_of_anybody_becomes_markup(self):
        runs.cloud_run(self.run_folder)
        run = shape.read_json(self.run_folder / "run.json")
        run["run"] = EVIL
        run["cloud"].update(gcloud=EVIL, zone=EVIL, machine_type=EVIL, cpu_platform=EVIL, created=EVIL, guest_os_features=[EVIL])
        run["cloud"]["image"]["name"] = EVIL
        run["retries"] = [{"step": EVIL, "zone": EVIL, "reason": EVIL}]
        run["cost"]["basis"] = EVIL
        run["sweep"] = {"instances": [EVIL]}
        run.update(holds=False, reasons=[EVIL], world=EVIL)
        console = (self.run_folder / "port1.log").read_bytes() + EVIL.encode("utf-8") + b"\x00\xff\r\n"
        (self.run_folder / "port1.log").write_bytes(console)
        run["serial"][0].update(bytes=len(console), sha256=runs.sha256(console))
        runs.write_json(self.run_folder / "run.json", run)
        runs.record(self.run_folder)
        self.events(EVIL, "\ud800")
        found = self.read()
        self.assertGreater(found.text().count("<script>alert(1)</script>"), 10)
        self.assertIn("Does not hold", found.text())
        self.assertIn("1 left", found.sections["What is left"])

    def test_refused_and_failed_runs_say_so_first(self):
        record = runs.cloud_run(self.run_folder)
        log = self.run_folder / "port1.log"
        kept = log.read_bytes()
        log.write_bytes(kept.replace(b"stale_refused=8", b"stale_refused=9"))
        found = self.read()
        self.assertRegex(found.text(), r"capos-261127-00000000\s+Refused")
        self.assertNotIn("What was shown, and how", found.sections, "a record bears out nothing beside a log that is refused")
        self.assertNotIn("Disk", found.sections)
        log.write_bytes(kept)
        runs.write_json(self.run_folder / "provider.json", {**record, "verdict": "fail"})
        self.assertIn("says verdict=fail, the log gives pass", self.read().text())
        runs.cloud_run(self.run_folder, [(name, values.replace("faults=0", "faults=1")) for name, values in runs.facts()])
        found = self.read()
        self.assertRegex(found.text(), r"boot 0123456789abcdef\s+Does not hold")
        self.assertRegex(found.sections["What was shown, and how"], r"fails\s+frame-exchange")
        self.assertRegex(found.sections["What was shown, and how"], r"holds\s+first-frame")

    def test_a_record_alone_is_not_judged(self):
        runs.cloud_run(self.run_folder)
        alone = self.run_folder.parent / "provider.json"
        (self.run_folder / "provider.json").rename(alone)
        found = self.read(alone)
        self.assertIn("Not judged", found.text())
        self.assertIn("it says pass", found.text())
        self.assertNotIn("Holds", found.text())
        self.assertIn("e2-small", found.sections["Machine"])

    def test_a_run_without_cloud_events_or_record(self):
        runs.cloud_run(self.run_folder)
        for old, new in (("port1.log", "console.log"), ("port2.log", "evidence.log")):
            (self.run_folder / old).rename(self.run_folder / new)
        runs.write_json(self.run_folder / "run.json", {"world": "qemu", "holds": True, "reasons": [], "machine": "q35"})
        (self.run_folder / "provider.json").unlink()
        found = self.read(provider_gate=True)
        self.assertIn("Holds", found.text())
        self.assertIn("q35", found.sections["Machine"])
        for title in ("When", "Tried again", "Cost", "What is left"):
            self.assertNotIn(title, found.sections)

    def test_events_that_are_none_and_a_long_log(self):
        runs.cloud_run(self.run_folder)
        with open(self.run_folder / "port1.log", "ab") as file:
            file.write(b"text\r\n" * 40000 + b"x" * 100000 + b"\n")
        (self.run_folder / "events.jsonl").write_text(
            '{"t": 5, "step": "first"}\nnone\n[]\n{"step": "x"}\n{"t": NaN, "step": "x"}\n{"t": 1e400}\n'
            '{"t": 1, "step": "before"}\n{"t": 9, "step": 7}\n{"t": 8, "step": "last"}\n{"t": 10')
        found = self.read()
        self.assertIn("7 lines of events.jsonl are no events", found.sections["When"])
        self.assertRegex(found.sections["When"], r"first\s*0\.0 s\s*3\.0 s\s*last\s*3\.0 s\s*1\.0 s")
        self.assertIn("the middle of the log is not shown", found.sections["The log"])
        self.assertLess(len(found.text()), 400000)

    def test_command(self):
        runs.cloud_run(self.run_folder)
        status, out, _ = run_main(show, self.run_folder)
        self.assertEqual((status, out), (0, f"page: {self.run_folder}/page.html\nverdict: pass gate=provider-nic\n"))
        other = self.run_folder.parent / "other.html"
        self.assertEqual(run_main(show, self.run_folder / "provider.json", "--out", other)[0], 0)
        self.assertEqual(other.read_bytes(), (self.run_folder / "page.html").read_bytes())
        self.assertEqual(run_main(check, self.run_folder)[0], 0, "the page is no part of the record")
        (self.run_folder / "port2.log").write_bytes(logs.port(logs.evidence())[:-1])
        status, out, _ = run_main(show, self.run_folder)
        self.assertEqual((status, re.search("verdict: .*", out)[0]), (0, "verdict: refused gate=provider-nic"))
        for words, due in ((("/nowhere",), 4), ((self.run_folder.parent,), 4), ((), 2),
                           ((self.run_folder, "--out", "/nowhere/page.html"), 4)):
            self.assertEqual(run_main(show, *words)[0], due)


if __name__ == "__main__":
    unittest.main()
