"""What unit cases found, as text, as JUnit XML and as SARIF 2.1.0."""

from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

from invariants.cases import Result
from invariants.policy import Policy

SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def as_text(policy: Policy, results: Sequence[Result]) -> str:
    """One line a case, and below a failed one what was expected."""
    lines = [f"policy {policy.id} version {policy.version}, {len(results)} cases"]
    for result in results:
        said = "allowed" if not result.failed else f"refused by {', '.join(result.refused_by)}"
        mark = "FAIL" if result.faults else "ok"
        lines.append(f"  {mark:<5}{result.case.name}: {result.tier}, {said}")
        lines += [f"         {fault}" for fault in result.faults]
        if result.faults and result.case.why:
            lines.append(f"         why: {result.case.why}")
    bad = sum(bool(result.faults) for result in results)
    lines.append(f"{len(results) - bad} of {len(results)} cases are as expected")
    return "\n".join(lines)


def as_data(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Each case as plain JSON."""
    return [
        {
            "name": result.case.name,
            "line": result.case.line,
            "tier": result.tier.value,
            "expected": list(result.case.refused_by),
            "refused_by": list(result.refused_by),
            "passed": not result.faults,
            "faults": list(result.faults),
            "values": {ruling.invariant: list(ruling.values) for ruling in result.failed},
            "z3": result.second.value if result.second else None,
        }
        for result in results
    ]


def as_junit(policy: Policy, results: Sequence[Result], place: str) -> str:
    """A test suite that continuous integration shows; one test case a case."""
    bad = sum(bool(result.faults) for result in results)
    suite = ElementTree.Element(
        "testsuite",
        name=f"policy {policy.id} version {policy.version}",
        tests=str(len(results)),
        failures=str(bad),
        errors="0",
    )
    for result in results:
        one = ElementTree.SubElement(
            suite,
            "testcase",
            classname=policy.id,
            name=result.case.name,
            file=place,
            line=str(result.case.line),
        )
        if result.faults:
            failure = ElementTree.SubElement(one, "failure", message=_plain(result.faults[0]))
            failure.text = _plain("\n".join(result.faults))
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True)


def as_sarif(policy: Policy, results: Sequence[Result], place: str) -> dict[str, Any]:
    """Each failed case as a finding at its line, for code review."""
    return {
        "$schema": SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "plimsoll policy test",
                        "rules": [
                            {"id": rule.id, "shortDescription": {"text": rule.say}}
                            for rule in policy.rules
                        ],
                    }
                },
                "results": [_finding(result, place) for result in results if result.faults],
            }
        ],
    }


def _finding(result: Result, place: str) -> dict[str, Any]:
    text = f"{result.case.name}: {'; '.join(result.faults)}"
    region = {"startLine": result.case.line}
    return {
        "ruleId": next(iter((*result.refused_by, *result.case.refused_by)), "law"),
        "level": "error",
        "message": {"text": text},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": place}, "region": region}}],
    }


def _plain(text: str) -> str:
    """Text without the characters that no XML may hold."""
    return "".join(c if c in "\t\n" or c >= " " else "�" for c in text)
