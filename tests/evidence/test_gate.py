#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# The gate: a good log is accepted; each way to spoil one is refused with its own reason.
import json
import pathlib
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "evidence")]
import check  # noqa: E402
import gen_markers  # noqa: E402
import logs  # noqa: E402
from provider_json import provider_record  # noqa: E402

LISTED = gen_markers.load()
SCHEMA = json.loads((HERE.parents[1] / "evidence/provider.schema.json").read_text(encoding="utf-8"))


class Gate(unittest.TestCase):
    def judge(self, data, key=logs.KEY, gate=True, **more):
        return check.judge(data, LISTED, key, gate, **more)

    def accepted(self, data, **more):
        result = self.judge(data, **more)
        self.assertEqual(result["verdict"], "pass", result["reasons"])
        return result

    def refused(self, data, reason, **more):
        result = self.judge(data, **more)
        self.assertEqual((result["verdict"], result["reason"]), ("refused", reason), result["reasons"])
        self.assertTrue(result["reasons"][0])

    def failed(self, data, words, **more):
        result = self.judge(data, **more)
        self.assertEqual(result["verdict"], "fail", result["reasons"])
        self.assertIn(words, result["reasons"][0])

    @staticmethod
    def bind_only(items):
        activated = ("interrupt-delivered", "provider-nic-probed", "provider-nic-active", "first-frame", "frame-exchange",
                     "provider-nic-teardown", "dhcp-lease", "route", "neighbour", "metadata-nonce", "l4-round-trip", "web-ui-l4")
        return [fact for fact in logs.with_fact("not-attempted", "iommu+smp", items + "+dhcp+metadata+l4+web")
                if fact[0] not in activated]

    def spoiled(self, change):
        lines = logs.evidence()
        change(lines)
        return logs.console(lines)


class SoundLogs(Gate):
    def test_good_console_log_passes_both_gates(self):
        self.assertEqual(len(self.accepted(logs.console(logs.evidence()))["lines"]), len(logs.FACTS) + 1)
        self.accepted(logs.console(logs.evidence()), gate=False)

    def test_good_port_log_passes(self):
        self.accepted(logs.port(logs.evidence()))

    def test_carriage_returns_of_a_serial_line_are_tolerated(self):
        self.accepted(logs.console(logs.evidence(), newline="\r\n"))

    def test_firmware_text_before_the_landmark_is_tolerated(self):
        self.accepted(b"SeaBIOS \x1b[2J\xff\nBooting\n" + logs.console(logs.evidence()))

    def test_console_and_port_with_the_same_lines_pass(self):
        self.accepted(logs.console(logs.evidence()), port_data=logs.port(logs.evidence()))

    def test_firmware_text_on_the_evidence_port_ends_at_the_landmark(self):
        firmware = b"\x1b[2JBdsDxe: loading\nWelcome\ncapos kernel starting\n"
        self.accepted(logs.console(logs.evidence()), port_data=firmware + logs.port(logs.evidence()))
        self.refused(logs.console(logs.evidence()), "no-landmark", port_data=b"Welcome\n" + logs.port(logs.evidence()))
        self.refused(logs.console(logs.evidence()), "no-landmark", port_data=firmware + logs.port(logs.evidence()) + b"more\n")

    def test_run_without_activation_passes_the_provider_gate(self):
        self.accepted(logs.console(logs.evidence(self.bind_only("interrupt-delivery+iommu"))))

    def test_interrupts_not_attempted_are_listed(self):
        listed = [fact for fact in logs.with_fact("not-attempted", "iommu", "iommu+interrupt-delivery")
                  if fact[0] != "interrupt-delivered"]
        self.accepted(logs.console(logs.evidence(listed)))

    def test_without_key_the_landmark_gate_passes_and_the_provider_gate_does_not(self):
        self.accepted(logs.console(logs.evidence()), key=None, gate=False)
        self.failed(logs.console(logs.evidence()), "chain was not checked", key=None)


