"""What people and programs read: plans, problems and outcomes as JSON, and text and notes made from that JSON alone.

Text and markdown show ids, never logins, names or phones; the JSON of a plan is personal data. Imported by cli; knows
no database, no device and no clock.
"""
