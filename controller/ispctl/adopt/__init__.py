"""What does a database that was there before us mean, and how does it become ours?

Pure: `old` (what was read), `effective` (which rows count for a login), `rates`, `dates`, `meaning` (what the rows say
about one person), `source` (what an import asks and is told), `table` and `customers` (a CSV), `routeros_text` and
`routeros` (an export), `draft` (files from many meanings). With I/O: `reading` (somebody's tables), `freeradius` (them
as a source), `importing` (a source becomes files), `taking` (`ispctl adopt`), `handed` (`ispctl drift --adopt`).
Imported by cli alone.
"""