class RefusedLogs(Gate):
    def test_marker_missing_from_the_sequence(self):
        self.refused(self.spoiled(lambda lines: lines.pop(4)), "sequence")

    def test_required_marker_never_emitted(self):
        self.refused(logs.console(logs.evidence([fact for fact in logs.FACTS if fact[0] != "audit"])), "missing-marker")

    def test_marker_without_the_one_it_needs(self):
        facts = [fact for fact in logs.FACTS if fact[0] not in ("first-frame",)]
        self.refused(logs.console(logs.evidence(facts)), "missing-marker")

    def test_activation_without_teardown(self):
        facts = [fact for fact in logs.FACTS if fact[0] != "provider-nic-teardown"]
        self.refused(logs.console(logs.evidence(facts)), "missing-marker")

    def test_line_repeated(self):
        self.refused(self.spoiled(lambda lines: lines.insert(5, lines[4])), "sequence")

    def test_marker_emitted_twice(self):
        self.refused(logs.console(logs.evidence(logs.FACTS[:5] + logs.FACTS[4:])), "repeated")

    def test_lines_reordered(self):
        def swap(lines):
            lines[2], lines[3] = lines[3], lines[2]
        self.refused(self.spoiled(swap), "sequence")

    def test_markers_emitted_in_another_order(self):
        facts = list(logs.FACTS)
        frame, lease = (next(i for i, fact in enumerate(facts) if fact[0] == name) for name in ("first-frame", "dhcp-lease"))
        facts[frame], facts[lease] = facts[lease], facts[frame]
        self.refused(logs.console(logs.evidence(facts)), "order")

    def test_value_altered(self):
        def alter(lines):
            at = next(i for i, line in enumerate(lines) if "stale_refused=8" in line)
            lines[at] = lines[at].replace("stale_refused=8", "stale_refused=9")
        self.refused(self.spoiled(alter), "chain")

    def test_other_key(self):
        self.refused(logs.console(logs.evidence()), "chain", key=logs.OTHER_KEY)

    def test_no_end(self):
        self.refused(logs.console(logs.evidence(end=False)), "no-end")

    def test_end_cut_off(self):
        self.refused(self.spoiled(lambda lines: lines.pop()), "no-end")

    def test_wrong_count(self):
        self.refused(logs.console(logs.evidence(count=3)), "end-count")

    def test_line_after_the_end(self):
        self.refused(logs.console(logs.evidence(logs.FACTS + [("end", "count=13")], count=14)), "after-end")

    def test_other_boot_id_in_one_line(self):
        def alter(lines):
            lines[6] = lines[6].replace(logs.BOOT, "f" * 16)
        self.refused(self.spoiled(alter), "boot-id")

    def test_spliced_from_another_run_of_the_same_key_and_boot(self):
        other = logs.evidence(logs.with_fact("platform", "commit=abc", "commit=def"))
        self.refused(logs.console(logs.evidence()[:5] + other[5:]), "chain")

    def test_spliced_from_another_boot(self):
        other = logs.evidence(boot="f" * 16)
        self.refused(logs.console(logs.evidence()[:5] + other[5:]), "boot-id")

    def test_truncated_line(self):
        def cut(lines):
            lines[3] = lines[3][:60]
        self.refused(self.spoiled(cut), "grammar")

    def test_truncated_last_line(self):
        self.refused(logs.port(logs.evidence())[:-1], "truncated")

    def test_spoofed_text_line(self):
        self.refused(self.spoiled(lambda lines: lines.insert(3, logs.PREFIX + " provider-nic-bound all is well")), "grammar")

    def test_spoofed_line_with_a_made_up_chain(self):
        fake = f"{logs.PREFIX} end v1:seq=5,boot={logs.BOOT},chain={'0' * 64},count=5"
        self.refused(self.spoiled(lambda lines: lines.insert(5, fake)), "chain")

    def test_unknown_marker(self):
        self.refused(logs.console(logs.evidence(logs.FACTS[:4] + [("all-good", "x=1")] + logs.FACTS[4:])), "unknown-marker")

    def test_unknown_fact(self):
        self.refused(logs.console(logs.evidence(logs.with_fact("audit", "records=", "extra=1,records="))), "unknown-fact")

    def test_fact_missing_repeated_or_moved(self):
        self.refused(logs.console(logs.evidence(logs.with_fact("inventory", "buses=1,", ""))), "facts")
        self.refused(logs.console(logs.evidence(logs.with_fact("inventory", "buses=1,", "buses=1,buses=1,"))), "facts")
        moved = logs.with_fact("inventory", "functions=2,buses=1", "buses=1,functions=2")
        self.refused(logs.console(logs.evidence(moved)), "facts")

    def test_value_of_another_kind(self):
        for name, old, new in [("inventory", "buses=1", "buses=01"), ("inventory", "buses=1", f"buses={1 << 64}"),
                               ("first-frame", "0x0806", "0x806"), ("provider-nic-bound", "00:04.0", "00:24.0"),
                               ("provider-nic-probed", "52:54:00", "52:54:0"), ("inventory", "dma=bounce", "dma=100%")]:
            self.refused(logs.console(logs.evidence(logs.with_fact(name, old, new))), "fact-kind")

    def test_no_landmark(self):
        self.refused(logs.console(logs.evidence()).split(b"\n", 1)[1], "no-landmark")
        self.refused(b"hello\n" + logs.port(logs.evidence()), "no-landmark")

    def test_evidence_before_the_landmark(self):
        lines = logs.evidence()
        self.refused((lines[0] + "\n").encode() + logs.console(lines[1:]), "no-landmark")

    def test_two_boots_in_one_log(self):
        self.refused(logs.console(logs.evidence()) * 2, "second-landmark")

    def test_empty_logs(self):
        self.refused(b"", "empty")
        self.refused(b"capos kernel starting\n", "no-end")

    def test_ports_that_differ(self):
        other = logs.evidence(logs.with_fact("platform", "commit=abc", "commit=def"))
        self.refused(logs.console(logs.evidence()), "ports-differ", port_data=logs.port(other))

    def test_bytes_outside_ascii_in_an_evidence_line(self):
        data = logs.console(logs.evidence()).replace(b"commit=abc", b"commit=\xe4bc")
        self.refused(data, "grammar")


