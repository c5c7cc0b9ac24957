"""A table of what was tried and how it ended, which docs/compatibility.md is made from: CSV, a line for
each test, machine and firmware, the newest result in the place of the older one."""

import csv
import datetime
import os

FIELDS = ['test', 'machine', 'firmware', 'result', 'seconds', 'date']


def read(path):
    """The table's lines as dictionaries; none if there is no table."""
    if not os.path.exists(path):
        return []
    with open(path, encoding='utf-8', newline='') as file:
        return list(csv.DictReader(file))


def merge(path, lines):
    """Adds lines to the table; they replace those of the same test, machine and firmware."""
    table = {(line['test'], line['machine'], line['firmware']): line for line in read(path) + lines}
    with open(f'{path}.new', 'w', encoding='utf-8', newline='') as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator='\n')
        writer.writeheader()
        writer.writerows(table[key] for key in sorted(table))
    os.replace(f'{path}.new', path)


def add(path, test, machine, firmware, result, seconds):  # pylint: disable=too-many-arguments
    """Adds one result: how the test of that name ended on that machine with that firmware."""
    merge(path, [{'test': test, 'machine': machine, 'firmware': firmware, 'result': result,
                  'seconds': f'{seconds:.0f}', 'date': datetime.date.today().isoformat()}])
