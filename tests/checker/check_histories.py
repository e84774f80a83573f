"""Checks recorded histories of client devices against the promises of a box; see README.md.

  check_histories.py FOLDER [--settle SECONDS] [--date-slack SECONDS]
"""

import argparse
import sys

import message_rules
import recording
import state_rules
from story import Story

SHOWN = ("acknowledged sends", "sends of unknown fate", "failed sends", "repeats", "deliveries", "edits acknowledged",
         "deletions", "readings", "live updates", "differences", "histories", "messages seen", "messages compared",
         "states compared", "pts", "orders", "replies seen", "unread counts", "marks", "dates")


def judge(folder, settle=10.0, date_slack=1):
    """Violations as (file, line, invariant, text), and the summary. Raises recording.Unusable."""
    devices = recording.load(folder)
    story = Story(devices, settle)
    story.date_slack = date_slack
    message_rules.check(story)
    state_rules.check(story)
    counted = ", ".join(f"{story.counts[name]} {name}" for name in SHOWN)
    summary = f"checked {len(devices)} devices of {len(story.accounts)} accounts: {counted}; "
    return sorted(set(story.violations)), summary


def main():
    parser = argparse.ArgumentParser(description="Checks recorded histories of client devices.")
    parser.add_argument("folder")
    parser.add_argument("--settle", type=float, default=10.0,
                        help="seconds within which what was acknowledged arrives at the other side (default 10)")
    parser.add_argument("--date-slack", type=int, default=1,
                        help="seconds by which a message may be dated before an older one (default 1)")
    options = parser.parse_args()
    try:
        violations, summary = judge(options.folder, options.settle, options.date_slack)
    except recording.Unusable as error:
        print(f"cannot be judged: {error}")
        return 2
    for file, line, invariant, text in violations:
        print(f"{file}:{line}: {invariant}: {text}")
    print(summary + f"{len(violations)} violations")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