class FailedClaims(Gate):
    def test_provider_marker_missing_under_its_gate_only(self):
        without = [fact for fact in logs.FACTS if fact[0] != "provider-nic-bound"]
        self.failed(logs.console(logs.evidence(without)), "provider-nic-bound is missing")
        self.accepted(logs.console(logs.evidence(without)), gate=False)

    def test_interrupts_neither_delivered_nor_listed_or_both(self):
        self.failed(logs.console(logs.evidence(self.bind_only("iommu"))), "interrupt-delivered is missing")
        self.failed(logs.console(logs.evidence(self.bind_only("iommu"))), "interrupt-delivered is missing", gate=False)
        both = logs.with_fact("not-attempted", "iommu", "iommu+interrupt-delivery")
        self.failed(logs.console(logs.evidence(both)), "interrupt-delivered is there, and not-attempted lists")

    def test_a_disk_that_was_bound_and_not_read(self):
        facts = [fact for fact in logs.with_fact("not-attempted", "iommu", "storage-package+iommu")
                 if not fact[0].startswith("storage-") or fact[0] == "storage-bound"]
        self.failed(logs.port(logs.evidence(facts)), "storage-read is missing", gate=False)

    def test_a_claim_that_the_kernel_says_did_not_hold(self):
        log = logs.console(logs.evidence(), newline="\r\n") + b"claim failed: a proof\r\n"
        self.failed(log, "the log says: claim failed: a proof", gate=False)
        self.accepted(logs.console(logs.evidence()) + b"init: claim failed: no\n")
        said = self.judge(log, run={"holds": False, "reasons": ["a proof"]})
        self.assertEqual(said["reasons"], ["the simulator: a proof"])  # once is enough

    def test_each_expectation_can_fail(self):
        tried = 0
        for name, old, new in [("driver-denials", "tried=13,denied=13,audited=13", "tried=0,denied=0,audited=0"),
                               ("driver-denials", "denied=13", "denied=12"),
                               ("driver-denials", "audited=13", "audited=14"),
                               ("driver-denials", "budget=restored", "budget=short"),
                               ("provider-nic-bound", "dma_pages=4", "dma_pages=0"),
                               ("provider-nic-bound", "stale_refused=8", "stale_refused=7"),
                               ("provider-nic-bound", "stale_refused=8,stale_tried=8", "stale_refused=0,stale_tried=0"),
                               ("provider-nic-bound", "common_config_writes=0", "common_config_writes=1"),
                               ("provider-nic-bound", "budget=restored", "budget=short"),
                               ("provider-nic-bound", "raise=not-attempted", "raise=seen"),
                               ("inventory", "functions=2", "functions=3"),
                               ("storage-bound", "dma_pages=4", "dma_pages=0"),
                               ("storage-bound", "stale_refused=6", "stale_refused=5"),
                               ("storage-bound", "stale_refused=6,stale_tried=6", "stale_refused=0,stale_tried=0"),
                               ("storage-bound", "common_config_writes=0", "common_config_writes=1"),
                               ("storage-bound", "budget=restored", "budget=short"),
                               ("storage-bound", "raise=not-attempted", "raise=seen"),
                               ("storage-read", "bytes=512,block=", "bytes=256,block="),
                               ("storage-read", "completions=6", "completions=1"),
                               ("storage-package", "reads=8", "reads=0"),
                               ("storage-package", "completions=15", "completions=7"),
                               ("storage-teardown", "reset=confirmed", "reset=written"),
                               ("storage-teardown", "quarantined=0", "quarantined=1"),
                               ("storage-teardown", "stale_refused=7", "stale_refused=6"),
                               ("storage-teardown", "stale_refused=7,stale_tried=7", "stale_refused=0,stale_tried=0"),
                               ("storage-teardown", "budget=restored", "budget=short"),
                               ("interrupt-delivered", "delivered=1,acked=1", "delivered=0,acked=0"),
                               ("interrupt-delivered", "acked=1", "acked=0"),
                               ("interrupt-delivered", "masked_delivered=0", "masked_delivered=1"),
                               ("interrupt-delivered", "unmasked_delivered=1", "unmasked_delivered=0"),
                               ("interrupt-delivered", "stale_refused=6,stale_tried=6", "stale_refused=0,stale_tried=0"),
                               ("interrupt-delivered", "stale_refused=6", "stale_refused=5"),
                               ("interrupt-delivered", "stale_woken=0", "stale_woken=1"),
                               ("interrupt-delivered", "successor_delivered=1", "successor_delivered=0"),
                               ("interrupt-delivered", "budget=restored", "budget=short"),
                               ("interrupt-delivered", "raise=proven", "raise=not-attempted"),
                               ("first-frame", "used_len=76", "used_len=74"),
                               ("frame-exchange", "exchanges=10000", "exchanges=0"),
                               ("frame-exchange", "faults=0", "faults=1"),
                               ("provider-nic-teardown", "reset=confirmed", "reset=late"),
                               ("provider-nic-teardown", "quarantined=0", "quarantined=4"),
                               ("provider-nic-teardown", "stale_refused=9,stale_tried=9", "stale_refused=0,stale_tried=0"),
                               ("provider-nic-teardown", "stale_refused=9", "stale_refused=8"),
                               ("provider-nic-teardown", "budget=restored", "budget=short"),
                               ("dhcp-lease", "bits=24", "bits=0"),
                               ("dhcp-lease", "completions=9", "completions=3"),
                               ("route", "routes=2", "routes=0"),
                               ("metadata-nonce", "status=200", "status=404"),
                               ("metadata-nonce", "completions=13", "completions=5"),
                               ("l4-round-trip", "acknowledged=8", "acknowledged=7"),
                               ("web-ui-l4", "page=1543", "page=0"),
                               ("web-ui-l4", "logins=1", "logins=0"),
                               ("web-ui-l4", "completions=35", "completions=7"),
                               ("access-path", "path=serial-console-shell", "path=web-shell"),
                               ("access-path", "accepted=1", "accepted=0")]:
            with self.subTest(f"{name} {new}"):
                self.failed(logs.console(logs.evidence(logs.with_fact(name, old, new))), name)
            tried += 1
        listed = sum(len(marker.get("expect", [])) for marker in LISTED["markers"])
        self.assertGreaterEqual(tried, listed + 1)


    def test_reply_of_a_peer_that_is_not_libslirp_may_be_a_plain_minimum_frame(self):
        short = logs.console(logs.evidence(logs.with_fact("first-frame", "used_len=76", "used_len=72")))
        self.accepted(short, run={"backend": "script"})
        self.failed(short, "first-frame", run={"backend": "slirp"})
        self.failed(short, "first-frame")

    def test_a_client_that_asked_for_the_web_is_held_against_its_marker(self):
        good, nonce = logs.console(logs.evidence()), "0" * 32
        web = {"host": "127.0.0.1:8080", "asked": nonce, "nonce": nonce, "number": "0011223344556677",
               "session": "0123456789abcdef", "page_bytes": 1543, "statuses": {}, "times_ms": {}, "reasons": []}
        self.accepted(good, run={"web": web})
        for change, words in (({"number": "0011223344556678"}, "web-ui-l4: number="), ({"session": "x"}, "web-ui-l4: session="),
                              ({"page_bytes": 1544}, "web-ui-l4: page=1543, the client outside has 1544"),
                              ({"nonce": "1" * 32}, "web: the page showed the nonce 1111"),
                              ({"reasons": ["web: login: status 401 wrong, not 200"]}, "login: status 401 wrong")):
            with self.subTest(words):
                self.failed(good, words, run={"web": {**web, **change}})
        # On a cloud the page shows what is made of the run's nonce, which itself no program is told.
        cloud = {"cloud": {"nonce": "00112233445566778899aabbccddeeff"}}
        self.failed(good, "another nonce than this run's", run={"web": web, **cloud})
        made = check.web_nonce(cloud["cloud"]["nonce"])
        self.accepted(good, run={"web": {**web, "asked": made, "nonce": made}, **cloud})
        without = logs.console(logs.evidence([fact for fact in logs.FACTS if fact[0] != "web-ui-l4"]))
        self.failed(without, "web-ui-l4 is missing, and not-attempted does not list web", run={"web": web})

    def test_simulator_can_only_make_a_verdict_worse(self):
        good = logs.console(logs.evidence())
        self.accepted(good, run={"holds": True, "reasons": []})
        self.failed(good, "a monitor complained", run={"holds": False, "reasons": ["a monitor complained"]})
        self.failed(good, "does not hold", run={"holds": False})
        bad = logs.console(logs.evidence(logs.with_fact("frame-exchange", "faults=0", "faults=1")))
        self.failed(bad, "frame-exchange", run={"holds": True})


