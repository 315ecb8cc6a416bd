"""What people and programs read: plans, problems and outcomes as JSON, and text and notes made from that JSON alone.

A plan may be about a million people: its JSON is written in pieces, its text and its note are made from its gist.
Text and markdown show ids, never logins, names or phones; the JSON of a plan is personal data. Imported by cli; knows
no database, no device and no clock.
"""
