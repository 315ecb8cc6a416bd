"""RADIUS as a target: its rows in SQL, live sessions, accounting, and the FreeRADIUS server that reads them."""