class ProviderJson(Gate):
    def record(self, data, run=None, **more):
        import jsonschema
        result = self.judge(data, **more)
        record = json.loads(json.dumps(provider_record(result, "provider-nic", "verified", data, run or {})))
        jsonschema.Draft202012Validator.check_schema(SCHEMA)
        jsonschema.Draft202012Validator(SCHEMA).validate(record)
        return record

    def test_accepted_log_gives_a_valid_record(self):
        record = self.record(logs.console(logs.evidence()), {"seed": 7, "wall_ns": 12, "trace": "abc", "list": [1]})
        self.assertTrue(record["provider_nic_proof"]["holds"])
        self.assertEqual(record["enumerated_device_classes"], ["0x020000", "0x060000"])
        self.assertEqual(record["dma_pool_grant"], {"pages": 4, "dma": "bounce"})
        self.assertTrue(record["interrupt_route_allocated"])
        self.assertIs(record["interrupt_route_delivered"], True)
        self.assertEqual(record["timings"], {"wall_ns": 12})
        self.assertEqual(record["not_attempted"], ["iommu", "smp"])
        self.assertNotIn("socket", json.dumps(record))

    def test_delivery_is_true_only_where_its_marker_holds(self):
        spoiled = logs.with_fact("interrupt-delivered", "stale_woken=0", "stale_woken=1")
        self.assertIs(self.record(logs.console(logs.evidence(spoiled)))["interrupt_route_delivered"], False)
        self.assertIs(self.record(logs.console(logs.evidence(spoiled)))["interrupt_route_allocated"], True)
        failed = self.record(logs.console(logs.evidence(self.bind_only("iommu"))))
        self.assertIs(failed["interrupt_route_allocated"], True, "what is allocated alone is not delivered")
        self.assertIs(failed["interrupt_route_delivered"], False)
        unlisted = self.record(logs.console(logs.evidence(self.bind_only("iommu+interrupt-delivery"))))
        self.assertEqual((unlisted["interrupt_route_allocated"], unlisted["interrupt_route_delivered"]), (True, "not-attempted"))
        self.assertEqual(self.record(b"nothing\n")["interrupt_route_delivered"], "not-attempted")

    def test_a_disk_is_shown_or_tried_in_vain_or_not_tried(self):
        shown = self.record(logs.console(logs.evidence()))["storage_bind_proof"]
        self.assertEqual({name: said["holds"] for name, said in shown.items()}, dict.fromkeys(
            ("storage-bound", "storage-read", "storage-package", "storage-teardown"), True))
        for items, said in (("iommu+storage+storage-package", "not-attempted"), ("iommu+storage-package", "not-shown")):
            facts = [fact for fact in logs.with_fact("not-attempted", "iommu", items) if not fact[0].startswith("storage")]
            record = self.record(logs.console(logs.evidence(facts)))
            self.assertEqual((record["storage_bind_proof"], record["verdict"]),
                             (said, "pass" if said == "not-attempted" else "fail"))

    def test_refused_and_failing_logs_give_valid_records(self):
        refused = self.record(b"nothing\n")
        self.assertEqual((refused["verdict"], refused["reason"]), ("refused", "no-landmark"))
        failing = self.record(logs.console(logs.evidence(logs.with_fact("provider-nic-bound", "dma_pages=4", "dma_pages=0"))))
        self.assertFalse(failing["provider_nic_proof"]["holds"])

    def test_schema_refuses_a_socket_field_and_a_missing_field(self):
        import jsonschema
        record = self.record(logs.console(logs.evidence()))
        validator = jsonschema.Draft202012Validator(SCHEMA)
        self.assertFalse(validator.is_valid({**record, "socket": {}}))
        del record["hashes"]
        self.assertFalse(validator.is_valid(record))


class CommandLine(unittest.TestCase):
    def run_check(self, data, *flags, key="00" * 0):
        with tempfile.TemporaryDirectory() as folder:
            log = pathlib.Path(folder) / "console.log"
            log.write_bytes(data)
            (log.parent / "k").write_text(key or logs.KEY.hex(), encoding="ascii")
            from contextlib import redirect_stderr, redirect_stdout
            import io
            out, err = io.StringIO(), io.StringIO()
            with redirect_stdout(out), redirect_stderr(err):
                status = check.main([str(log), "--key-file", str(log.parent / "k"), *flags])
            return status, out.getvalue(), err.getvalue()

    def test_exit_statuses(self):
        good = logs.console(logs.evidence())
        self.assertEqual(self.run_check(good, "--require-provider-nic-proof")[0], 0)
        self.assertEqual(self.run_check(good[:-300], "--require-provider-nic-proof")[0], 4)
        bad = logs.console(logs.evidence(logs.with_fact("frame-exchange", "faults=0", "faults=1")))
        self.assertEqual(self.run_check(bad)[0], 1)
        self.assertEqual(self.run_check(good, key="xyz")[0], 4)
        self.assertEqual(check.main(["/nonexistent/log"]), 4)

    def test_json_flag_prints_one_object(self):
        status, out, _ = self.run_check(logs.console(logs.evidence()), "--json")
        self.assertEqual((status, json.loads(out)["verdict"]), (0, "pass"))


class Generator(unittest.TestCase):
    def test_marker_table_in_docs_is_fresh(self):
        self.assertEqual(gen_markers.main(["--docs", str(HERE.parents[1] / "docs/evidence.md"), "--check"]), 0)

    def test_stale_table_is_noticed(self):
        with tempfile.TemporaryDirectory() as folder:
            page = pathlib.Path(folder) / "page.md"
            page.write_text(f"a\n{gen_markers.BEGIN}\nold\n{gen_markers.END}\nb\n", encoding="utf-8")
            self.assertEqual(gen_markers.main(["--docs", str(page), "--check"]), 1)
            gen_markers.main(["--docs", str(page)])
            self.assertEqual(gen_markers.main(["--docs", str(page), "--check"]), 0)

    def test_mistakes_in_the_list_are_refused(self):
        names = ["a", "end"]
        good = {"name": "a", "repeat": "once", "says": "", "facts": [["x", "u64"]]}
        gen_markers.check_marker(good, names)
        for change in [{"name": "A"}, {"repeat": "twice"}, {"facts": [["x", "float"]]}, {"facts": [["seq", "u64"]]},
                       {"facts": [["x", "u64"], ["x", "u64"]]}, {"needs": ["b"]}, {"expect": [["y", "==", 1]]},
                       {"expect": [["x", "<", 1]]}]:
            with self.assertRaises(ValueError, msg=str(change)):
                gen_markers.check_marker({**good, **change}, names)


if __name__ == "__main__":
    unittest.main()
